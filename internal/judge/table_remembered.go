package judge

import (
	"net/netip"
	"sync"
	"time"

	"labelgate/engine"
	"labelgate/internal/control"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
	"labelgate/internal/memory"
)

// remembered is a table of what is remembered of packets, of which Entry is copied
// out. Its places are those of the table: what is there all the while that pages are
// asked for is in exactly one of them.
//
// A visit takes more than a page where there is more, and what is left of it is for
// the next pages: while no packets come the handler is there once a second only.
type remembered[Entry any] struct {
	list   func(m *memory.Memory, at memory.Moment, from, to int, into []Entry) (n, next int)
	places func(m *memory.Memory) int
	place  func(e *Entry) int
	row    func(at moment, e *Entry) any
	room   int // entries that a visit copies

	mu     sync.Mutex // for what follows
	copied copied[Entry]
}

// copied are entries of one visit.
type copied[Entry any] struct {
	entries []Entry
	at      moment // by which they are to be understood
	from    int    // the place where the visit began
	next    int    // the place where it ended
	last    bool   // there are no more
	taken   time.Time
}

// copyLife is for how long what was copied is shown.
const copyLife = 2 * time.Second

// room is how many entries a visit copies.
const room = 1 << 13

func newFlows() *remembered[flow.Listed] {
	return &remembered[flow.Listed]{
		list: (*memory.Memory).Flows, places: (*memory.Memory).FlowPlaces, row: flowRow, room: room,
		place: func(e *flow.Listed) int { return e.Place },
	}
}

func newDatagrams() *remembered[fragment.Listed] {
	return &remembered[fragment.Listed]{
		list: (*memory.Memory).Datagrams, places: (*memory.Memory).DatagramPlaces, row: fragmentRow, room: room,
		place: func(e *fragment.Listed) int { return e.Place },
	}
}

// page fills an answer from where the cursor points.
func (t *remembered[Entry]) page(s *Service, r control.Request) (control.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, err := control.ParseCursor(r.Args.Cursor, s.live.load().snapshot.Generation())
	if err != nil {
		return control.Response{}, err
	}
	from := int(min(c.Position, allPlaces))
	if !t.copied.holds(from, c.Generation) && !t.copy(&s.visits, from) {
		return control.Response{}, control.Errorf(control.CodeUnavailable, "no packets are judged at the moment, so the %s cannot be looked at; try again", r.Verb)
	}
	if now := t.copied.at.generation(); now != c.Generation && from != 0 {
		return control.Response{}, control.Errorf(control.CodeStale, "the policy changed from generation %d to %d", c.Generation, now)
	}
	return t.fill(r, from)
}

// holds reports whether the page at a place may be taken from what was copied. A
// first page is always looked at anew.
func (c *copied[Entry]) holds(from int, generation uint32) bool {
	return from > c.from && from < c.next && c.at.generation() == generation && time.Since(c.taken) < copyLife
}

// copy has the handler copy entries from a place on. It reports false when nobody
// came by.
func (t *remembered[Entry]) copy(v *visits, from int) bool {
	c := copied[Entry]{entries: make([]Entry, t.room), from: from}
	n, at := 0, from
	look := func(now moment, m *memory.Memory, places int) bool {
		if c.at.generation() != now.generation() {
			n, at = 0, from // labels have other numbers now
		}
		c.at = now
		found, next := t.list(m, now.memory(), at, at+places, c.entries[n:])
		n, at = n+found, next
		c.next, c.last = at, at >= t.places(m)
		return c.last || n == len(c.entries)
	}
	if !v.make(look) {
		return false
	}
	c.entries, c.taken = c.entries[:n], time.Now()
	t.copied = c
	return true
}

func (t *remembered[Entry]) fill(r control.Request, from int) (control.Response, error) {
	c := &t.copied
	cursor := func(place int) string {
		return control.Cursor{Generation: c.at.generation(), Position: uint64(place)}.String()
	}
	p := control.Page{Limit: r.Args.Limit}
	for i := range c.entries {
		e := &c.entries[i]
		if t.place(e) < from {
			continue
		}
		switch fits, err := p.Add(t.row(c.at, e)); {
		case err != nil:
			return control.Response{}, err
		case !fits:
			return p.Response(cursor(t.place(e))), nil
		}
	}
	if c.last || c.at.state == nil {
		return p.Response(""), nil
	}
	return p.Response(cursor(c.next)), nil
}

func flowRow(at moment, f *flow.Listed) any {
	return &control.Flow{
		Source: netip.AddrFrom4(f.Src).String(), Destination: netip.AddrFrom4(f.Dst).String(), Protocol: f.Proto,
		SourcePort: f.SrcPort, DestPort: f.DstPort, In: at.zoneWord(f.In), Out: at.zoneWord(f.Out),
		Label: at.snapshot.LabelName(engine.Label(f.Label)), Labeled: f.Labeled, Grew: int(f.Grew), Age: f.Idle,
	}
}

func fragmentRow(at moment, d *fragment.Listed) any {
	return &control.Fragment{
		Source: netip.AddrFrom4(d.Src).String(), Destination: netip.AddrFrom4(d.Dst).String(), Protocol: d.Proto, ID: d.ID,
		In: at.zoneWord(d.Zone), Label: at.snapshot.LabelName(engine.Label(d.Told)), Labeled: d.Labeled, Condemned: d.Condemned,
		Seen: uint32(d.Seen), Length: uint32(d.Length), Age: d.Idle,
	}
}
