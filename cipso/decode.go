package cipso

import "encoding/binary"

// Decoder decodes options. It is read only; any number of goroutines may share
// it.
type Decoder struct {
	// Definitions are the DOIs that are spoken. nil, unlike an empty slice,
	// means any DOI but 0 with tag types 1, 2 and 5: for tools that show what
	// they see.
	Definitions []Definition

	// Compat takes whatever a Linux host takes and understands it in the same
	// way. Otherwise an option is taken only in its canonical form, but for
	// what a definition's AcceptNonCanonical allows.
	Compat bool
}

// Decode decodes the option that begins at b[0]. b ends where the option ends
// or where the option area of the header ends, and only b[1] bytes are read of
// it. The checks and their order are those of Linux; the checks that only a
// strict decoder makes come after all of them, so an option that Linux refuses
// has the same fault in both modes.
//
// definition is the index of the option's DOI in d.Definitions, or -1 if it
// was not found there or there are none. On a fault o.DOI is what the option
// says (0 if that was not reached) and the remainder of o is empty. Decode does
// not allocate, keeps nothing of b, and accepts any bytes.
func (d *Decoder) Decode(b []byte, o *Option) (definition int, f Fault) {
	o.DOI, o.Tag, o.Unrepresentable = 0, 0, false
	o.Label.Level = 0
	o.Label.Categories.Reset()
	if f := checkLength(b); f.Code != NoFault {
		return -1, f
	}
	b = b[:b[1]:b[1]]
	o.DOI = DOI(binary.BigEndian.Uint32(b[2:HeaderLen]))
	definition, f = d.find(o.DOI)
	if f.Code != NoFault {
		return definition, f
	}
	second := 0
	for at := HeaderLen; at < len(b); at += int(b[at+1]) {
		if f := d.checkTag(b[at:], definition); f.Code != NoFault {
			f.Offset += uint8(at)
			return definition, f
		}
		if at > HeaderLen && second == 0 {
			second = at
		}
	}
	tag := b[HeaderLen : HeaderLen+int(b[HeaderLen+1])]
	if !d.Compat {
		accept := definition >= 0 && d.Definitions[definition].AcceptNonCanonical
		if code, offset := strictTag(tag, accept); code != NoFault {
			return definition, Fault{code, HeaderLen + offset}
		}
		if second != 0 {
			return definition, Fault{FaultSecondTag, uint8(second)}
		}
	}
	// Linux reads the first tag and ignores those behind it.
	o.Tag = TagType(tag[0])
	o.Label.Level = tag[3]
	data, valid := tag[tagHeaderLen:], true
	switch o.Tag {
	case TagRestricted:
		getBitmap(&o.Label.Categories, data)
	case TagEnumerated:
		valid = getEnumerated(&o.Label.Categories, data)
	case TagRanges:
		valid = getRanges(&o.Label.Categories, data)
	}
	o.Unrepresentable = !valid
	return definition, Fault{}
}

// checkLength makes b[:b[1]] safe to take. CVE-2018-10938 was a length byte of
// 0 that made the search for the option go round for ever.
func checkLength(b []byte) Fault {
	switch {
	case len(b) == 0:
		return Fault{Code: FaultOptionTruncated}
	case b[0] != OptionType:
		return Fault{Code: FaultNotCIPSO}
	case len(b) == 1 || int(b[1]) > min(len(b), MaxOptionLen):
		return Fault{Code: FaultOptionTruncated}
	case b[1] < 2:
		return Fault{Code: FaultOptionShort}
	case b[1] < MinOptionLen:
		return Fault{Code: FaultOptionShort, Offset: 1}
	}
	return Fault{}
}

func (d *Decoder) find(doi DOI) (int, Fault) {
	if doi == 0 {
		return -1, Fault{Code: FaultDOIZero, Offset: 2}
	}
	for i := range d.Definitions {
		if d.Definitions[i].DOI == doi {
			return i, Fault{}
		}
	}
	if d.Definitions == nil {
		return -1, Fault{}
	}
	return -1, Fault{Code: FaultDOIUnknown, Offset: 2}
}

// checkTag finds what Linux finds wrong with the tag that begins at b[0]; b
// ends where the option ends. The offset counts from b[0].
func (d *Decoder) checkTag(b []byte, definition int) Fault {
	tag := TagType(b[0])
	switch tag {
	case TagRestricted, TagEnumerated, TagRanges:
		if definition >= 0 && !d.Definitions[definition].allows(tag) {
			return Fault{Code: FaultTagNotAllowed}
		}
	case TagPermissive, TagFreeForm:
		return Fault{Code: FaultTagNotAllowed}
	case TagLocal:
		return Fault{Code: FaultTagLocal}
	case tagUnused:
		if len(b) > 1 && int(b[1]) > len(b) && d.hasUnused(definition) {
			return Fault{Code: FaultTagLength, Offset: 1}
		}
		fallthrough
	default:
		return Fault{Code: FaultTagUnknown}
	}
	if len(b) == 1 {
		return Fault{Code: FaultTagTrailingByte}
	}
	// A tag of length 0 once made the kernel's walk go round for ever
	// (CVE-2013-7470), and the level of a tag of length 2 or 3 lay outside of
	// it (CVE-2019-25160).
	length := int(b[1])
	if length > len(b) || length < tagHeaderLen {
		return Fault{Code: FaultTagLength, Offset: 1}
	}
	data := b[tagHeaderLen:length]
	if tag == TagEnumerated && !checkEnumerated(data) || tag == TagRanges && !checkRanges(data) {
		return Fault{Code: FaultCategoryEncoding, Offset: 4}
	}
	return Fault{}
}

// tagUnused is the tag type that Linux keeps in the unused places of a
// definition's list of types. It finds it there in a packet too, and looks at the
// tag's length before it knows that nobody has defined such a tag.
const tagUnused TagType = 0

// hasUnused reports whether Linux's list for a definition has unused places. Any
// DOI has.
func (d *Decoder) hasUnused(definition int) bool {
	const places = 5
	return definition < 0 || len(d.Definitions[definition].Tags) < places
}

// strictTag finds what else is wrong with a whole tag that Linux would take.
func strictTag(tag []byte, acceptNonCanonical bool) (FaultCode, uint8) {
	if tag[2] != 0 {
		return FaultAlignment, 2
	}
	data := tag[tagHeaderLen:]
	if len(data) == 0 {
		return NoFault, 0
	}
	switch TagType(tag[0]) {
	case TagRestricted:
		if data[len(data)-1] == 0 && !acceptNonCanonical {
			return FaultNonCanonical, 1
		}
	case TagEnumerated:
		if binary.BigEndian.Uint16(data[len(data)-2:]) > MaxCategory {
			return FaultCategoryRange, 4
		}
	case TagRanges:
		return strictRanges(data, acceptNonCanonical)
	}
	return NoFault, 0
}
