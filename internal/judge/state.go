package judge

import (
	"net/netip"
	"sync/atomic"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/links"
	"labelgate/internal/load"
	"labelgate/internal/memory"
	"labelgate/netlabel"
)

// state is a policy, and what it knows of the zones by its own numbers. It is
// immutable; a change makes a new one.
type state struct {
	gateway  *load.Gateway
	snapshot *netlabel.Snapshot // the gateway's, with the MTUs of the links
	links    *links.Table       // as they were when the state was made
	revision uint32             // by which the numbers of zones in links are those of snapshot
	slots    []audit.Slot       // by zone
	stamp    uint32             // the generation that marks carry
}

// newState joins a policy with the links of this moment, whose numbers of zones
// must be those of the policy.
func newState(g *load.Gateway, w Links, c *audit.Counters, stamp uint32) *state {
	s := &state{gateway: g, stamp: stamp}
	s.links, s.revision = w.Numbered()
	mtus := make([]int, g.Snapshot.Zones()+1)
	s.slots = make([]audit.Slot, len(mtus))
	for z := range s.slots {
		s.slots[z] = c.Slot(g.Snapshot.ZoneName(netlabel.Zone(z)))
		mtus[z] = s.links.MTU(uint8(z))
	}
	s.snapshot = g.Snapshot.WithMTUs(mtus)
	return s
}

// Links knows the machine's links; a *links.Watcher. Any goroutine may call it.
type Links interface {
	Numbered() (t *links.Table, revision uint32)
	SetZones(zones [][]string) error
	Changed() <-chan struct{}
	Egress(in uint32, src, dst netip.Addr) (e links.Egress, ok bool)
}

var _ Links = (*links.Watcher)(nil)

// moment is what one batch of packets is judged by: a policy, and which interface
// is in which of its zones right now.
type moment struct {
	*state
	links      *links.Table
	translated bool // this machine translates addresses: at PREROUTING only the source is known
	wall       time.Time
	since      time.Duration // on a clock that is never set back
}

// generation is that of the policy, 0 where there is none.
func (m moment) generation() uint32 {
	if m.state == nil {
		return 0
	}
	return m.snapshot.Generation()
}

// memory returns the moment for what is remembered of packets.
func (m moment) memory() memory.Moment {
	return memory.Moment{
		Snapshot: m.snapshot, Generation: m.stamp, Seconds: uint32(m.since / time.Second), PinFlows: m.gateway.Config.PinFlows,
	}
}

// own reports whether a packet comes from an address that no other machine can
// have: one of ours, or one that stands for a whole subnet. The kernel drops such
// a packet later, and says nothing.
func (m moment) own(packet []byte) bool {
	src := netip.AddrFrom4([4]byte(packet[12:16]))
	return m.snapshot.Mode() == netlabel.Strict && m.links.Martian(src)
}

// zone returns the zone of an interface, 0 for none.
func (m moment) zone(index uint32) netlabel.Zone {
	z, _, _ := m.links.Zone(index)
	if int(z) >= len(m.slots) {
		return 0
	}
	return netlabel.Zone(z)
}

// device returns the name of an interface, empty when it is not known.
func (m moment) device(index uint32) string { return m.links.Name(index) }

// toSubnet reports whether a packet that was judged is for everybody on one of the
// machine's subnets. Such an address looks like any other: only who knows the
// links can tell. Linux hosts take these packets as well.
func (m moment) toSubnet(packet []byte) bool {
	return m.snapshot.Mode() == netlabel.Strict && m.links.Broadcast(netip.AddrFrom4([4]byte(packet[16:20])))
}

// live holds the state of this moment.
type live struct {
	p          atomic.Pointer[state]
	translated atomic.Bool
}

func (l *live) load() *state   { return l.p.Load() }
func (l *live) store(s *state) { l.p.Store(s) }

// moment returns what packets that are here now are to be judged by. An interface
// index may have been given to another interface since the state was made, so the
// links are taken fresh. Only while a reload puts the zones and the policy in
// force one after the other are the fresh links numbered for the other policy;
// then the state's own are right.
func (l *live) moment(w Links) moment {
	s := l.load()
	if t, revision := w.Numbered(); revision == s.revision {
		return moment{state: s, links: t, translated: l.translated.Load()}
	}
	return moment{state: s, links: s.links, translated: l.translated.Load()}
}
