package e2e

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

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
		r.discover(t, row, f, n, at)
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
