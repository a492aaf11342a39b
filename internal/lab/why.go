package lab

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"labelgate/internal/audit"
	"labelgate/netlabel"
)

// cause is a reason that several cells share.
type cause struct {
	reason, subject, object, rule string
}

// reporter writes a matrix for people.
type reporter struct {
	lab   *Lab
	cells []Cell
	// causes are numbered by the order in which they first come up.
	causes []cause
	nodes  map[cause][]string // that dropped for it
}

func newReporter(l *Lab, cells []Cell) *reporter {
	r := &reporter{lab: l, cells: cells, nodes: make(map[cause][]string)}
	for i := range cells {
		c := &cells[i]
		if c.Why == nil {
			continue
		}
		k := r.causeOf(c.Why)
		if !slices.Contains(r.causes, k) {
			r.causes = append(r.causes, k)
		}
		if !slices.Contains(r.nodes[k], c.At) {
			r.nodes[k] = append(r.nodes[k], c.At)
		}
	}
	return r
}

func (r *reporter) causeOf(why *audit.Record) cause {
	return cause{reason: why.Reason, subject: why.Subject, object: why.Object, rule: r.lab.short(why.Rule)}
}

// word is a cell in the table.
func (r *reporter) word(c *Cell) string {
	s := c.Outcome().String()
	switch {
	case c.Why != nil:
		s += fmt.Sprintf(" [%d]", slices.Index(r.causes, r.causeOf(c.Why))+1)
	case c.Outcome() != Passed:
		s += " [?]"
	}
	if !c.Met() {
		s += " !"
	}
	return s
}

// why writes the list of causes.
func (r *reporter) why(w io.Writer) {
	if len(r.causes) > 0 {
		fmt.Fprintln(w, "\nWhy not (one-way: the way there is open, the answer was dropped):")
	}
	for i, k := range r.causes {
		fmt.Fprintf(w, "  [%d] %s", i+1, k.reason)
		if k.subject != "" && k.object != "" {
			fmt.Fprintf(w, "  %s -> %s", k.subject, k.object)
		} else if k.subject != "" {
			fmt.Fprintf(w, "  %s", k.subject)
		}
		fmt.Fprintf(w, ": %s", explanation(k.reason))
		if k.rule != "" {
			fmt.Fprintf(w, " (%s)", k.rule)
		}
		fmt.Fprintf(w, "; says %s\n", strings.Join(r.nodes[k], ", "))
	}
	for i := range r.cells {
		if c := &r.cells[i]; c.Outcome() != Passed && c.Why == nil && r.lab.options.Daemons == WithDaemons {
			fmt.Fprintln(w, "  [?] no labelgated has recorded why")
			break
		}
	}
}

func explanation(reason string) string {
	for _, r := range netlabel.Reasons() {
		if r.String() == reason {
			return r.Explain()
		}
	}
	return "unknown reason"
}

// rules writes which rules of the policy opened a way.
func (r *reporter) rules(w io.Writer) {
	type opened struct{ rule, subject, object string }
	var order []opened
	pairs := make(map[opened][]string)
	for i := range r.cells {
		c := &r.cells[i]
		if c.Let == nil || c.Let.Rule == "" || !c.Result.Reached {
			continue
		}
		o := opened{r.lab.short(c.Let.Rule), c.Let.Subject, c.Let.Object}
		pair := c.Probe.From + ">" + c.Probe.To
		if pairs[o] == nil {
			order = append(order, o)
		}
		if !slices.Contains(pairs[o], pair) {
			pairs[o] = append(pairs[o], pair)
		}
	}
	if len(order) > 0 {
		fmt.Fprintln(w, "\nRules that opened a way:")
	}
	for _, o := range order {
		fmt.Fprintf(w, "  %s  %s -> %s: %s\n", o.rule, o.subject, o.object, strings.Join(pairs[o], " "))
	}
}

// short names a place in the policy from the topology file's directory.
func (l *Lab) short(place string) string {
	if rest, ok := strings.CutPrefix(place, filepath.Join(l.dir, sharedPolicyName)+"/"); ok && l.gateway != nil {
		place = filepath.Join(l.gateway.Policy, rest)
	}
	base, err := filepath.Abs(filepath.Dir(l.topology.Path))
	if err != nil {
		return place
	}
	if rest, ok := strings.CutPrefix(place, base+"/"); ok {
		return rest
	}
	return place
}
