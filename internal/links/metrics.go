package links

import "slices"

// exit is a way out of the machine for which a route has an MTU of its own.
type exit struct {
	out    uint32 // interface index, 0 for one that is not known
	mtu    uint32
	object bool // the route's next hop is kept apart from it
}

// metrics are the routes that have an MTU of their own. A machine may have a
// million routes and not one of these; only these are kept. The zero value has
// none. It belongs to one goroutine.
type metrics struct {
	routes map[routeKey][]exit
	counts map[exit]int
}

func (m *metrics) empty() bool { return len(m.routes) == 0 }

// has reports whether there are routes that this one could replace.
func (m *metrics) has(k routeKey) bool { return len(m.routes[k]) != 0 }

// knows reports whether there is a route that looks just like this one.
func (m *metrics) knows(r *route) bool {
	known := m.routes[r.routeKey]
	for out := range r.outs() {
		if !slices.Contains(known, exit{out, r.mtu, r.object}) {
			return false
		}
	}
	return true
}

// add takes a route up. It reports whether that makes a way out known, or an MTU
// of one.
func (m *metrics) add(r *route) (changed bool) {
	if m.routes == nil {
		m.routes, m.counts = make(map[routeKey][]exit), make(map[exit]int)
	}
	for out := range r.outs() {
		e := exit{out, r.mtu, r.object}
		m.routes[r.routeKey] = append(m.routes[r.routeKey], e)
		m.counts[e]++
		changed = changed || m.counts[e] == 1
	}
	return changed
}

// remove is the reverse of add, for a route that m knows.
func (m *metrics) remove(r *route) (changed bool) {
	known := m.routes[r.routeKey]
	for out := range r.outs() {
		e := exit{out, r.mtu, r.object}
		i := slices.Index(known, e)
		if i < 0 {
			continue
		}
		known = slices.Delete(known, i, i+1)
		if m.counts[e]--; m.counts[e] == 0 {
			delete(m.counts, e)
			changed = true
		}
	}
	if len(known) == 0 {
		delete(m.routes, r.routeKey)
	} else {
		m.routes[r.routeKey] = known
	}
	return changed
}

// objects reports whether a next hop that is kept apart is among the ways out.
func (m *metrics) objects() bool {
	for e := range m.counts {
		if e.object {
			return true
		}
	}
	return false
}

// smallest returns the smallest MTU by interface; that of interface 0 counts for
// every one.
func (m *metrics) smallest() map[uint32]int {
	s := make(map[uint32]int)
	for e := range m.counts {
		if mtu, known := s[e.out]; !known || int(e.mtu) < mtu {
			s[e.out] = int(e.mtu)
		}
	}
	return s
}
