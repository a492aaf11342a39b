package cipso

import "strconv"

// AppendText appends the set as text, "1,5-7" for 1, 5, 6 and 7, and nothing
// for the empty set.
func (c *Categories) AppendText(b []byte) []byte {
	for i, r := range c.Ranges() {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.Low), 10)
		if r.High != r.Low {
			b = append(b, '-')
			b = strconv.AppendUint(b, uint64(r.High), 10)
		}
	}
	return b
}

// String returns the text of AppendText.
func (c *Categories) String() string { return string(c.AppendText(nil)) }

// CategoriesError says where and why a list of categories cannot be read.
type CategoriesError struct {
	Column int // in bytes, from 1
	Why    string
}

// Error returns a text such as "column 3: a category is expected".
func (e *CategoriesError) Error() string {
	return "column " + strconv.Itoa(e.Column) + ": " + e.Why
}

// ParseCategories reads what AppendText writes: decimal categories and ranges
// between commas, without white space. They may stand in any order and
// overlap. The empty text is the empty set. An error is a *CategoriesError.
func ParseCategories(s string) (Categories, error) {
	var c Categories
	if s == "" {
		return c, nil
	}
	for at := 0; ; at++ {
		start := at
		low, end, err := category(s, at)
		if err != nil {
			return Categories{}, err
		}
		high := low
		if at = end; at < len(s) && s[at] == '-' {
			if high, at, err = category(s, at+1); err != nil {
				return Categories{}, err
			}
		}
		if low > high {
			return Categories{}, &CategoriesError{start + 1, "the range ends before it begins"}
		}
		if !c.Add(low, high) {
			return Categories{}, &CategoriesError{start + 1, "more separate ranges than an option can carry"}
		}
		if at == len(s) {
			return c, nil
		}
		if s[at] != ',' {
			return Categories{}, &CategoriesError{at + 1, "a comma or the end is expected"}
		}
	}
}

// category reads one decimal number at s[at:] and returns where it ends.
func category(s string, at int) (uint16, int, error) {
	n, i := 0, at
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		if n = n*10 + int(s[i]-'0'); n > MaxCategory {
			return 0, 0, &CategoriesError{at + 1, "a category is at most 65534"}
		}
	}
	if i == at {
		return 0, 0, &CategoriesError{at + 1, "a category is expected"}
	}
	return uint16(n), i, nil
}
