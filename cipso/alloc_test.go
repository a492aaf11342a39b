package cipso

import (
	"bytes"
	"testing"
)

// What runs for every packet does not allocate.
func TestNoAllocations(t *testing.T) {
	long := unhex(t, "86 28 00000003 01 22 00 05"+"555555555555555555555555555555555555555555555555555555555555")
	enumerated := unhex(t, "86 10 00000003 02 0a 00 05 0002 0004 0006")
	ranges := unhex(t, "86 12 00000003 05 0c 00 05 0064 0064 0006 0002")
	wrong := unhex(t, "86 12 00000003 05 0c 00 05 0064 0064 0066 0002")
	definition := Definition{DOI: 3, Tags: []TagType{TagRestricted, TagEnumerated, TagRanges}}
	decoders := []Decoder{anyStrict, anyCompat, {Definitions: []Definition{definition}}}
	var o Option
	var c Categories
	var dst [MaxOptionLen]byte
	label := Label{Level: 9, Categories: categories(t, "3,240-250,65534")}
	text := make([]byte, 0, MaxDirectLen)
	buf := make([]byte, 0, MaxOptionLen)
	sink := 0
	for _, tt := range []struct {
		name string
		run  func()
	}{
		{"Decode", func() {
			for i := range decoders {
				decoders[i].Decode(long, &o)
				decoders[i].Decode(enumerated, &o)
				decoders[i].Decode(wrong, &o)
				decoders[i].Decode(ranges, &o)
			}
		}},
		{"Encode", func() { n, _ := definition.Encode(&dst, &label); sink += n }},
		{"AppendOption", func() { b, _ := AppendOption(buf, &o); sink += len(b) }},
		{"DirectCategories", func() { DirectCategories("abcdefghijklmnopqrstuvw", &c) }},
		{"DirectText", func() { b, _ := DirectText(&c, text); sink += len(b) }},
		{"Hash", func() { sink += int(label.Hash()) }},
		{"Equal", func() {
			if label.Equal(&o.Label) {
				sink++
			}
		}},
		{"Add", func() { c.Reset(); c.Add(5, 7); c.Add(1, 1) }},
		{"AppendText", func() { sink += len(c.AppendText(text[:0])) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tt.run); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// Equal labels have equal hashes and others rarely do: not more often than
// chance in the low bits, which a table would use.
func TestHash(t *testing.T) {
	buckets := make(map[uint64]int)
	seen := make(map[uint64]string)
	n := 0
	var o Option
	for level := range 256 {
		for a := range 64 {
			label := Label{Level: uint8(level)}
			label.Categories.Add(uint16(a), uint16(a))
			label.Categories.Add(100, 100+uint16(a)%7)
			h := label.Hash()
			if earlier, ok := seen[h]; ok {
				t.Fatalf("%s and %d/%s", earlier, level, label.Categories.String())
			}
			seen[h] = label.Categories.String()
			buckets[h&1023]++
			n++
		}
	}
	for bucket, count := range buckets {
		if mean := n / 1024; count > 3*mean || count < mean/4 {
			t.Errorf("bucket %d: %d of %d", bucket, count, n)
		}
	}
	// The same label from other bytes.
	anyCompat.Decode(unhex(t, "86 0d 00000003 01 07 00 fa 20 80 00"), &o)
	first := o.Label.Hash()
	if anyCompat.Decode(unhex(t, "86 0e 00000003 02 08 00 fa 0002 0008"), &o); o.Label.Hash() != first {
		t.Error("one label, two hashes")
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bb := range []struct{ name, option string }{
		{"foo", "86 0e 00000003 01 08 00 fa 33 37 b7 80"},
		{"23 bytes", "86 22 00000003 01 1c 00 fa 30b131b232b333b434b535b636b737b838b939ba3abb3b80"},
		{"ranges", "86 12 00000003 05 0c 00 05 0064 0064 0006 0002"},
		{"120 ranges", "86 28 00000003 01 22 00 05 555555555555555555555555555555555555555555555555555555555555"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			option := unhex(b, bb.option)
			d := Decoder{Definitions: []Definition{{DOI: 3, Tags: []TagType{TagRestricted, TagRanges}}}}
			var o Option
			for b.Loop() {
				if _, f := d.Decode(option, &o); f.Code != NoFault {
					b.Fatal(f)
				}
			}
		})
	}
}

func BenchmarkHash(b *testing.B) {
	var l Label
	DirectCategories("abcdefghijklmnopqrstuvw", &l.Categories)
	for b.Loop() {
		l.Hash()
	}
}

func BenchmarkEncode(b *testing.B) {
	var l Label
	DirectCategories("abcdefghijklmnopqrstuvw", &l.Categories)
	d := Definition{DOI: 3, Tags: []TagType{TagRestricted}}
	var dst [MaxOptionLen]byte
	for b.Loop() {
		d.Encode(&dst, &l)
	}
	if bytes.Equal(dst[:2], []byte{0, 0}) {
		b.Fatal("nothing encoded")
	}
}
