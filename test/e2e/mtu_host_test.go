package e2e

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/test/figures"
)

// hostMode looks what path MTU discovery does for a machine whose own labelgated
// puts the label on behind its stack. Its kernel has one figure for a path: how much
// the programs may send, and how much may leave. It drops what lies between, with an
// error that says the same figure again, so from the first error about a path on
// nothing that fills the path gets through. That is taken down here, with what helps:
// a path whose MTU the kernel does not learn.
func (m *mtuBench) hostMode(t *testing.T) {
	const n = 24
	setLabel(t, m.Lab, "hal", mtuLabel(n))
	m.halLabel = n
	narrow := &network{links: map[string]int{"rex": 1400}, behind: map[string]int{"tess": 576}}
	row := func(id string, value int, unit string) figures.Figure {
		return figures.Figure{ID: "e2e/mtu/host-mode/" + id, Value: float64(value), Unit: unit}
	}
	t.Run("as it is", func(t *testing.T) {
		m.arrange(t, narrow)
		arrived := m.afterError(t, hal, tom, n, 5)
		report(t,
			row("datagrams-of-the-size-told", 5, "datagrams"),
			row("datagrams-of-the-size-told-delivered", arrived, "datagrams"),
			row("tcp-after-an-error", m.completes(hal, tom, n), "connections"),
			row("tcp-by-a-narrower-router", m.completes(hal, tess, n), "connections"),
		)
		m.forget(t)
	})
	t.Run("with a locked MTU", func(t *testing.T) {
		m.arrange(t, narrow)
		m.lock(t, "hal", 1500)
		m.forget(t)
		arrived := m.afterError(t, hal, tom, n, 5)
		m.mayCut(t)
		report(t,
			row("locked/datagrams-of-the-size-told-delivered", arrived, "datagrams").AtLeast(5),
			row("locked/tcp-after-an-error", m.completes(hal, tom, n), "connections").AtLeast(1),
			row("locked/tcp-by-a-narrower-router", m.completes(hal, tess, n), "connections").AtLeast(1),
		)
	})
}

// stockLinux has a sender whose stack takes no path for narrower than 552 bytes, as
// Linux does unless told otherwise (net.ipv4.route.min_pmtu): what it sends into one
// may be fragmented.
func (m *mtuBench) stockLinux(t *testing.T) {
	m.arrange(t, &network{links: map[string]int{"rex": 1400}, behind: map[string]int{"tess": 576}})
	m.mayCut(t)
	m.sysctl(t, "pop", "route/min_pmtu", "552")
	defer m.sysctl(t, "pop", "route/min_pmtu", "68")
	for _, n := range []int{23, 40} { // 576 less the option is not below that, and is
		if m.completes(pop, tess, n) == 0 {
			t.Errorf("option of %d bytes: TCP did not complete", n)
		}
	}
}

// mayCut says that TCP may come in fragments until the test ends.
func (m *mtuBench) mayCut(t *testing.T) {
	t.Helper()
	set := func(may bool) {
		m.mu.Lock()
		m.cuts = may
		m.mu.Unlock()
	}
	set(true)
	t.Cleanup(func() {
		m.settle(t)
		set(false)
	})
}

// lock has a machine's stack learn no MTU of any path until the test ends.
func (m *mtuBench) lock(t *testing.T, host string, mtu int) {
	t.Helper()
	p := party{name: host}
	h, r := m.routeTo(t, host, p)
	defer h.Close()
	r.MTU, r.MTULock = mtu, true
	must(t, h.RouteReplace(r))
	t.Cleanup(func() {
		h, r := m.routeTo(t, host, p)
		defer h.Close()
		if err := h.RouteDel(r); err != nil {
			t.Error(err)
		}
	})
}

// afterError sends a datagram that is too large, and then some of the size that the
// error allows. It returns how many of those arrive.
func (m *mtuBench) afterError(t *testing.T, from, to party, n, datagrams int) (arrived int) {
	t.Helper()
	s, err := m.talk(from, to, n, unix.IP_PMTUDISC_DO)
	must(t, err)
	defer s.close()
	_, e, err := s.try(1500)
	if err != nil || e == nil || e.mtu != 1500-from.option(n) {
		t.Fatalf("heard %+v, %v", e, err)
	}
	first := len(s.sent)
	for range datagrams {
		s.send(e.mtu)
	}
	time.Sleep(50 * time.Millisecond)
	return len(s.sent[first:]) - m.missingOf(s.sent[first:], to)
}

func (m *mtuBench) missingOf(numbers []uint64, to party) (n int) {
	for _, number := range numbers {
		if m.sinks[to.name].times(number) == 0 {
			n++
		}
	}
	return n
}

// completes returns 1 when a connection moves data both ways within a time that
// would do for hundreds of them, and 0 when not.
func (m *mtuBench) completes(from, to party, n int) int {
	if _, err := m.bulk(from, to, n, 64<<10, 1500*time.Millisecond); err != nil {
		return 0
	}
	return 1
}
