package cipso

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// The bytes that a Smack label may have.
const labelBytes = "!#$%&()*+,-.0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// Random labels to the wire and back, against bits computed one at a time.
func TestDirectRoundTrip(t *testing.T) {
	n := 200000
	if testing.Short() {
		n = 20000
	}
	r := rand.New(rand.NewPCG(5, 6))
	definition := Definition{DOI: 3, Tags: []TagType{TagRestricted}}
	decoder := Decoder{Definitions: []Definition{definition}}
	var dst [MaxOptionLen]byte
	var o Option
	var buf [MaxDirectLen]byte
	for range n {
		text := buf[:1+r.IntN(MaxDirectLen)]
		for i := range text {
			text[i] = labelBytes[r.IntN(len(labelBytes))]
		}
		label := Label{Level: DirectLevel}
		if !DirectCategories(string(text), &label.Categories) {
			t.Fatalf("%q: no direct encoding", text)
		}
		count := 0
		for i, b := range text {
			for k := range 8 {
				set := b&(0x80>>k) != 0
				if set {
					count++
				}
				if label.Categories.Contains(uint16(8*i+k+1)) != set {
					t.Fatalf("%q: bit %d of byte %d in %s", text, k, i, label.Categories.String())
				}
			}
			// ASCII leaves the first bit of each byte clear.
			if label.Categories.Contains(uint16(8*i + 1)) {
				t.Fatalf("%q: category %d", text, 8*i+1)
			}
		}
		if label.Categories.Count() != count || label.Categories.Contains(0) {
			t.Fatalf("%q: %s", text, label.Categories.String())
		}
		length, _ := definition.Encode(&dst, &label)
		if length == 0 || length > 34 {
			t.Fatalf("%q: option of %d bytes", text, length)
		}
		if _, f := decoder.Decode(dst[:length], &o); f.Code != NoFault || !o.Label.Equal(&label) {
			t.Fatalf("%q: %x decodes as %+v, %v", text, dst[:length], o, f)
		}
		back, ok := DirectText(&o.Label.Categories, nil)
		if !ok || string(back) != string(text) {
			t.Fatalf("%q: back as %q, %v", text, back, ok)
		}
	}
}

func TestDirectRefusals(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"24 bytes", strings.Repeat("a", 24)},
		{"zero byte", "a\x00b"},
		{"zero byte at the end", "ab\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := categories(t, "1-9")
			if DirectCategories(tt.text, &c) || !c.Empty() {
				t.Errorf("categories %s", c.String())
			}
		})
	}
	for _, tt := range []struct {
		name, categories string
		want             string
		ok               bool
	}{
		{"none", "", "", false},
		{"category 0 alone", "0", "", false},
		{"category 0 beside a label", "0,2,8", "", false},
		{"first byte 0", "10", "", false},
		{"byte 0 in between", "2,18", "", false},
		{"24 bytes", "2,10,18,26,34,42,50,58,66,74,82,90,98,106,114,122,130,138,146,154,162,170,178,186", "", false},
		{"byte 24 alone", "185", "", false},
		{"category 239", "2,239", "", false},
		{"category 240", "2,240", "", false},
		{"category 65534", "65534", "", false},
		{"all 184", "1-184", strings.Repeat("\xff", 23), true},
		{"eighth bit", "1", "\x80", true},
		{"odd last byte", "184,2,10,18,26,34,42,50,58,66,74,82,90,98,106,114,122,130,138,146,154,162,170,178", strings.Repeat("@", 22) + "A", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := categories(t, tt.categories)
			got, ok := DirectText(&c, []byte("> "))
			if ok != tt.ok || string(got) != "> "+tt.want {
				t.Errorf("%q, %v; want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestMapped(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20000 {
		id := uint32(r.Uint64()) >> r.IntN(32)
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian, binary.NativeEndian} {
			var c Categories
			MappedCategories(id, order, &c)
			if got, ok := MappedID(&c, order); got != id || ok != (id != 0) {
				t.Fatalf("%v: %d back as %d, %v", order, id, got, ok)
			}
		}
	}
	for _, text := range []string{"", "0", "0,5", "33", "5,33", "240"} {
		c := categories(t, text)
		if id, ok := MappedID(&c, binary.LittleEndian); ok {
			t.Errorf("%q: id %d", text, id)
		}
	}
}
