package links

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Egress is how a packet leaves.
type Egress struct {
	// Out is the index of the interface by which it leaves.
	Out uint32
	// MTU is the most bytes of an IP packet that leave that way: the route's own
	// MTU if it has one, else the link's (RFC 1191 section 3). The kernel answers
	// or fragments what is larger.
	MTU int
	// Gateway is the next router, which may have an IPv6 address (RFC 8950). It is
	// the zero Addr when the destination is on the link.
	Gateway netip.Addr
}

// egress is what a Watcher needs for Egress.
type egress struct {
	mu      sync.Mutex
	closed  bool
	answers *answers

	started time.Time
	// era changes when anything changed that an answer may depend on. It is never
	// 0.
	era atomic.Uint64
}

// void makes all answers void.
func (e *egress) void() { e.era.Add(1) }

// Egress returns how the kernel sends an IPv4 packet that came in by the interface
// with index in, or one of the machine's own if in is 0. It reports false when the
// kernel would not send it: there is no route, the route prohibits it, the source
// cannot be on that interface (RFC 1812 section 5.3.8), the packet is for this
// machine; and when it cannot be known.
//
// As in the kernel, MTUs that were learnt about paths count for the machine's own
// packets, and for others only where net.ipv4.ip_forward_use_pmtu says so or the
// kernel has locked them. Where routes are chosen by more than the interface and
// the addresses (mark, type of service, ports, as with several next hops and
// fib_multipath_hash_policy), and where IPsec takes the packet, the packet may
// leave otherwise.
//
// The answer is the kernel's from at most 5 s ago, unless there was a notice of a
// change of links, addresses, routes or rules since. A question that was not asked
// before waits for the kernel, which takes microseconds, and never more than a
// tenth of a second. Any goroutine may call it, but one waits for the other.
func (w *Watcher) Egress(in uint32, src, dst netip.Addr) (e Egress, ok bool) {
	src, dst = src.Unmap(), dst.Unmap()
	if !src.Is4() || !dst.Is4() {
		return Egress{}, false
	}
	q := question{in, src.As4(), dst.As4()}
	w.egress.mu.Lock()
	defer w.egress.mu.Unlock()
	if w.egress.closed || w.broke.Load() {
		return Egress{}, false
	}
	// A change that comes after this makes the answer void even as it is written.
	era, now := w.egress.era.Load(), time.Since(w.egress.started)
	if a := w.egress.answers.find(q, era, now); a != nil {
		return a.egress, a.ok
	}
	e, ok = w.askKernel(q)
	*w.egress.answers.place(q, era, now) = answer{q, ok, era, now, e}
	return e, ok
}

// askKernel answers a question.
func (w *Watcher) askKernel(q question) (Egress, bool) {
	table := w.Table()
	// The kernel looks up by a source only what comes from elsewhere, or what has
	// an address of its own.
	source := q.in != 0 || table.Local(netip.AddrFrom4(q.src))
	y, err := w.kernel.lookup(q, source)
	if broken(err) {
		w.fail(fmt.Errorf("ask for a route: %w", err))
	}
	if err != nil {
		return Egress{}, false
	}
	link := table.LinkMTU(y.out)
	if link == 0 {
		return Egress{}, false
	}
	return Egress{y.out, y.limit(link), y.gateway}, true
}

const (
	// largestMTU is what the length of an IPv4 packet has room for.
	largestMTU = 65535
	// unknownMTU is what every path is thought to let through beyond a gateway for
	// which no MTU may be learnt (RFC 1191 section 3).
	unknownMTU = 576
)

// limit returns the MTU of this way, by a link with that MTU.
func (y way) limit(link int) int {
	mtu := min(link, largestMTU)
	switch {
	case y.mtu != 0:
		mtu = min(mtu, y.mtu)
	case y.locked && y.gateway.IsValid():
		mtu = min(mtu, unknownMTU)
	}
	if y.headroom < mtu {
		mtu -= y.headroom
	}
	return mtu
}
