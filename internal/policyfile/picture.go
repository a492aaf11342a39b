package policyfile

import "strings"

// window is how many bytes of a long line a picture shows on either side of the
// caret.
const window = 60

// picture is the line with a caret below the given column.
func picture(source string, column int) string {
	at := min(max(column-1, 0), len(source))
	left, right := max(at-window, 0), min(at+window, len(source))
	lead, trail := "", ""
	if left > 0 {
		lead = "..."
	}
	if right < len(source) {
		trail = "..."
	}
	var b strings.Builder
	b.WriteString("  | " + lead + shown(source[left:at]) + shown(source[at:right]) + trail + "\n")
	if column > 0 {
		b.WriteString("  | " + strings.Repeat(" ", len(lead)))
		for _, r := range shown(source[left:at]) {
			if r != '\t' { // a tab is as wide below as it is above
				r = ' '
			}
			b.WriteRune(r)
		}
		b.WriteString("^\n")
	}
	return b.String()
}

// clean is shown for text that goes on one line.
func clean(s string) string {
	return strings.ReplaceAll(shown(s), "\t", `\t`)
}

// shown replaces everything but printable ASCII and tabs: what a terminal would
// act on, and letters that run from right to left and would move the caret.
func shown(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\t', c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
		default:
			b.WriteString(`\x`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
