//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/interop/talk"
)

// root is the root of the module, seen from this package.
const root = "../.."

// report prints the matrix and writes the figures, and more of them.
func (n *network) report(t *testing.T, findings []*finding, more ...figures.Figure) {
	t.Helper()
	t.Logf("the matrix:\n%s", n.matrix(findings))
	t.Logf("why what was refused was refused:\n%s", refusals(findings))
	path, err := list(findings)
	if err != nil {
		t.Error(err)
	}
	t.Logf("every row is in %s", path)

	agree, arrived, forbidden, delivered := 0, 0, 0, 0
	for _, f := range findings {
		if len(f.faults) == 0 {
			agree++
		}
		if f.reached {
			arrived++
		}
		if f.want.refuses() {
			forbidden++
			if f.reached {
				delivered++
			}
		}
	}
	open := 0
	for _, c := range n.cables {
		open += labels(c)
	}
	labeled, strange := n.tongues(t)
	w, err := figures.Create(root, "interop")
	if err != nil {
		t.Fatal(err)
	}
	bar := float64(n.size())
	all := append([]figures.Figure{
		figures.Figure{ID: "interop/rows", Value: float64(len(findings)), Unit: "rows", Against: "the size of the matrix"}.AtLeast(bar),
		figures.Figure{ID: "interop/rows/agree", Value: float64(agree), Unit: "rows", Against: "the size of the matrix"}.AtLeast(bar),
		{ID: "interop/rows/arrived", Value: float64(arrived), Unit: "rows"},
		{ID: "interop/rows/forbidden", Value: float64(forbidden), Unit: "rows"},
		figures.Figure{ID: "interop/rows/forbidden/delivered", Value: float64(delivered), Unit: "rows"}.AtMost(0),
		{ID: "interop/cables/labeled", Value: float64(labeled), Unit: "packets with a label toward Smack hosts"},
		figures.Figure{ID: "interop/cables/labeled/strange", Value: float64(strange), Unit: "of them of a domain that the host does not speak"}.AtMost(0),
		figures.Figure{ID: "interop/cables/unlabeled", Value: float64(open), Unit: "packets with label bytes on cables of hosts without labels"}.AtMost(0),
	}, more...)
	w.Add(all...)
	for _, f := range all {
		t.Logf("%s: %g %s (%s)", f.ID, f.Value, f.Unit, f.Bar)
		if f.Missed() {
			t.Errorf("%s is %g, not %s", f.ID, f.Value, f.Bar)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// size is the number of rows that the matrix has to have, counted by machines and
// not by walking through it.
func (s *site) size() int {
	smack, plain, pairs := 0, 0, 0
	for _, m := range s.machines {
		if !m.smack() {
			plain += len(m.labels)
			continue
		}
		pairs += 2 * smack * len(m.labels)
		smack += len(m.labels)
	}
	return (pairs + 2*smack*plain) * len(talk.Protos())
}

// tongues counts the labeled packets that went to the guests, and those of them
// that a guest cannot understand; to one whose zone demands labels, everything
// must have one.
func (n *network) tongues(t *testing.T) (labeled, strange int) {
	t.Helper()
	for _, p := range n.taps.Packets() {
		ip := p.IPv4()
		if !p.Outgoing || ip == nil {
			continue
		}
		for m := range n.guests {
			if p.Interface != m.cable {
				continue
			}
			option := label(ip)
			if option != nil {
				labeled++
			}
			if option != nil && doiOf(option) != m.doi || option == nil && m.require {
				strange++
				t.Errorf("toward %s: % x", m.name, ip[:header(ip)])
			}
		}
	}
	return labeled, strange
}

// matrix draws who reached whom: senders below each other, receivers side by
// side.
func (n *network) matrix(findings []*finding) string {
	cells := map[[2]string]string{}
	for _, f := range findings {
		sign := "-"
		switch {
		case len(f.faults) > 0:
			sign = "!"
		case f.reached:
			sign = strings.ToUpper(string(f.Proto[:1]))
		case f.want.by != nil:
			sign = "="
		}
		key := [2]string{f.from.String(), f.to.String()}
		cells[key] += sign
	}
	var b strings.Builder
	b.WriteString("  U T I: the datagram, the connection, the echo request arrived; process, gateway and receiver name one label\n" +
		"         (what comes from web:@ is told to labeled hosts as Internet)\n" +
		"  -: the gateway refused it   =: the receiver's own kernel refused it   !: not as it is to be\n\n")
	all := n.endpoints()
	const width = 38
	fmt.Fprintf(&b, "%*s", width+4, "")
	for i := range all {
		fmt.Fprintf(&b, "%4d", i+1)
	}
	b.WriteByte('\n')
	for i, from := range all {
		fmt.Fprintf(&b, "%3d %-*s", i+1, width, from)
		for _, to := range all {
			fmt.Fprintf(&b, " %3s", cells[[2]string{from.String(), to.String()}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// refusals counts the rows that were refused by reason.
func refusals(findings []*finding) string {
	count := map[string]int{}
	var order []string
	for _, f := range findings {
		if !f.want.refuses() {
			continue
		}
		who := "gateway"
		if f.want.by != nil {
			who = "kernel of " + f.want.by.name
		}
		what := fmt.Sprintf("%s: %s", who, f.want.reason)
		if f.want.back {
			what += ", of the answer"
		}
		if count[what]++; count[what] == 1 {
			order = append(order, what)
		}
	}
	var b strings.Builder
	for _, what := range order {
		fmt.Fprintf(&b, "%5d  %s\n", count[what], what)
	}
	return b.String()
}

// list writes every row into a file.
func list(findings []*finding) (path string, err error) {
	path = filepath.Join(root, "out", "interop.tsv")
	var b strings.Builder
	b.WriteString("protocol\tsender\tits process\tgateway\treceiver\treceiving process sees\tgateway, answer\tsender sees\tresult\n")
	for _, f := range findings {
		result := "arrived"
		if f.want.refuses() {
			result = "refused: " + f.want.reason
		}
		if len(f.faults) > 0 {
			result = "WRONG: " + strings.Join(f.faults, "; ")
		}
		fmt.Fprintln(&b, strings.Join([]string{string(f.Proto), f.from.String(), f.process, f.gateway, f.to.String(), seen(f.reached, f.arrived), f.back, seen(f.back != "", f.reply), result}, "\t"))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return path, err
	}
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}

// seen words a label as its receiver sees it.
func seen(something bool, label string) string {
	switch {
	case !something:
		return ""
	case label == "":
		return "(no label)"
	}
	return label
}
