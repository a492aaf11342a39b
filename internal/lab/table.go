package lab

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// hosts writes who is there, and which label the gateway takes each for.
func (r *reporter) hosts(w io.Writer) {
	t := table(w)
	row(t, "HOST", "ADDRESS", "ZONE", "LABEL", "BECAUSE")
	for i := range r.lab.topology.Hosts {
		h := &r.lab.topology.Hosts[i]
		label, how, at := r.lab.identity(h)
		if at != "" {
			how += ", " + r.lab.short(at)
		}
		row(t, h.Name, h.Address.Addr().String(), h.Zone, label, how)
	}
	t.Flush()
}

// identity says which label a host's packets have, how that is known, and where
// it is written.
func (l *Lab) identity(h *Host) (label, how, at string) {
	if l.gateway == nil {
		return h.Label, "", ""
	}
	return l.gateway.identity(h)
}

// matrix writes a row for each ordered pair of hosts.
func (r *reporter) matrix(w io.Writer) {
	t := table(w)
	heads := []string{"FROM", "LABEL", "TO", "LABEL"}
	for _, p := range Protos() {
		heads = append(heads, strings.ToUpper(p.String()))
	}
	row(t, heads...)
	n := len(Protos())
	for i := 0; i+n <= len(r.cells); i += n {
		p := &r.cells[i].Probe
		from, to := r.lab.topology.Host(p.From), r.lab.topology.Host(p.To)
		fromLabel, _, _ := r.lab.identity(from)
		toLabel, _, _ := r.lab.identity(to)
		words := []string{p.From, fromLabel, p.To, toLabel}
		for j := range n {
			words = append(words, r.word(&r.cells[i+j]))
		}
		row(t, words...)
	}
	t.Flush()
}

// expected writes what is not as the topology file says, and reports how many
// cells that are and of how many it says something.
func (r *reporter) expected(w io.Writer) (wrong, of int) {
	for i := range r.cells {
		c := &r.cells[i]
		if c.Expected == nil {
			continue
		}
		of++
		if c.Met() {
			continue
		}
		if wrong++; wrong == 1 {
			fmt.Fprintln(w, "\nNot as expected (marked ! above):")
		}
		fmt.Fprintf(w, "  %s > %s %s: %s, but %s:%d expects %s\n", c.Probe.From, c.Probe.To, c.Probe.Proto,
			because(c.Outcome(), c.Reason()), r.lab.topology.Path, c.Expected.Line, because(c.Expected.Outcome, c.Expected.Reason))
	}
	return wrong, of
}

func because(o Outcome, reason string) string {
	if reason == "" {
		return o.String()
	}
	return fmt.Sprintf("%s (%s)", o, reason)
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

func row(w io.Writer, words ...string) {
	for i, word := range words {
		if word == "" {
			words[i] = "-"
		}
	}
	// The writer pads every cell that ends with a tab; the last does not.
	fmt.Fprintln(w, strings.Join(words, "\t"))
}
