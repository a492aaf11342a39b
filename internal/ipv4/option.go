package ipv4

// Option types: RFC 791 section 3.1 and the registry that followed it. Bit 0x80
// is the copied flag: fragments after the first carry the option too.
const (
	typeEnd          = 0
	typeNOP          = 1
	typeRecordRoute  = 7
	typeTimestamp    = 68
	typeBSO          = 130
	typeLooseRoute   = 131
	typeESO          = 133
	typeCIPSO        = 134
	typeStreamID     = 136
	typeStrictRoute  = 137
	typeRouterAlert  = 148
	timestampAddress = 1
	timestampListed  = 3
)

// OptionSet says which options a header carries besides CIPSO and NOP.
type OptionSet uint16

// The members of an OptionSet. OtherOption stands for every type without a name
// of its own here.
const (
	RecordRoute OptionSet = 1 << iota // RFC 791, type 7
	Timestamp                         // RFC 791, type 68
	LooseRoute                        // RFC 791, type 131
	StrictRoute                       // RFC 791, type 137
	RouterAlert                       // RFC 2113, type 148
	StreamID                          // RFC 791, type 136
	BSO                               // RFC 1108 basic security, type 130
	ESO                               // RFC 1108 extended security, type 133
	OtherOption
)

// options walks the option area as Linux does when a packet comes in, and
// reports the same byte as the offending one.
func (v *View) options(s Strictness) Fault {
	b := v.Packet[:v.HeaderLen]
	for o := MinHeaderLen; o < len(b); {
		switch b[o] {
		case typeEnd:
			v.end = o
			if s == Strict {
				// Linux wipes what follows when it forwards; other stacks may
				// read it. It can hide a second label.
				for i := o + 1; i < len(b); i++ {
					if b[i] != 0 {
						return Fault{FaultDataAfterEnd, uint8(i)}
					}
				}
			}
			return Fault{}
		case typeNOP:
			o++
			continue
		}
		if o+1 >= len(b) || b[o+1] < 2 || int(b[o+1]) > len(b)-o {
			return Fault{FaultOptionLength, uint8(o)}
		}
		n := int(b[o+1])
		if b[o] == typeCIPSO {
			if v.CIPSO != 0 {
				return Fault{FaultSecondCIPSO, uint8(o)}
			}
			v.CIPSO, v.CIPSOLen = o, n
		} else {
			kind, bad := v.other(b[o : o+n])
			if bad >= 0 {
				return Fault{FaultOptionMalformed, uint8(o + bad)}
			}
			v.Others |= kind
			v.OthersLen += n
		}
		o += n
	}
	return Fault{}
}

// other names the option opt and returns the offset in it of what Linux objects
// to, or -1. opt is exactly as long as its length byte says, at least 2.
func (v *View) other(opt []byte) (kind OptionSet, bad int) {
	switch opt[0] {
	case typeLooseRoute:
		return LooseRoute, v.sourceRoute(opt)
	case typeStrictRoute:
		return StrictRoute, v.sourceRoute(opt)
	case typeRecordRoute:
		return RecordRoute, v.recordRoute(opt)
	case typeTimestamp:
		return Timestamp, v.timestamp(opt)
	case typeRouterAlert:
		if len(opt) < 4 {
			return RouterAlert, 1
		}
		return RouterAlert, -1
	case typeStreamID:
		return StreamID, -1
	case typeBSO:
		return BSO, -1
	case typeESO:
		return ESO, -1
	}
	return OtherOption, -1
}

// sourceRoute checks a loose or strict source route. A header holds one of the
// two at most; Linux looks for the second only after its shape.
func (v *View) sourceRoute(opt []byte) int {
	switch {
	case len(opt) < 3:
		return 1
	case opt[2] < 4:
		return 2
	case v.Others&(LooseRoute|StrictRoute) != 0:
		return 0
	}
	return -1
}

// recordRoute checks a record route option. Its pointer counts from 1 and either
// lies behind the option (full) or leaves room for an address.
func (v *View) recordRoute(opt []byte) int {
	switch {
	case v.Others&RecordRoute != 0:
		return 0
	case len(opt) < 3:
		return 1
	case opt[2] < 4:
		return 2
	case int(opt[2]) <= len(opt) && int(opt[2])+3 > len(opt):
		return 2
	}
	return -1
}

// timestamp checks a timestamp option: byte 2 is the pointer, byte 3 a count of
// hosts that found no room (high half) and the format (low half).
func (v *View) timestamp(opt []byte) int {
	switch {
	case v.Others&Timestamp != 0:
		return 0
	case len(opt) < 4:
		return 1
	case opt[2] < 5:
		return 2
	}
	next, format := int(opt[2]), opt[3]&0xf
	if next > len(opt) {
		// Full: this host would count itself, and the count must not wrap.
		if format != timestampListed && opt[3]>>4 == 15 {
			return 3
		}
		return -1
	}
	room := 3
	if format == timestampAddress || format == timestampListed {
		room = 7
	}
	if next+room > len(opt) {
		return 2
	}
	return -1
}
