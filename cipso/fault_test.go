package cipso

import (
	"testing"
)

// Every way in which an option can be wrong, with the byte that an ICMP
// parameter problem points at, as Linux does where Linux finds it.
func TestFaults(t *testing.T) {
	both := Decoder{Definitions: []Definition{
		{DOI: 3, Tags: []TagType{TagRestricted}},
		{DOI: 16, Tags: []TagType{TagEnumerated, TagRanges, TagLocal, TagPermissive, TagFreeForm, 0}},
	}}
	for _, tt := range []struct {
		name       string
		option     string
		definition int
		want       Fault
	}{
		{"empty", "", -1, Fault{FaultOptionTruncated, 0}},
		{"another option", "85 0c 00000003 01 06 00 fa 20 80", -1, Fault{FaultNotCIPSO, 0}},
		{"type alone", "86", -1, Fault{FaultOptionTruncated, 0}},
		{"length 0", "86 00 00000003 01 06 00 fa", -1, Fault{FaultOptionShort, 0}},
		{"length 1", "86 01 00000003 01 06 00 fa", -1, Fault{FaultOptionShort, 0}},
		{"length 2", "86 02 00000003 01 06 00 fa", -1, Fault{FaultOptionShort, 1}},
		{"length 7", "86 07 00000003 01 06 00 fa", -1, Fault{FaultOptionShort, 1}},
		{"length 7 and past the end", "86 07 000000", -1, Fault{FaultOptionTruncated, 0}},
		{"length past the end", "86 0d 00000003 01 06 00 fa 20 80", -1, Fault{FaultOptionTruncated, 0}},
		{"length 255", "86 ff 00000003 01 06 00 fa 20 80", -1, Fault{FaultOptionTruncated, 0}},
		{"DOI 0", "86 0c 00000000 01 06 00 fa 20 80", -1, Fault{FaultDOIZero, 2}},
		{"DOI unknown", "86 0c 00000004 01 06 00 fa 20 80", -1, Fault{FaultDOIUnknown, 2}},
		{"DOI in the other byte order", "86 0c 03000000 01 06 00 fa 20 80", -1, Fault{FaultDOIUnknown, 2}},
		{"DOI unknown before tag unknown", "86 0c 00000004 09 06 00 fa 20 80", -1, Fault{FaultDOIUnknown, 2}},
		{"tag 0", "86 0c 00000003 00 06 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 0 although configured", "86 0c 00000010 00 06 00 fa 20 80", 1, Fault{FaultTagUnknown, 6}},
		{"tag 0 past the end", "86 0c 00000003 00 07 00 fa 20 80", 0, Fault{FaultTagLength, 7}},
		{"tag 0 of length 0", "86 0c 00000003 00 00 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 0 past the end in a full list", "86 0c 00000010 00 07 00 fa 20 80", 1, Fault{FaultTagUnknown, 6}},
		{"tag 3 past the end", "86 0c 00000003 03 07 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 3", "86 0c 00000003 03 06 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 127", "86 0c 00000003 7f 06 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 255", "86 0c 00000003 ff 06 00 fa 20 80", 0, Fault{FaultTagUnknown, 6}},
		{"tag 2 not configured", "86 0c 00000003 02 06 00 fa 20 80", 0, Fault{FaultTagNotAllowed, 6}},
		{"tag 1 not configured", "86 0c 00000010 01 06 00 fa 20 80", 1, Fault{FaultTagNotAllowed, 6}},
		{"tag 6", "86 0c 00000003 06 06 00 fa 20 80", 0, Fault{FaultTagNotAllowed, 6}},
		{"tag 6 although configured", "86 0c 00000010 06 06 00 fa 20 80", 1, Fault{FaultTagNotAllowed, 6}},
		{"tag 7 although configured", "86 0c 00000010 07 06 00 fa 20 80", 1, Fault{FaultTagNotAllowed, 6}},
		{"tag 128", "86 0c 00000003 80 06 0a000000", 0, Fault{FaultTagLocal, 6}},
		{"tag 128 although configured", "86 0c 00000010 80 06 0a000000", 1, Fault{FaultTagLocal, 6}},
		{"tag length 0", "86 0c 00000003 01 00 00 fa 20 80", 0, Fault{FaultTagLength, 7}},
		{"tag length 1", "86 0c 00000003 01 01 00 fa 20 80", 0, Fault{FaultTagLength, 7}},
		{"tag length 3", "86 0c 00000003 01 03 00 fa 20 80", 0, Fault{FaultTagLength, 7}},
		{"tag length past the option", "86 0c 00000003 01 07 00 fa 20 80 00", 0, Fault{FaultTagLength, 7}},
		{"tag length 3 and past the option", "86 08 00000003 01 03 00 fa", 0, Fault{FaultTagLength, 7}},
		{"tag of two bytes", "86 08 00000003 01 02", 0, Fault{FaultTagLength, 7}},
		{"zero byte behind the tag", "86 0c 00000003 01 05 00 fa 20 00", 0, Fault{FaultTagUnknown, 11}},
		{"no-operation behind the tag", "86 0c 00000003 01 05 00 fa 20 01", 0, Fault{FaultTagTrailingByte, 11}},
		{"type unknown before trailing byte", "86 0c 00000003 01 05 00 fa 20 02", 0, Fault{FaultTagNotAllowed, 11}},
		{"second tag of length 0", "86 0d 00000003 01 05 00 fa 20 01 00", 0, Fault{FaultTagLength, 12}},
		{"second tag not configured", "86 11 00000003 01 05 00 fa 20 02 06 00 05 0001", 0, Fault{FaultTagNotAllowed, 11}},
		{"second tag wrong", "86 11 00000010 05 04 00 fa 02 07 00 05 0001 00", 1, Fault{FaultCategoryEncoding, 14}},
		{"tag 2 of odd length", "86 0d 00000010 02 07 00 05 0001 00", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 2 not ascending", "86 0e 00000010 02 08 00 05 0002 0001", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 2 with one twice", "86 0e 00000010 02 08 00 05 0002 0002", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 5 of odd length", "86 0d 00000010 05 07 00 05 0001 00", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 5 ascending", "86 12 00000010 05 0c 00 05 0003 0002 0005 0004", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 5 overlapping", "86 12 00000010 05 0c 00 05 0009 0005 0006 0002", 1, Fault{FaultCategoryEncoding, 10}},
		{"tag 5 out of order in a public capture", "86 18 00000010 05 12 00 05 00ef 0009 0007 0005 0300 0000 0000", 1, Fault{FaultCategoryEncoding, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.option)
			for _, compat := range []bool{false, true} {
				d := both
				d.Compat = compat
				o := Option{Tag: 9, Label: Label{Level: 9, Categories: categories(t, "1,3-5")}, Unrepresentable: true}
				definition, f := d.Decode(b, &o)
				if definition != tt.definition || f != tt.want {
					t.Errorf("compat %v: definition %d, %v+%d; want %d, %v+%d", compat, definition, f.Code, f.Offset, tt.definition, tt.want.Code, tt.want.Offset)
				}
				if o.Label != (Label{}) || o.Tag != 0 || o.Unrepresentable {
					t.Errorf("compat %v: something is left of the earlier option: %+v", compat, o)
				}
			}
		})
	}
}

// What Linux takes and a strict decoder does not.
func TestStrictFaults(t *testing.T) {
	for _, tt := range []struct {
		name            string
		option          string
		want            Fault
		loose           Fault  // with AcceptNonCanonical
		categories      string // as Linux understands it
		unrepresentable bool
	}{
		{"alignment 1", "86 0c 00000003 01 06 01 fa 20 80", Fault{FaultAlignment, 8}, Fault{FaultAlignment, 8}, "2,8", false},
		{"alignment 255 in tag 5", "86 0e 00000003 05 08 ff 05 0003 0001", Fault{FaultAlignment, 8}, Fault{FaultAlignment, 8}, "1-3", false},
		{"zero-extended bitmap", "86 0d 00000003 01 07 00 fa 20 80 00", Fault{FaultNonCanonical, 7}, Fault{}, "2,8", false},
		{"bitmap of zeroes", "86 28 00000003 01 22 00 fa" + zeroes(30), Fault{FaultNonCanonical, 7}, Fault{}, "", false},
		{"category 65535 enumerated", "86 0e 00000003 02 08 00 05 0001 ffff", Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "1", true},
		{"category 65535 alone", "86 0c 00000003 02 06 00 05 ffff", Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "", true},
		{"category 65535 in a range", "86 0e 00000003 05 08 00 05 ffff fffd", Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "65533-65534", true},
		{"category 65535 as a range", "86 0e 00000003 05 08 00 05 ffff ffff", Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "", true},
		{"range that ends before it begins", "86 0e 00000003 05 08 00 05 0005 0009", Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "", false},
		{"ranges that rise behind one that ends before it begins", "86 10 00000003 05 0a 00 05 0005 0009 0009",
			Fault{FaultCategoryRange, 10}, Fault{FaultCategoryRange, 10}, "0-9", false},
		{"ranges that share a category", "86 12 00000003 05 0c 00 05 0009 0005 0005 0002", Fault{FaultCategoryEncoding, 10}, Fault{FaultCategoryEncoding, 10}, "2-9", false},
		{"the same range twice", "86 12 00000003 05 0c 00 05 0009 0009 0009 0009", Fault{FaultCategoryEncoding, 10}, Fault{FaultCategoryEncoding, 10}, "9", false},
		{"ranges that touch", "86 12 00000003 05 0c 00 05 0009 0005 0004 0002", Fault{FaultNonCanonical, 10}, Fault{}, "2-9", false},
		{"last low of 0", "86 0e 00000003 05 08 00 05 0009 0000", Fault{FaultNonCanonical, 7}, Fault{}, "0-9", false},
		{"range of category 0 in two numbers", "86 0e 00000003 05 08 00 05 0000 0000", Fault{FaultNonCanonical, 7}, Fault{}, "0", false},
		{"two tags of type 1", "86 10 00000003 01 05 00 fa 20 01 05 00 07 40", Fault{FaultSecondTag, 11}, Fault{FaultSecondTag, 11}, "2", false},
		{"the same tag twice", "86 10 00000003 01 05 00 fa 20 01 05 00 fa 20", Fault{FaultSecondTag, 11}, Fault{FaultSecondTag, 11}, "2", false},
		{"a tag of another type", "86 0f 00000003 01 05 00 fa 20 02 04 00 07", Fault{FaultSecondTag, 11}, Fault{FaultSecondTag, 11}, "2", false},
		{"three tags", "86 14 00000003 01 05 00 fa 20 02 04 00 07 01 05 00 fa 20", Fault{FaultSecondTag, 11}, Fault{FaultSecondTag, 11}, "2", false},
		{"the first tag's fault before the second tag", "86 10 00000003 01 05 01 fa 20 01 05 00 07 40", Fault{FaultAlignment, 8}, Fault{FaultAlignment, 8}, "2", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.option)
			var o Option
			if _, f := anyStrict.Decode(b, &o); f != tt.want {
				t.Errorf("strict: %v+%d, want %v+%d", f.Code, f.Offset, tt.want.Code, tt.want.Offset)
			}
			if i, f := anyLoose.Decode(b, &o); f != tt.loose || i != 0 {
				t.Errorf("AcceptNonCanonical: %v+%d, want %v+%d", f.Code, f.Offset, tt.loose.Code, tt.loose.Offset)
			}
			if _, f := anyCompat.Decode(b, &o); f != (Fault{}) {
				t.Errorf("compat: %v+%d", f.Code, f.Offset)
			}
			if o.Label.Categories != categories(t, tt.categories) || o.Unrepresentable != tt.unrepresentable {
				t.Errorf("compat: categories %v, unrepresentable %v; want %q, %v", o.Label.Categories.String(), o.Unrepresentable, tt.categories, tt.unrepresentable)
			}
			if _, ok := AppendOption(nil, &o); ok == tt.unrepresentable {
				t.Errorf("AppendOption: %v", ok)
			}
		})
	}
}

func zeroes(n int) string {
	s := ""
	for range n {
		s += "00"
	}
	return s
}

func TestPointer(t *testing.T) {
	if p := (Fault{FaultTagLength, 7}).Pointer(20); p != 27 {
		t.Errorf("in the first option: %d", p)
	}
	if p := (Fault{FaultSecondOption, 0}).Pointer(36); p != 36 {
		t.Errorf("second option: %d", p)
	}
}

func TestFaultNames(t *testing.T) {
	seen := make(map[string]FaultCode)
	for c := range faultCodes {
		name := c.String()
		if earlier, ok := seen[name]; ok || name == "unknown" {
			t.Errorf("%d and %d are both %q", earlier, c, name)
		}
		seen[name] = c
	}
	if name := faultCodes.String(); name != "unknown" {
		t.Errorf("no code: %q", name)
	}
}

func TestDefinitions(t *testing.T) {
	b := unhex(t, "86 0a 00000003 01 04 00 07")
	for _, tt := range []struct {
		name       string
		decoder    Decoder
		definition int
		want       FaultCode
	}{
		{"nil is any DOI", Decoder{}, -1, NoFault},
		{"empty is none", Decoder{Definitions: []Definition{}}, -1, FaultDOIUnknown},
		{"second", Decoder{Definitions: []Definition{{DOI: 2}, {DOI: 3, Tags: []TagType{2, 1}}}}, 1, NoFault},
		{"no tags", Decoder{Definitions: []Definition{{DOI: 3}}}, 0, FaultTagNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o Option
			if i, f := tt.decoder.Decode(b, &o); i != tt.definition || f.Code != tt.want {
				t.Errorf("definition %d, %v; want %d, %v", i, f.Code, tt.definition, tt.want)
			}
			if o.DOI != 3 {
				t.Errorf("DOI %d", o.DOI)
			}
		})
	}
}
