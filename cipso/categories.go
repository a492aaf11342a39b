package cipso

import "slices"

// Range is a run of categories. Both ends belong to it.
type Range struct{ Low, High uint16 }

// Categories is a set of categories 0..65534, kept as ascending ranges that
// neither overlap nor touch. There is one representation of each set, so sets
// can be compared with ==. The zero value is the empty set. It is a plain
// value of fixed size without references: copying it copies the set, and one
// that nobody changes may be shared by any number of goroutines.
type Categories struct {
	n      uint8 // ranges in use; the others are zero
	ranges [MaxRanges]Range
}

// Add adds low..high. It returns false and changes nothing if low is above
// high, high is above MaxCategory, or the set would need more than MaxRanges
// ranges, which is more than any option can carry.
func (c *Categories) Add(low, high uint16) bool {
	if low > high || high > MaxCategory {
		return false
	}
	// ranges[i:j] overlap or touch low..high.
	n := int(c.n)
	i := 0
	for i < n && int(c.ranges[i].High)+1 < int(low) {
		i++
	}
	j := i
	for j < n && int(c.ranges[j].Low) <= int(high)+1 {
		j++
	}
	if i == j {
		if n == MaxRanges {
			return false
		}
		copy(c.ranges[i+1:n+1], c.ranges[i:n])
		c.ranges[i] = Range{low, high}
		c.n++
		return true
	}
	c.ranges[i] = Range{min(low, c.ranges[i].Low), max(high, c.ranges[j-1].High)}
	left := i + 1 + copy(c.ranges[i+1:n], c.ranges[j:n])
	clear(c.ranges[left:n])
	c.n = uint8(left)
	return true
}

// push adds low..high, which must lie above everything in the set and must not
// need more than MaxRanges ranges.
func (c *Categories) push(low, high uint16) {
	if n := c.n; n > 0 && c.ranges[n-1].High+1 == low {
		c.ranges[n-1].High = high
		return
	}
	c.ranges[c.n] = Range{low, high}
	c.n++
}

// Ranges returns the set as ascending ranges. It is a view: it must not be
// written to, and it is valid until the set is changed.
func (c *Categories) Ranges() []Range { return c.ranges[:c.n:c.n] }

// Count returns the number of categories in the set.
func (c *Categories) Count() int {
	count := 0
	for _, r := range c.Ranges() {
		count += int(r.High) - int(r.Low) + 1
	}
	return count
}

// Contains reports whether the category is in the set.
func (c *Categories) Contains(category uint16) bool {
	for _, r := range c.Ranges() {
		if category <= r.High {
			return category >= r.Low
		}
	}
	return false
}

// Equal reports whether both sets have the same categories. It compares only
// what is in use and is cheaper than ==.
func (c *Categories) Equal(other *Categories) bool {
	return slices.Equal(c.Ranges(), other.Ranges())
}

// Empty reports whether the set has no category.
func (c *Categories) Empty() bool { return c.n == 0 }

// Reset makes the set empty.
func (c *Categories) Reset() {
	clear(c.ranges[:c.n])
	c.n = 0
}
