package cipso

import "encoding/binary"

// Tag type 2: categories as 16-bit numbers, strictly ascending.

// checkEnumerated reports whether the kernel would take the list.
func checkEnumerated(data []byte) bool {
	if len(data)%2 != 0 {
		return false
	}
	previous := -1
	for ; len(data) > 0; data = data[2:] {
		category := int(binary.BigEndian.Uint16(data))
		if category <= previous {
			return false
		}
		previous = category
	}
	return true
}

// getEnumerated replaces the set by the one of a checked list and reports
// whether all of it are categories: 65535 is none, and passes the check.
func getEnumerated(c *Categories, data []byte) bool {
	c.Reset()
	for ; len(data) > 0; data = data[2:] {
		category := binary.BigEndian.Uint16(data)
		if category > MaxCategory {
			return false // the list is ascending: nothing follows
		}
		c.push(category, category)
	}
	return true
}

func putEnumerated(b []byte, c *Categories) (int, bool) {
	if c.Count()*2 > len(b) {
		return 0, false
	}
	n := 0
	for _, r := range c.Ranges() {
		for category := int(r.Low); category <= int(r.High); category++ {
			binary.BigEndian.PutUint16(b[n:], uint16(category))
			n += 2
		}
	}
	return n, true
}
