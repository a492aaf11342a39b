package audit

// Format is how a record is written.
type Format uint8

// The forms of a record.
const (
	Text Format = iota
	JSON
)

// Append appends the record in a form, without a line end.
func (r *Record) Append(b []byte, f Format) []byte {
	if f == JSON {
		return r.AppendJSON(b)
	}
	return r.AppendText(b)
}

// Parse reads a line that Append wrote, in either form. Its end may be missing.
func Parse(line []byte) (Record, Format, error) {
	if len(line) > 0 && line[0] == '{' {
		r, err := ParseJSON(line)
		return r, JSON, err
	}
	r, err := ParseText(string(line))
	return r, Text, err
}
