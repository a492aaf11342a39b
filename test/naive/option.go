package naive

// Finding is what is wrong with an option and at which byte of it. The names are
// those that the gateway's records use; Fault is "" where nothing is wrong.
type Finding struct {
	Fault string
	At    int
}

// Linux returns the first thing that Linux finds wrong with a CIPSO option off
// the wire, in a domain of interpretation with these tag types. The option is cut
// where its length byte says, which the walk over the header has to see to.
func Linux(option []byte, domain uint32, tags []byte) Finding {
	if len(option) < 8 {
		return Finding{"option-short", 1}
	}
	switch number(option[2:6]) {
	case 0:
		return Finding{"doi-zero", 2}
	case domain:
	default:
		return Finding{"doi-unknown", 2}
	}
	for at := 6; at < len(option); {
		kind := option[at]
		// Linux looks for the type among five places, of which unused ones are
		// 0, and so finds type 0, whose length it then looks at.
		if kind == 0 && len(tags) < 5 && at+1 < len(option) && at+int(option[at+1]) > len(option) {
			return Finding{"tag-length", at + 1}
		}
		if !listed(kind, tags) {
			return Finding{unlisted(kind), at}
		}
		if at+1 == len(option) {
			return Finding{"tag-trailing-byte", at}
		}
		end := at + int(option[at+1])
		if end < at+4 || end > len(option) {
			return Finding{"tag-length", at + 1}
		}
		if !ordered(kind, option[at+4:end]) {
			return Finding{"category-encoding", at + 4}
		}
		at = end
	}
	return Finding{}
}

// Strict returns what a strict reader finds wrong with an option that Linux finds
// nothing wrong with.
func Strict(option []byte) Finding {
	length := int(option[7])
	first, data := option[6:6+length], option[10:6+length]
	if first[2] != 0 {
		return Finding{"alignment", 8}
	}
	if f := spelling(first[0], data); f.Fault != "" {
		return f
	}
	if 6+length < len(option) {
		return Finding{"second-tag", 6 + length}
	}
	return Finding{}
}

// spelling says what is wrong with categories that Linux takes: numbers that are
// none, and second ways to write the same set.
func spelling(kind byte, data []byte) Finding {
	shorter, other := Finding{"noncanonical", 7}, Finding{"noncanonical", 10}
	switch kind {
	case 1:
		if n := len(data); n > 0 && data[n-1] == 0 {
			return shorter
		}
	case 2:
		for i := 0; i < len(data); i += 2 {
			if number(data[i:i+2]) == 65535 {
				return Finding{"category-range", 10}
			}
		}
	case 5:
		touching := false
		for i := 0; i < len(data); i += 4 {
			high, low := ends(data, i)
			if high == 65535 || low > high {
				return Finding{"category-range", 10}
			}
			if i == 0 {
				continue
			}
			_, before := ends(data, i-4)
			if high == before {
				return Finding{"category-encoding", 10}
			}
			touching = touching || high+1 == before
		}
		if touching {
			return other
		}
		if n := len(data); n > 0 && n%4 == 0 && number(data[n-2:]) == 0 {
			return shorter
		}
	}
	return Finding{}
}

// ordered reports whether Linux takes the categories of a tag.
func ordered(kind byte, data []byte) bool {
	if kind == 1 {
		return true
	}
	if len(data)%2 != 0 {
		return false
	}
	switch kind {
	case 2:
		for i := 2; i < len(data); i += 2 {
			if number(data[i:i+2]) <= number(data[i-2:i]) {
				return false
			}
		}
	case 5:
		for i := 4; i < len(data); i += 4 {
			high, _ := ends(data, i)
			if _, before := ends(data, i-4); high > before {
				return false
			}
		}
	}
	return true
}

// ends returns the range at data[i:]: its high end, and its low end, which is 0
// where it is left out.
func ends(data []byte, i int) (high, low uint32) {
	high = number(data[i : i+2])
	if i+4 <= len(data) {
		low = number(data[i+2 : i+4])
	}
	return high, low
}

func listed(kind byte, tags []byte) bool {
	for _, t := range tags {
		if t == kind {
			return true
		}
	}
	return false
}

func unlisted(kind byte) string {
	switch kind {
	case 1, 2, 5, 6, 7:
		return "tag-not-allowed"
	case 128:
		return "tag-local"
	}
	return "tag-unknown"
}

// number reads bytes, the most significant first.
func number(b []byte) uint32 {
	var n uint32
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n
}
