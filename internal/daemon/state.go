package daemon

import (
	"net/netip"
	"sync/atomic"

	"labelgate/internal/audit"
	"labelgate/internal/links"
	"labelgate/internal/load"
	"labelgate/netlabel"
)

// state is what one batch of packets is judged by: a policy, and which interface
// is in which zone. It is immutable; a change makes a new one.
type state struct {
	gateway  *load.Gateway
	snapshot *netlabel.Snapshot // the gateway's, with the MTUs of the links
	links    *links.Table
	slots    []audit.Slot // by zone
}

// zone returns the zone of an interface, 0 for none.
func (s *state) zone(index uint32) netlabel.Zone {
	z, _, _ := s.links.Zone(index)
	return netlabel.Zone(z)
}

// device returns the name of an interface, empty when it is in no zone.
func (s *state) device(index uint32) string { return s.links.Name(index) }

// toSubnet reports whether a packet that was judged is for everybody on one of the
// machine's subnets. Such an address looks like any other: only who knows the
// links can tell. Linux hosts take these packets as well.
func (s *state) toSubnet(packet []byte) bool {
	return s.snapshot.Mode() == netlabel.Strict && s.links.Broadcast(netip.AddrFrom4([4]byte(packet[16:20])))
}

// newState joins a policy with the links of this moment.
func newState(g *load.Gateway, t *links.Table, c *audit.Counters) *state {
	s := &state{gateway: g, links: t}
	mtus := make([]int, g.Snapshot.Zones()+1)
	s.slots = make([]audit.Slot, len(mtus))
	for z := range s.slots {
		s.slots[z] = c.Slot(g.Snapshot.ZoneName(netlabel.Zone(z)))
		mtus[z] = t.MTU(uint8(z))
	}
	s.snapshot = g.Snapshot.WithMTUs(mtus)
	return s
}

// live holds the state of this moment.
type live struct{ p atomic.Pointer[state] }

func (l *live) load() *state   { return l.p.Load() }
func (l *live) store(s *state) { l.p.Store(s) }
