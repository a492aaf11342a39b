package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// mtuFlow is a direction of the matrix: who begins, and what becomes of the labels
// of its packets on the way.
type mtuFlow struct {
	what     string
	from, to party
}

func mtuFlows() []mtuFlow {
	return []mtuFlow{
		{"added", pop, tom},
		{"stripped", tom, pop},
		{"translated", tom, una},
		{"translated", una, tom},
		{"added at OUTPUT", hal, pop},
		{"added at OUTPUT", hal, tom},
		{"added", pop, hal},
		{"added, further router", pop, tess},
		{"stripped, further router", tom, pat},
		{"translated, further router", una, tess},
		{"kept, further router", tom, tess},
		{"added at OUTPUT, further router", hal, tess},
		{"added at OUTPUT, further router", hal, pat},
	}
}

// in reports whether a network has anything to say about a flow. Of a machine in host
// mode on a path that narrows further on there is hostMode.
func (f *mtuFlow) in(w *network) bool {
	return len(w.behind) == 0 || f.to.hop != "" && !f.from.self
}

// TestMTU sends data along ways on which the label's option makes packets too large,
// and loses none.
func TestMTU(t *testing.T) {
	m := newMTUBench(t)
	sizes := []int{10, 13, 18, 23, 25, 32, 35, 40} // one for each number of words
	if long.Long() {
		sizes = nil
		for n := shortestOption; n <= longestOption; n++ {
			sizes = append(sizes, n)
		}
	}
	networks := mtuNetworks()
	for i := range networks {
		w := &networks[i]
		t.Run(w.name, func(t *testing.T) {
			m.arrange(t, w)
			run := mtuRun{mtuBench: m, w: w, rows: map[string]*mtuRow{}}
			for j, n := range sizes {
				// The short form tries each size with each MTU, but not everywhere.
				if !long.Long() && w.name != "1500" && (i+j)%4 != 0 {
					continue
				}
				run.all(t, n)
			}
			run.account(t)
			m.tables = append(m.tables, run.rowsInOrder()...)
		})
	}
	t.Run("changes", m.changes)
	t.Run("limits", m.limits)
	t.Run("a sender as it comes", m.stockLinux)
	t.Run("host mode", m.hostMode)
	m.finish(t)
}

// mtuRun is the matrix in one network.
type mtuRun struct {
	*mtuBench
	w       *network
	rows    map[string]*mtuRow
	talkers []*talker
}

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

// all tries all flows with one label.
func (r *mtuRun) all(t *testing.T, n int) {
	if r.halLabel != n {
		setLabel(t, r.Lab, "hal", mtuLabel(n))
		r.halLabel = n
	}
	for _, f := range mtuFlows() {
		if !f.in(r.w) {
			continue
		}
		row := r.row(f.what)
		row.flows++
		at := func(format string, args ...any) {
			t.Helper()
			t.Errorf("%s to %s, option of %d bytes: %s", f.from.name, f.to.name, n, fmt.Sprintf(format, args...))
		}
		r.whole(f, n, at)
		r.transfer(row, f, n, at)
		r.discover(row, f, n, at)
	}
}

type complain func(format string, args ...any)

// whole sends datagrams that may be fragmented: one that fills the link, and two
// that need many packets.
func (r *mtuRun) whole(f mtuFlow, n int, at complain) {
	s, err := r.talk(f.from, f.to, n, unix.IP_PMTUDISC_DONT)
	if err != nil {
		at("%v", err)
		return
	}
	defer s.close()
	r.talkers = append(r.talkers, s)
	for _, size := range []int{r.w.link(f.from.name), minHeader + f.from.stack(n) + 8 + 4000, minHeader + f.from.stack(n) + 8 + 9000} {
		if _, err := s.send(size); err != nil {
			at("%d bytes without DF: %v", size, err)
		}
	}
}

// transfer moves bulk data there and back, and looks what segment sizes were
// offered.
func (r *mtuRun) transfer(row *mtuRow, f mtuFlow, n int, at complain) {
	size := 256 << 10
	if long.Long() {
		size = 2 << 20
	}
	c, err := r.bulk(f.from, f.to, n, size, bulkPatience)
	if err != nil {
		row.stalled++
		at("TCP: %v", err)
		return
	}
	row.bytes += 2 * size
	for _, side := range []struct {
		from, to party
		conversation
	}{{f.from, f.to, c}, {f.to, f.from, conversation{c.dst, c.src}}} {
		begun, offered := r.offers(side.conversation)
		want := r.w.segment(side.from, side.to, n, begun)
		if own := r.w.link(side.from.name) - 40 - longestOption; side.from.self && begun != own {
			row.segments++
			at("%s began with segments of %d bytes, want %d", side.from.name, begun, own)
		}
		if offered != want {
			row.segments++
			at("%s offered segments of %d bytes, of which %d reached %s; want %d", side.from.name, begun, offered, side.to.name, want)
		}
	}
}

// offers returns the segment size in a SYN as it was sent and as it arrived.
func (m *mtuBench) offers(c conversation) (begun, offered int) {
	eventually(func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		begun, offered = m.found.begun[c], m.found.offered[c]
		return begun != 0 && offered != 0
	})
	return begun, offered
}

// discover sends datagrams that must not be fragmented, as large as the sender's
// link allows and then as it is told.
func (r *mtuRun) discover(row *mtuRow, f mtuFlow, n int, at complain) {
	s, err := r.talk(f.from, f.to, n, unix.IP_PMTUDISC_DO)
	if err != nil {
		at("%v", err)
		return
	}
	defer s.close()
	r.talkers = append(r.talkers, s)
	m := r.mtuBench
	m.forgetPaths(f.from.name) // what TCP has learnt
	defer m.forgetPaths(f.from.name)
	size := r.w.link(f.from.name)
	refusals, last := r.w.refusals(f.from, f.to, n, size)
	if f.from.self && len(refusals) > 0 {
		refusals, last = refusals[:1], 0 // the rest is hostMode's
	}
	for i, want := range refusals {
		row.figures++
		number, e, err := s.try(size)
		switch {
		case err != nil:
			at("datagram of %d bytes: %v", size, err)
		case e == nil:
			at("datagram of %d bytes arrived, want an error that says %d", size, want.mtu)
		case e.mtu != want.mtu || e.by != want.by || e.kind != 3 || e.code != 4:
			at("error %d: %d/%d MTU %d by %v, want 3/4 MTU %d by %v", i, e.kind, e.code, e.mtu, e.by, want.mtu, want.by)
		case s.pathMTU() != want.mtu:
			at("was told an MTU of %d and takes %d for it", e.mtu, s.pathMTU())
		default:
			if complaint := r.quoteOf(s, number, size, e); complaint != "" {
				at("%s", complaint)
				break
			}
			if _, err := s.send(size); err != unix.EMSGSIZE {
				at("was told an MTU of %d and could send %d bytes: %v", e.mtu, size, err)
				break
			}
			s.hear()
			if want.by == routerOf(f.to) {
				s.elsewhere++
			}
			size = want.mtu
			continue
		}
		row.wrong++
		return
	}
	if last == 0 {
		return
	}
	for range long.Count(5, 50) {
		if _, err := s.send(last); err != nil {
			at("datagram of %d bytes: %v", last, err)
			return
		}
	}
}

// try sends a datagram, and waits until it arrives or an error comes back.
func (s *talker) try(size int) (number uint64, e *toldError, err error) {
	for range 3 {
		if number, err = s.send(size); err != nil {
			return number, nil, err
		}
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
			if s.m.sinks[s.to.name].times(number) > 0 {
				return number, nil, nil
			}
			if e, ok := s.hear(); ok {
				return number, &e, nil
			}
		}
	}
	return number, nil, fmt.Errorf("neither arrived nor was an error heard, three times")
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
