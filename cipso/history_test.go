package cipso

import (
	"testing"
)

// Bugs that kernels have had in this code, each as an option that showed it.
// None of them may be more than a fault here.
func TestHistoricKernelBugs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		option string
		tags   []TagType
		want   Fault
	}{
		{"CVE-2018-10938: endless search at a length of 0", "86 00 00000003 01 04 00 07", []TagType{1}, Fault{FaultOptionShort, 0}},
		{"CVE-2013-7470: endless walk at a tag length of 0", "86 0a 00000003 01 00 00 07", []TagType{1}, Fault{FaultTagLength, 7}},
		{"the same at the second tag", "86 0c 00000003 01 04 00 07 01 00", []TagType{1}, Fault{FaultTagLength, 11}},
		{"tag length of 1", "86 0a 00000003 01 01 00 07", []TagType{1}, Fault{FaultTagLength, 7}},
		{"CVE-2013-0310: a local tag from outside", "86 0c 00000003 80 06 0a000000", []TagType{128, 1}, Fault{FaultTagLocal, 6}},
		{"CVE-2019-25160: the level lies behind the tag", "86 08 00000003 01 02", []TagType{1}, Fault{FaultTagLength, 7}},
		{"CVE-2019-25160: the level lies behind the option", "86 09 00000003 02 03 00", []TagType{2}, Fault{FaultTagLength, 7}},
		{"CVE-2019-25160: the bitmap is longer than the option", "86 0b 00000003 01 1e 00 07 80", []TagType{1}, Fault{FaultTagLength, 7}},
		{"2017: one byte remains for a tag", "86 0b 00000003 01 04 00 07 01", []TagType{1}, Fault{FaultTagTrailingByte, 10}},
		{"odd byte at the end of a list", "86 0d 00000003 02 07 00 07 0001 01", []TagType{2}, Fault{FaultCategoryEncoding, 10}},
		{"half a range that is not the last low end", "86 0f 00000003 05 09 00 07 0009 0001 00", []TagType{5}, Fault{FaultCategoryEncoding, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			option := unhex(t, tt.option)
			for _, compat := range []bool{false, true} {
				d := Decoder{Compat: compat, Definitions: []Definition{{DOI: 3, Tags: tt.tags}}}
				// With capacity for nothing more: a read behind the end panics.
				exact := append(make([]byte, 0, len(option)), option...)
				var o Option
				if _, f := d.Decode(exact[:len(exact):len(exact)], &o); f != tt.want {
					t.Errorf("compat %v: %v+%d, want %v+%d", compat, f.Code, f.Offset, tt.want.Code, tt.want.Offset)
				}
			}
		})
	}
}

// CVE-2020-10711 and the label without categories that was not recognized
// until 2025 (kernel a158a937d864): "has categories" was a flag beside the set.
// All ways of writing no categories are one label, in every tag type.
func TestNoCategoriesIsOneLabel(t *testing.T) {
	want := Label{Level: 7}
	for _, tt := range []struct{ name, option string }{
		{"no bitmap", "86 0a 00000003 01 04 00 07"},
		{"one zero byte", "86 0b 00000003 01 05 00 07 00"},
		{"ten zero bytes", "86 14 00000003 01 0e 00 07 00000000000000000000"},
		{"thirty zero bytes", "86 28 00000003 01 22 00 07" + zeroes(30)},
		{"empty list", "86 0a 00000003 02 04 00 07"},
		{"no ranges", "86 0a 00000003 05 04 00 07"},
		{"a range without contents", "86 0e 00000003 05 08 00 07 0001 0002"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Option{Label: Label{Categories: categories(t, "1-240")}} // of the packet before
			if _, f := anyCompat.Decode(unhex(t, tt.option), &o); f.Code != NoFault {
				t.Fatal(f)
			}
			if o.Label != want || !o.Label.Equal(&want) || o.Label.Hash() != want.Hash() || o.Unrepresentable {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The last bit of a bitmap, at every length: a walk that is off by one misses
// it or reads one more.
func TestLastBit(t *testing.T) {
	for n := 1; n <= maxBitmap; n++ {
		b := make([]byte, 10+n, 10+n+8)
		copy(b, []byte{OptionType, byte(10 + n), 0, 0, 0, 3, 1, byte(4 + n), 0, 7})
		b[len(b)-1] = 1
		copy(b[len(b):cap(b)], []byte{0xff, 0xff}) // behind the option
		var o Option
		if _, f := anyStrict.Decode(b[:cap(b)], &o); f.Code != NoFault {
			t.Fatalf("%d bytes: %v", n, f)
		}
		var want Categories
		want.Add(uint16(8*n-1), uint16(8*n-1))
		if o.Label.Categories != want {
			t.Fatalf("%d bytes: %s", n, o.Label.Categories.String())
		}
	}
}

// Decode reads nothing behind the option, and what it decoded does not change
// with the packet.
func TestDecodeKeepsNothing(t *testing.T) {
	b := unhex(t, "86 0e 00000003 01 08 00 fa 33 37 b7 80")
	var o, again Option
	anyStrict.Decode(b, &o)
	for _, behind := range []string{"", "00", "ff", "86 0c 00000003", "ffffffffffffffffffffffffffffffffffffffffffffffff"} {
		if _, f := anyStrict.Decode(append(b[:len(b):len(b)], unhex(t, behind)...), &again); f.Code != NoFault || again != o {
			t.Errorf("%q behind it: %+v, %v", behind, again, f)
		}
	}
	clear(b)
	if again != o || o.Label.Categories.String() != "2-3,6-7,10-11,13-16,18-19,21-24" {
		t.Errorf("%+v", o)
	}
}
