package cipso

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// The options of this table were computed by two programs that share nothing
// with this package, and their categories read back with tshark.
var workedExamples = []struct {
	name       string
	direct     string // a label that spells the categories, if any
	id         uint32 // or a label number that does, in
	order      binary.ByteOrder
	doi        DOI // 0: 3
	tag        TagType
	level      uint8
	categories string // "*" leaves them to direct
	option     string
	padded     int
}{
	{name: "A", direct: "A", tag: 1, level: 250, categories: "2,8", option: "86 0c 00000003 01 06 00 fa 20 80", padded: 12},
	{name: "floor", direct: "_", tag: 1, level: 250, categories: "2,4,5,6,7,8", option: "86 0c 00000003 01 06 00 fa 2f 80", padded: 12},
	{name: "hat", direct: "^", tag: 1, level: 250, categories: "2,4,5,6,7", option: "86 0b 00000003 01 05 00 fa 2f", padded: 12},
	{name: "star", direct: "*", tag: 1, level: 250, categories: "3,5,7", option: "86 0b 00000003 01 05 00 fa 15", padded: 12},
	{name: "huh", direct: "?", tag: 1, level: 250, categories: "3-8", option: "86 0c 00000003 01 06 00 fa 1f 80", padded: 12},
	{name: "web", direct: "@", tag: 1, level: 250, categories: "2", option: "86 0b 00000003 01 05 00 fa 20", padded: 12},
	{name: "foo", direct: "foo", tag: 1, level: 250, categories: "2,3,6,7,10,11,13-16,18,19,21-24", option: "86 0e 00000003 01 08 00 fa 33 37 b7 80", padded: 16},
	{name: "Pop", direct: "Pop", tag: 1, level: 250, categories: "2,4,10,11,13-16,18,19,20", option: "86 0d 00000003 01 07 00 fa 28 37 b8", padded: 16},
	{name: "Secret", direct: "Secret", tag: 1, level: 250,
		categories: "2,4,7,8,10,11,14,16,18,19,23,24,26,27,28,31,34,35,38,40,42,43,44,46", option: "86 10 00000003 01 0a 00 fa 29b2b1b932ba", padded: 16},
	{name: "UNCLASS-NET", direct: "UNCLASS-NET", tag: 1, level: 250, categories: "*", option: "86 15 00000003 01 0f 00 fa 2aa721a620a9a996a722aa", padded: 24},
	{name: "23 bytes", direct: "abcdefghijklmnopqrstuvw", tag: 1, level: 250, categories: "*",
		option: "86 22 00000003 01 1c 00 fa 30b131b232b333b434b535b636b737b838b939ba3abb3b80", padded: 36},
	{name: "id 10 little endian", id: 10, order: binary.LittleEndian, tag: 1, level: 251, categories: "5,7", option: "86 0b 00000003 01 05 00 fb 05", padded: 12},
	{name: "id 10 big endian", id: 10, order: binary.BigEndian, tag: 1, level: 251, categories: "29,31", option: "86 0e 00000003 01 08 00 fb 00000005", padded: 16},
	{name: "id 11 little endian", id: 11, order: binary.LittleEndian, tag: 1, level: 251, categories: "5,7,8", option: "86 0c 00000003 01 06 00 fb 05 80", padded: 12},
	{name: "id 256 little endian", id: 256, order: binary.LittleEndian, tag: 1, level: 251, categories: "16", option: "86 0d 00000003 01 07 00 fb 0000 80", padded: 16},
	{name: "level only", tag: 1, level: 7, option: "86 0a 00000003 01 04 00 07", padded: 12},
	{name: "two categories", tag: 1, level: 7, categories: "1,2", option: "86 0b 00000003 01 05 00 07 60", padded: 12},
	{name: "three categories", tag: 1, level: 5, categories: "2,4,6", option: "86 0b 00000003 01 05 00 05 2a", padded: 12},
	{name: "12 and 26", tag: 1, level: 7, categories: "12,26", option: "86 0e 00000003 01 08 00 07 0008 0020", padded: 16},
	{name: "5 and 19", tag: 1, level: 3, categories: "5,19", option: "86 0d 00000003 01 07 00 03 0400 10", padded: 16},
	{name: "enumerated", tag: 2, level: 5, categories: "2,4,6", option: "86 10 00000003 02 0a 00 05 0002 0004 0006", padded: 16},
	{name: "ranges", tag: 5, level: 5, categories: "2-6,100", option: "86 12 00000003 05 0c 00 05 0064 0064 0006 0002", padded: 20},
	{name: "ranges without the last low", tag: 5, level: 5, categories: "0-3,10-12", option: "86 10 00000003 05 0a 00 05 000c 000a 0003", padded: 16},
	{name: "DOI 16", doi: 16, tag: 1, level: 5, categories: "2,4,6", option: "86 0b 00000010 01 05 00 05 2a", padded: 12},
}

func TestWorkedExamples(t *testing.T) {
	for _, tt := range workedExamples {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.option)
			label := Label{Level: tt.level}
			if tt.categories != "*" {
				label.Categories = categories(t, tt.categories)
			}
			if tt.direct != "" {
				var c Categories
				if !DirectCategories(tt.direct, &c) {
					t.Fatalf("DirectCategories(%q) = false", tt.direct)
				}
				if tt.categories != "*" && c != label.Categories {
					t.Errorf("DirectCategories(%q): %v, want %v", tt.direct, c.String(), tt.categories)
				}
				if text, ok := DirectText(&c, nil); !ok || string(text) != tt.direct {
					t.Errorf("DirectText = %q, %v; want %q", text, ok, tt.direct)
				}
				label.Categories = c
			}
			if tt.order != nil {
				var c Categories
				MappedCategories(tt.id, tt.order, &c)
				if c != label.Categories {
					t.Errorf("MappedCategories(%d): %v, want %v", tt.id, c.String(), tt.categories)
				}
				if id, ok := MappedID(&c, tt.order); !ok || id != tt.id {
					t.Errorf("MappedID = %d, %v; want %d", id, ok, tt.id)
				}
			}
			option := Option{DOI: tt.doi, Tag: tt.tag, Label: label}
			if tt.doi == 0 {
				option.DOI = 3
			}

			got, ok := AppendOption(nil, &option)
			if !ok || !bytes.Equal(got, want) {
				t.Errorf("AppendOption = %x, %v; want %x", got, ok, want)
			}
			definition := Definition{DOI: option.DOI, Tags: []TagType{tt.tag}}
			var dst [MaxOptionLen]byte
			n, tag := definition.Encode(&dst, &label)
			if tag != tt.tag || !bytes.Equal(dst[:n], want) {
				t.Errorf("Encode = %x, tag %d; want %x, tag %d", dst[:n], tag, want, tt.tag)
			}
			if padded := (n + 3) &^ 3; padded != tt.padded {
				t.Errorf("padded length %d, want %d", padded, tt.padded)
			}
			for _, d := range []Decoder{anyStrict, anyCompat, {Definitions: []Definition{definition}}} {
				var o Option
				if _, f := d.Decode(append(want[:len(want):len(want)], 0xff), &o); f.Code != NoFault || o != option {
					t.Errorf("Decode = %+v, %v; want %+v", o, f, option)
				}
			}
		})
	}
}

// What says the same label in other bytes than ours.
func TestOtherEncodings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		option string
		want   string
	}{
		{"empty bitmap byte of older kernels", "86 0b 00000003 01 05 00 07 00", "86 0a 00000003 01 04 00 07"},
		{"ten bytes of bitmap (cipso_rbm_optfmt)", "86 14 00000003 01 0e 00 05 2a 000000000000000000", "86 0b 00000003 01 05 00 05 2a"},
		{"last low of 0 spelt out", "86 0e 00000003 05 08 00 05 0003 0000", "86 0c 00000003 05 06 00 05 0003"},
		{"ranges that touch", "86 12 00000003 05 0c 00 05 0064 0007 0006 0002", "86 0e 00000003 05 08 00 05 0064 0002"},
		{"ranges that touch down to 0", "86 10 00000003 05 0a 00 05 0064 0007 0006", "86 0c 00000003 05 06 00 05 0064"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(t, tt.option)
			var o Option
			if _, f := anyStrict.Decode(in, &o); f.Code != FaultNonCanonical {
				t.Errorf("strict: %v, want %v", f, FaultNonCanonical)
			}
			for _, d := range []*Decoder{&anyLoose, &anyCompat} {
				if _, f := d.Decode(in, &o); f.Code != NoFault {
					t.Fatalf("%+v: %v", d, f)
				}
				if got, _ := AppendOption(nil, &o); hex.EncodeToString(got) != hex.EncodeToString(unhex(t, tt.want)) {
					t.Errorf("re-encoded %x, want %s", got, tt.want)
				}
			}
		})
	}
}

// Tag type 128 carries a security id of the sending machine. It has no meaning
// on a wire, and is the other option of the worked examples.
func TestLocalTagIsRefused(t *testing.T) {
	b := unhex(t, "86 0c 00000010 80 06 0a000000")
	d := Decoder{Compat: true, Definitions: []Definition{{DOI: 16, Tags: []TagType{TagLocal}}}}
	var o Option
	if i, f := d.Decode(b, &o); i != 0 || f != (Fault{FaultTagLocal, 6}) {
		t.Errorf("definition %d, %v", i, f)
	}
	if _, ok := AppendOption(nil, &Option{DOI: 16, Tag: TagLocal}); ok {
		t.Error("built a local tag")
	}
}

// The byte cost of direct labels by their number of characters and by whether
// the last one is odd, which takes a bit more than its byte.
func TestDirectCost(t *testing.T) {
	for _, tt := range []struct {
		name  string
		label string
		want  int
	}{
		{"1", "A", 12}, {"2 even", "Ab", 12}, {"2 odd", "Aa", 16}, {"3", "abc", 16}, {"6", "abcdef", 16}, {"6 odd", "abcdeg", 20},
		{"7", "abcdefg", 20}, {"10 even", "abcdefghij", 20}, {"15", "abcdefghijklmno", 28}, {"22 even", "abcdefghijklmnopqrstuv", 32},
		{"22 odd", "abcdefghijklmnopqrstuw", 36}, {"23", "abcdefghijklmnopqrstuvw", 36},
	} {
		t.Run(tt.name, func(t *testing.T) {
			label := Label{Level: DirectLevel}
			if !DirectCategories(tt.label, &label.Categories) {
				t.Fatal("no direct encoding")
			}
			var dst [MaxOptionLen]byte
			definition := Definition{DOI: 3, Tags: []TagType{TagRestricted}}
			if n, _ := definition.Encode(&dst, &label); (n+3)&^3 != tt.want {
				t.Errorf("%q takes %d bytes, want %d", tt.label, (n+3)&^3, tt.want)
			}
		})
	}
}
