package packets

import (
	"fmt"
	"slices"
	"strings"
)

// Page returns the page of the manual, in Markdown.
func (t *Table) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", t.Title, strings.TrimSpace(t.Intro))
	for i := range t.Sections {
		name := t.Sections[i].Name
		fmt.Fprintf(&b, "- [%s](#%s)\n", name, strings.ReplaceAll(strings.ToLower(name), " ", "-"))
	}
	for i := range t.Sections {
		s := &t.Sections[i]
		fmt.Fprintf(&b, "\n## %s\n\n", s.Name)
		if s.About != "" {
			fmt.Fprintf(&b, "%s\n\n", s.About)
		}
		if len(s.Rows) > 0 {
			b.WriteString("| what arrives | what becomes of it | reason | its sender hears |\n|---|---|---|---|\n")
		}
		for rest := s.Rows; len(rest) > 0; {
			n := together(rest)
			l := newLine(rest[:n])
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.what, l.fate, l.reasons, l.hears)
			rest = rest[n:]
		}
		if len(s.Limits) > 0 {
			b.WriteString("| what | why | how much | what helps |\n|---|---|---|---|\n")
		}
		for _, l := range s.Limits {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.What, l.Why, l.Bound, l.Help)
		}
	}
	return b.String()
}

// together returns how many rows from the first on stand in one line: those of one
// group of which the same becomes.
func together(rows []Row) int {
	n := 1
	for n < len(rows) && rows[0].Group != "" && rows[n].Group == rows[0].Group && sameFate(&rows[0], &rows[n]) {
		n++
	}
	return n
}

func sameFate(a, b *Row) bool {
	return fate(a) == fate(b) && reasons(a, anyByte) == reasons(b, anyByte) && hears(a) == hears(b)
}

// line is a line of a section's table.
type line struct{ what, fate, reasons, hears string }

func newLine(rows []Row) line {
	first := &rows[0]
	l := line{what: first.Name(), fate: fate(first), reasons: reasons(first, theByte), hears: hears(first)}
	said := []string{first.What}
	for i := range rows[1:] {
		r := &rows[1+i]
		if !slices.Contains(said, r.What) {
			said = append(said, r.What)
			l.what += ", " + r.What
		}
		if reasons(r, theByte) != l.reasons {
			l.reasons = reasons(first, anyByte)
		}
	}
	for i := range rows {
		if note := strings.TrimSuffix(rows[i].Note, "."); note != "" {
			l.fate += ". " + note
		}
	}
	return l
}

// fate says what becomes of a row's packets.
func fate(r *Row) string {
	if r.Does != "" {
		return r.Does
	}
	o := &r.Steps[len(r.Steps)-1].Outcome
	switch o.Action {
	case drop:
		return "dropped"
	case add:
		return "passes, its label put on"
	case strip:
		return "passes, its label taken off"
	case replace:
		return "passes, its label written anew"
	case blank:
		return "passes, its label overwritten in place"
	case local:
		return "taken by the gateway"
	case exempt:
		return "passes unlabeled, and ends on its link"
	case answered:
		return "answered by the kernel"
	case counted:
		if o.kernel() {
			return "dropped by the kernel"
		}
		return "dropped by netfilter"
	}
	return "passes"
}

// kernel reports whether a counter is the kernel's, not netfilter's.
func (o *Outcome) kernel() bool {
	return strings.HasPrefix(o.Reason, "Ip") || strings.HasPrefix(o.Reason, "rx_")
}

// precision says whether a fault is told with its place.
type precision uint8

const (
	theByte precision = iota
	anyByte
)

// reasons names those of all steps, once each.
func reasons(r *Row, p precision) string {
	var all []string
	for i := range r.Steps {
		o := &r.Steps[i].Outcome
		text := ""
		for _, word := range []string{o.Reason, o.then, o.rises} {
			if word != "" {
				text = "`" + word + "`"
			}
		}
		if o.Fault != "" {
			text += " `" + o.Fault + "`"
		}
		if o.Byte != 0 && p == theByte {
			text += fmt.Sprintf(" at byte %d", o.Byte)
		}
		if text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}

// hears says what the sender of one of the packets gets.
func hears(r *Row) string {
	for i := range r.Steps {
		h := r.Steps[i].Outcome.Hears
		switch {
		case h == nil:
		case h.Type == 3 && h.Code == 4:
			return fmt.Sprintf("3/4, MTU %d", h.Argument)
		default:
			return fmt.Sprintf("%d/%d", h.Type, h.Code)
		}
	}
	return ""
}
