package fragment

// Listed is a datagram at its place in the table.
type Listed struct {
	Place int
	Key
	Label     uint32 // Piece.Label and Piece.Told of the first piece that passed
	Told      uint32
	Labeled   bool
	Condemned bool
	Seen      int    // bytes that passed
	Length    int    // bytes of the whole without header, 0 until its last piece passed
	Idle      uint32 // seconds since one passed
}

// Places returns one more than the number of datagrams that the table has room for.
// Each has a place below that for as long as it is remembered, see flow.Table.Places.
func (t *Table) Places() int { return len(t.m.entries) }

// List copies the datagrams of the places from..to-1 into l, as many as it holds, and
// returns how many those were and the place to go on at. Places that there are not are
// passed over. It allocates nothing; its cost is that of the places.
func (t *Table) List(now uint32, from, to int, l []Listed) (n, next int) {
	m := &t.m
	from, to = max(from, 1), min(to, t.Places())
	for ; from < to; from++ {
		i := uint32(from)
		if !m.taken(i) || m.expired(i, now) {
			continue
		}
		if n == len(l) {
			break
		}
		e := &m.entries[i]
		l[n] = Listed{
			Place: from, Key: key(e.addresses, e.rest), Label: e.label, Told: e.told, Labeled: e.labeled, Condemned: e.condemned,
			Seen: e.seen.bytes(), Length: int(e.end), Idle: now - e.since,
		}
		n++
	}
	return n, from
}
