package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// mtuRow is a row of the table: what was measured of flows of one kind.
type mtuRow struct {
	network, what                    string
	flows                            int
	bytes                            int // that TCP moved
	stalled                          int // connections that did not come to their end
	sent, delivered, refused, silent int // datagrams
	figures                          int // ICMP errors, of which
	wrong                            int // named another MTU, or quoted something else
	segments                         int // SYNs that offered another size
}

func (r *mtuRun) row(what string) *mtuRow {
	if r.rows[what] == nil {
		r.rows[what] = &mtuRow{network: r.w.name, what: what}
	}
	return r.rows[what]
}

func (r *mtuRun) rowsInOrder() (rows []*mtuRow) {
	for _, f := range mtuFlows() {
		if row := r.rows[f.what]; row != nil {
			rows = append(rows, row)
			delete(r.rows, f.what)
		}
	}
	return rows
}

// account adds up what became of all datagrams: each arrived, or there is a record
// of it, or a further router refused it and said so.
func (r *mtuRun) account(t *testing.T) {
	var wrong strings.Builder
	eventually(func() bool {
		wrong.Reset()
		refused := r.refused(t)
		for _, s := range r.talkers {
			if n := r.missing(s) - refused[s.local] - s.elsewhere; n != 0 {
				fmt.Fprintf(&wrong, "\n%s to %s, option of %d bytes: of %d datagrams %d are missing, %d too big by the records, and %d a router refused",
					s.from.name, s.to.name, s.n, len(s.sent), r.missing(s), refused[s.local], s.elsewhere)
			}
		}
		return wrong.Len() == 0
	})
	if wrong.Len() > 0 {
		t.Error(wrong.String())
	}
	refused := r.refused(t)
	for _, s := range r.talkers {
		row, missing := r.row(r.whatOf(s)), r.missing(s)
		row.sent += len(s.sent)
		row.delivered += len(s.sent) - missing
		row.refused += refused[s.local]
		row.silent += missing - refused[s.local] - s.elsewhere
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found.forget()
}

func (r *mtuRun) whatOf(s *talker) string {
	for _, f := range mtuFlows() {
		if f.from == s.from && f.to == s.to {
			return f.what
		}
	}
	return ""
}

// missing counts the datagrams that did not arrive.
func (m *mtuBench) missing(s *talker) (n int) {
	for _, number := range s.sent {
		if m.sinks[s.to.name].times(number) == 0 {
			n++
		}
	}
	return n
}

// refused counts the records of datagrams that were too big, by who sent them.
func (m *mtuBench) refused(t *testing.T) map[netip.AddrPort]int {
	t.Helper()
	n := map[netip.AddrPort]int{}
	for _, node := range []string{lab.GatewayName, "hal"} {
		all, err := m.Records(node)
		must(t, err)
		for _, r := range all {
			if r.Reason == "too-big" && r.Proto == protoUDP {
				n[netip.AddrPortFrom(r.Saddr, r.Src)]++
			}
		}
	}
	return n
}

// finish reports the table.
func (m *mtuBench) finish(t *testing.T) {
	m.settle(t)
	for _, s := range m.sniffers {
		s.close()
		if s.lost > 0 {
			t.Errorf("the sniffer at %s missed %d packets", s.node, s.lost)
		}
	}
	c := &m.found
	for _, what := range c.complaint {
		t.Error(what)
	}
	broken := 0
	for _, s := range m.sinks {
		broken += s.broken
	}
	var sum mtuRow
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-42s %-28s %5s %8s %5s %6s %6s %6s %6s %6s %5s %5s", "MTU", "label", "flows", "KB TCP", "stuck", "sent", "there", "too big", "silent", "errors", "wrong", "MSS")
	for _, r := range m.tables {
		fmt.Fprintf(&b, "\n%-42s %-28s %5d %8d %5d %6d %6d %6d %6d %6d %5d %5d", r.network, r.what, r.flows, r.bytes>>10, r.stalled, r.sent, r.delivered, r.refused, r.silent, r.figures, r.wrong, r.segments)
		sum.flows += r.flows
		sum.bytes += r.bytes
		sum.stalled += r.stalled
		sum.sent += r.sent
		sum.delivered += r.delivered
		sum.refused += r.refused
		sum.silent += r.silent
		sum.figures += r.figures
		sum.wrong += r.wrong
		sum.segments += r.segments
	}
	t.Log(b.String())
	figure := func(id string, value int, unit string) figures.Figure {
		return figures.Figure{ID: "e2e/mtu/" + id, Value: float64(value), Unit: unit}
	}
	report(t,
		figure("flows", sum.flows, "flows"),
		figure("tcp-bytes", sum.bytes, "B"),
		figure("tcp-stalled", sum.stalled, "connections").AtMost(0),
		figure("segment-size-wrong", sum.segments, "SYNs").AtMost(0),
		figure("datagrams", sum.sent, "datagrams"),
		figure("datagrams-delivered", sum.delivered, "datagrams"),
		figure("datagrams-refused", sum.refused, "datagrams"),
		figure("datagrams-silently-lost", sum.silent, "datagrams").AtMost(0),
		figure("datagrams-broken", broken, "datagrams").AtMost(0),
		figure("errors", sum.figures, "errors"),
		figure("errors-wrong", sum.wrong, "errors").AtMost(0),
		figure("packets-seen", c.packets, "packets"),
		figure("larger-than-the-link", c.larger, "packets").AtMost(0),
		figure("tcp-fragments", c.cut, "packets").AtMost(0),
		figure("labels-on-unlabeled-cables", c.leaks, "options").AtMost(0),
		figure("labels-in-quoted-headers", c.quoted, "options").AtMost(0),
		figure("options-unlike-the-label", c.unlike, "packets").AtMost(0),
	)
}
