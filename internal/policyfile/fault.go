package policyfile

import "fmt"

// fault is what is wrong with a line in one of the ways in which it can be read;
// it becomes a problem when that way is the one to take.
type fault struct {
	offset              int // from the start of the line
	code, message, hint string
}

func faulty(offset int, code, hint, format string, args ...any) *fault {
	return &fault{offset, code, fmt.Sprintf(format, args...), hint}
}

// report notes the fault as an error.
func (f *reader) report(x *fault) {
	f.fail(x.offset+1, x.code, x.hint, "%s", x.message)
}

// digits reads a decimal number of at most limit that is all of text, or returns
// false. There is no sign, unlike with the functions that Linux uses.
func digits(text []byte, limit int) (int, bool) {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = 10*n + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, len(text) > 0
}
