package faults

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestDescriptors lets the gateway open nothing any more, and then asks it for all
// that needs a new descriptor: its files, its links, its control socket. What it
// judges by stays in force, and once it may open files again it is as before.
func TestDescriptors(t *testing.T) {
	p := allKinds(t, long.Seed(t, 7))
	p.load.Start(faultRate)
	rounds, ended := 0, 0
	for range long.Rounds(4, 200, 0.02) {
		time.Sleep(50 * time.Millisecond)
		limits := p.freeze(t)
		p.Service().Signal(t, syscall.SIGHUP)
		p.addLink(t)
		p.connect(64)
		time.Sleep(300 * time.Millisecond)
		p.thaw(t, limits)
		select {
		case <-p.Service().Exited(): // to end is allowed: nothing passes then
			ended++
			p.Manager.Run(t)
		default:
		}
		p.Service().Reload(t)
		p.passesSome(t)
		rounds++
	}
	p.load.Stop()
	p.settle(t)
	v := p.judge(t)
	p.passes(t)
	p.closed(t, "descriptors", v)
	long.Report(t,
		figures.Figure{ID: "faults/descriptors/rounds", Value: float64(rounds), Unit: "rounds"}.AtLeast(4),
		figures.Figure{ID: "faults/descriptors/ended", Value: float64(ended), Unit: "ends", Against: "of labelgated, which then was started again"},
	)
}

// freeze lets no process of the gateway open another file, and returns what each
// was allowed.
func (p *perimeter) freeze(t *testing.T) map[int]uint64 {
	t.Helper()
	limits := make(map[int]uint64)
	for _, process := range p.Service().Family() {
		var now unix.Rlimit
		_, n, err := gate.Descriptors(process.PID)
		if err == nil {
			err = unix.Prlimit(process.PID, unix.RLIMIT_NOFILE, nil, &now)
		}
		if err == nil {
			err = gate.Limit(process.PID, unix.RLIMIT_NOFILE, uint64(n/2))
		}
		if err != nil {
			t.Fatal(err)
		}
		limits[process.PID] = now.Cur
	}
	return limits
}

func (p *perimeter) thaw(t *testing.T, limits map[int]uint64) {
	t.Helper()
	for pid, to := range limits {
		if err := gate.Limit(pid, unix.RLIMIT_NOFILE, to); err != nil && err != unix.ESRCH {
			t.Error(err)
		}
	}
}

// addLink makes the gateway a new interface and takes it away again.
func (p *perimeter) addLink(t *testing.T) {
	t.Helper()
	ns, err := p.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "a-link"
	d := &netlink.Veth{LinkAttrs: attrs, PeerName: "another-link"} // not every kernel has dummies
	if err := h.LinkAdd(d); err != nil {
		t.Fatal(err)
	}
	h.LinkSetUp(d)
	time.Sleep(20 * time.Millisecond)
	if err := h.LinkDel(d); err != nil {
		t.Fatal(err)
	}
}

// connect opens n connections to the gateway's control socket, says nothing on them,
// and closes them.
func (p *perimeter) connect(n int) {
	for range n {
		if c, err := net.DialTimeout("unix", p.socket, 100*time.Millisecond); err == nil {
			defer c.Close()
		}
	}
	time.Sleep(50 * time.Millisecond)
}

// passesSome waits until something comes out again while the load goes on.
func (p *perimeter) passesSome(t *testing.T) {
	t.Helper()
	from := time.Now()
	if !gate.Eventually(func() bool { _, ok := p.sniffer("tess").Times().First(from); return ok }) {
		t.Errorf("nothing passes any more\n%s", p.Tail(12))
	}
}
