package cipso

import "encoding/binary"

// Tag type 5: ranges as pairs of 16-bit numbers, the high end before the low
// end, descending. A last low end of 0 may be left out.

// nextRange splits the first range off data, which has an even length.
func nextRange(data []byte) (high, low uint16, rest []byte) {
	high = binary.BigEndian.Uint16(data)
	if len(data) < 4 {
		return high, 0, nil
	}
	return high, binary.BigEndian.Uint16(data[2:]), data[4:]
}

// checkRanges reports whether the kernel would take the list. It compares
// nothing but each high end with the low end before: ranges may share a
// category, and a range that ends before it begins lets what follows rise.
func checkRanges(data []byte) bool {
	if len(data)%2 != 0 {
		return false
	}
	previous := uint16(0xffff)
	for len(data) > 0 {
		var high, low uint16
		if high, low, data = nextRange(data); high > previous {
			return false
		}
		previous = low
	}
	return true
}

// strictRanges says what is wrong with a list that the kernel would take.
func strictRanges(data []byte, acceptNonCanonical bool) (FaultCode, uint8) {
	length := len(data)
	touching := false
	previous := 0x10001 // nothing touches it
	for rest := data; len(rest) > 0; {
		var high, low uint16
		high, low, rest = nextRange(rest)
		switch {
		case high > MaxCategory || low > high:
			return FaultCategoryRange, 4
		case int(high) == previous:
			return FaultCategoryEncoding, 4
		case int(high)+1 == previous:
			touching = true
		}
		previous = int(low)
	}
	switch {
	case acceptNonCanonical:
	case touching:
		return FaultNonCanonical, 4
	case length > 0 && length%4 == 0 && previous == 0:
		return FaultNonCanonical, 1
	}
	return NoFault, 0
}

// getRanges replaces the set by the one of a checked list and reports whether
// all of it are categories. As in the kernel, a range that ends before it
// begins holds none.
func getRanges(c *Categories, data []byte) bool {
	c.Reset()
	valid := true
	for len(data) > 0 {
		var high, low uint16
		high, low, data = nextRange(data)
		if low > high {
			continue
		}
		if high > MaxCategory {
			valid = false
			if low > MaxCategory {
				continue
			}
			high = MaxCategory
		}
		c.Add(low, high)
	}
	return valid
}

func putRanges(b []byte, c *Categories) (int, bool) {
	ranges := c.Ranges()
	n := 4 * len(ranges)
	if n > 0 && ranges[0].Low == 0 {
		n -= 2
	}
	if n > len(b) {
		return 0, false
	}
	at := 0
	for i := len(ranges) - 1; i >= 0; i-- {
		binary.BigEndian.PutUint16(b[at:], ranges[i].High)
		if at += 2; at < n {
			binary.BigEndian.PutUint16(b[at:], ranges[i].Low)
			at += 2
		}
	}
	return n, true
}
