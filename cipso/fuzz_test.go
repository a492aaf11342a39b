package cipso

import (
	"bytes"
	"slices"
	"testing"
)

// Any bytes get a verdict. A strict decoder takes exactly what its encoder
// writes; every laxer one takes more and understands it in the same way.
func FuzzDecode(f *testing.F) {
	for _, tt := range workedExamples {
		f.Add(unhex(f, tt.option))
	}
	f.Add(unhex(f, "86 10 00000003 01 05 00 fa 20 01 05 00 07 40"))
	f.Add(unhex(f, "86 10 00000003 05 0a 00 05 0005 0009 0009"))
	f.Add(unhex(f, "86 0e 00000003 02 08 00 05 0001 ffff"))
	f.Add(unhex(f, "86 0d 00000003 01 07 00 fa 20 80 00"))
	three := Definition{DOI: 3, Tags: []TagType{TagRestricted, TagEnumerated, TagRanges}}
	three.AcceptNonCanonical = true
	loose := Decoder{Definitions: []Definition{three}}
	looseAny := func(doi DOI) *Decoder {
		loose.Definitions[0].DOI = doi
		return &loose
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var strict, relaxed, compat Option
		_, sf := anyStrict.Decode(b, &strict)
		_, cf := anyCompat.Decode(b, &compat)
		_, rf := looseAny(strict.DOI).Decode(b, &relaxed)
		if !bytes.Equal(b, before) {
			t.Fatal("the packet was changed")
		}
		if cf.Code != NoFault {
			if sf != cf || rf != cf {
				t.Fatalf("strict %+v, relaxed %+v, compat %+v", sf, rf, cf)
			}
			if strict != (Option{DOI: strict.DOI}) || int(cf.Offset) > MaxOptionLen {
				t.Fatalf("%+v, %+v", strict, cf)
			}
			return
		}
		option := b[:b[1]]
		if want := kernelFault(option); want.Code != NoFault {
			t.Fatalf("compat takes it, the slow twin says %+v", want)
		}
		again, ok := AppendOption(nil, &compat)
		if ok == compat.Unrepresentable {
			t.Fatalf("AppendOption %v for %+v", ok, compat)
		}
		canonical := ok && bytes.Equal(again, option)
		if (sf.Code == NoFault) != canonical {
			t.Fatalf("strict: %+v, but it encodes as %x", sf, again)
		}
		switch {
		case sf.Code == NoFault && (strict != compat || relaxed != strict || rf.Code != NoFault):
			t.Fatalf("strict %+v, relaxed %+v %+v, compat %+v", strict, relaxed, rf, compat)
		case rf.Code == NoFault && relaxed != compat:
			t.Fatalf("relaxed %+v, compat %+v", relaxed, compat)
		case sf.Code != NoFault && strict != (Option{DOI: strict.DOI}):
			t.Fatalf("%+v with %+v", strict, sf)
		case rf.Code == NoFault && sf.Code != NoFault && sf.Code != FaultNonCanonical:
			t.Fatalf("relaxed takes what strict refuses with %+v", sf)
		}
		if ok {
			var back Option
			if _, f := anyStrict.Decode(again, &back); f.Code != NoFault || back != compat {
				t.Fatalf("%x decodes as %+v, %+v", again, back, f)
			}
		}
	})
}

// Each triple of bytes adds a range; whatever the order, the set is the one of
// the slow twin, and survives text and tags.
func FuzzCategories(f *testing.F) {
	f.Add([]byte{0, 5, 0, 0, 4, 0, 0, 6, 1})
	f.Add([]byte{0xff, 0xfe, 0, 0xff, 0xff, 0, 0xff, 0, 0xff})
	f.Add(bytes.Repeat([]byte{1, 1, 1}, 50))
	f.Add([]byte("1,5-7"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCategories(string(b)); err == nil {
			if back, err := ParseCategories(c.String()); err != nil || back != c {
				t.Fatalf("%q: %s, back as %s, %v", b, c.String(), back.String(), err)
			}
		}
		s := make(set)
		var c Categories
		for triple := range slices.Chunk(b[:len(b)/3*3], 3) {
			low := int(triple[0])<<8 | int(triple[1])
			high := low + int(triple[2])
			earlier := c
			if !c.Add(uint16(low), uint16(min(high, 65535))) {
				if c != earlier || low <= high && high <= MaxCategory && len(c.Ranges()) < MaxRanges {
					t.Fatalf("%d-%d refused, %s became %s", low, high, earlier.String(), c.String())
				}
				continue
			}
			for i := low; i <= high; i++ {
				s[uint16(i)] = true
			}
		}
		s.same(t, &c)
		for tag, want := range s.options(7) {
			if got, ok := AppendOption(nil, &Option{DOI: 3, Tag: tag, Label: Label{7, c}}); !ok || !bytes.Equal(got, want) {
				t.Fatalf("tag %d: %x, want %x", tag, got, want)
			}
		}
	})
}
