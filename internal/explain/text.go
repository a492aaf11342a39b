package explain

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// WriteText prints an explanation as aligned lines, the origins in a column of
// their own.
func (x Explanation) WriteText(w io.Writer) error {
	width := 0
	for _, s := range x.Steps {
		if s.At != "" {
			width = max(width, utf8.RuneCountInString(s.Text))
		}
	}
	for _, s := range x.Steps {
		number := " "
		if s.Number != 0 {
			number = fmt.Sprint(s.Number)
		}
		line := fmt.Sprintf("%s %-8s %s", number, s.Name, s.Text)
		if s.At != "" {
			line += fmt.Sprintf("%*s  %s", width-utf8.RuneCountInString(s.Text), "", s.At)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
