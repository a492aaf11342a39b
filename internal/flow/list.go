package flow

import "encoding/binary"

// Listed is a live flow at its place in the table.
type Listed struct {
	Place int
	Key
	Flow
	Idle uint32 // seconds since it was last noted
}

// Places returns how many flows the table has room for. Each has a place below that
// for as long as it is live: who looks at all places one after the other, while
// others come and go, meets every flow that stays exactly once.
func (t *Table) Places() int { return len(t.sets) * ways }

// List copies the live flows of the places from..to-1 into l, as many as it holds,
// and returns how many those were and the place to go on at. Places that there are
// not are passed over. It allocates nothing; its cost is that of the places.
func (t *Table) List(now, generation uint32, from, to int, l []Listed) (n, next int) {
	from, to = max(from, 0), min(to, t.Places())
	for ; from < to; from++ {
		e := &t.sets[from/ways][from%ways]
		if e.key.ports == 0 || !e.live(now, generation, t.idle) {
			continue
		}
		if n == len(l) {
			break
		}
		f := &l[n]
		f.Place, f.Flow, f.Idle = from, e.flow(), now-e.seen
		f.Key.unpack(e.key)
		n++
	}
	return n, from
}

// unpack is the way back from words.
func (k *Key) unpack(w words) {
	binary.BigEndian.PutUint32(k.Src[:], uint32(w.addresses>>32))
	binary.BigEndian.PutUint32(k.Dst[:], uint32(w.addresses))
	k.Proto, k.SrcPort, k.DstPort = uint8(w.ports>>32), uint16(w.ports>>16), uint16(w.ports)
}
