package policyfile

import (
	"strings"
	"unicode/utf8"
)

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

// shown replaces what a terminal would act on, but for tabs.
func shown(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\t', r >= 0x20 && r < 0x7f:
			b.WriteByte(s[i])
		default: // beyond ASCII too: letters that run right to left would move the caret
			for _, c := range []byte(s[i : i+n]) {
				b.WriteString(`\x`)
				b.WriteByte(hex[c>>4])
				b.WriteByte(hex[c&15])
			}
		}
		i += n
	}
	return b.String()
}
