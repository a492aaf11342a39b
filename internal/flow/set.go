package flow

// ways is the number of flows in a set.
const ways = 8

// set is four cache lines of 64 bytes. Its entries are compared in place, not by
// way of an index of hashes: the four loads do not wait for each other.
type set [ways]entry

// entry is one flow, half a cache line.
type entry struct {
	key        words // its ports are 0 in an entry that holds no flow
	label      uint32
	generation uint32
	seen       uint32 // second in which it was last noted
	grew       int8
	in, out    uint8
	labeled    bool
}

// find returns the entry of a key, live or not, or nil.
func (s *set) find(w words) *entry {
	for i := range s {
		if e := &s[i]; e.key == w {
			return e
		}
	}
	return nil
}

// live reports whether e may be relied on. The difference of two times is right
// across a wrap of the clock.
func (e *entry) live(now, generation, idle uint32) bool {
	return e.generation == generation && now-e.seen <= idle
}

func (e *entry) flow() Flow {
	return Flow{Label: e.label, Labeled: e.labeled, Grew: e.grew, In: e.in, Out: e.out}
}

func (e *entry) put(now, generation uint32, w words, f Flow) {
	e.key = w
	e.label, e.generation, e.seen = f.Label, generation, now
	e.grew, e.in, e.out, e.labeled = f.Grew, f.In, f.Out, f.Labeled
}

// room returns the entry that gives way to a new flow from zone, by the rule that
// Note states.
func (s *set) room(now, generation, idle uint32, zone uint8) *entry {
	oldest := &s[0]
	for i := range s {
		e := &s[i]
		if e.key.ports == 0 || e.generation != generation {
			return e
		}
		if now-e.seen > now-oldest.seen {
			oldest = e
		}
	}
	if now-oldest.seen > idle {
		return oldest
	}
	var held [256]uint8 // live flows by zone
	var most uint8
	held[zone] = 1 // the new one
	for i := range s {
		n := &held[s[i].in]
		*n++
		most = max(most, *n)
	}
	own := most > 1 && held[zone] == most
	oldest = nil
	for i := range s {
		e := &s[i]
		if held[e.in] != most || own && e.in != zone {
			continue
		}
		if oldest == nil || now-e.seen > now-oldest.seen {
			oldest = e
		}
	}
	return oldest
}
