package memory

import (
	"encoding/binary"
	"hash/maphash"

	"labelgate/engine"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
	"labelgate/netlabel"
)

// Sizes of the tables, and how long they remember. A flow that was idle for two
// minutes is not one that a router still reports errors about.
const (
	flows     = 1 << 16
	flowIdle  = 120 // seconds
	datagrams = 4096
)

// Memory belongs to one goroutine. It allocates nothing after New.
type Memory struct {
	flows     *flow.Table
	fragments *fragment.Table
	seed      maphash.Seed   // of the numbers by which fragments' labels are compared
	known     netlabel.Known // of the packet in hand; here it need not be allocated
}

// New returns a memory for a policy of so many zones. Other policies may follow, as
// long as they number the same zones alike: what waits for the rest of its datagram
// is known by the number of its zone.
func New(zones int) *Memory {
	return &Memory{flows: flow.New(flows, flowIdle), fragments: fragment.New(datagrams, zones), seed: maphash.MakeSeed()}
}

// Moment is what a packet is judged by, and when.
type Moment struct {
	Snapshot   *netlabel.Snapshot
	Generation uint32 // of labels: what was remembered under another one is forgotten
	Seconds    uint32 // monotonic
	PinFlows   bool   // a flow keeps its label
}

// Packet is one packet at one place of its way.
type Packet struct {
	Direction netlabel.Direction
	In        netlabel.Zone
	Bytes     []byte // from the IP header on
	Out       []byte // as for netlabel.Snapshot.Process
	// Seen says that this is not the first hook that it comes to: as a fragment it
	// was held against the others there.
	Seen bool
	// Counted says that it was judged whole at an earlier hook, and its flow noted.
	Counted bool
}

// Process decides one packet as Snapshot.ProcessKnown does, with what is remembered.
// What else may refuse the packet comes next, and Remember last.
func (m *Memory) Process(at Moment, p Packet, k netlabel.Known) netlabel.Verdict {
	m.known = k
	report := reports(p.Bytes)
	due := !report.is || k.Own || p.Counted
	if report.is && !k.Own && m.recall(at, &p, &report) {
		due = true
		if p.Counted {
			m.known.Grew = 0 // its MTU was lowered at the hook before
		}
	}
	v := at.Snapshot.ProcessKnown(p.Direction, p.In, p.Bytes, p.Out, m.known)
	if v.Action != netlabel.Drop && !due && p.Direction != netlabel.Output && at.Snapshot.Mode() == netlabel.Strict {
		v.Refuse(netlabel.ReasonUnsolicitedError)
	}
	return v
}

// Again decides a packet that was judged at an earlier hook and waits for its
// option: subject is the label that it had there.
func (m *Memory) Again(at Moment, p Packet, subject engine.Label) netlabel.Verdict {
	return m.Process(at, p, netlabel.Known{Subject: subject, From: netlabel.FromPacket, Held: true})
}

// Remember takes up a packet that was judged, and refuses it where it contradicts
// what is remembered. A packet that is dropped for any reason must not have left a
// trace: it would make its flow the flow of who made it up. As a fragment it takes
// the rest of its datagram along: what is left must not be put together with what
// somebody else sends under its number.
func (m *Memory) Remember(at Moment, p Packet, v *netlabel.Verdict) {
	switch {
	case v.Action == netlabel.Drop:
		m.condemn(at, &p)
	case !m.fits(at, &p, v): // the others are condemned where they must be
	case v.Held, v.Exempt, p.Counted:
	case !m.note(at, &p, v):
		m.condemn(at, &p)
	}
}

// recall finds the flow that an ICMP error reports. The flow's label is for its
// source alone, and for an error from the zone that its packets went to, or of this
// machine's own, through which they went. Who else knows of a flow would speak with
// its label otherwise, and to whom he likes.
func (m *Memory) recall(at Moment, p *Packet, r *report) bool {
	if !r.usable {
		return false
	}
	f, ok := m.flows.Find(at.Seconds, at.Generation, r.key)
	if !ok || p.Direction != netlabel.Output && f.Out != uint8(p.In) {
		return false
	}
	m.known.Reported, m.known.Grew = engine.Label(f.Label), int(f.Grew)
	if m.known.Subject == engine.Unknown {
		m.known.Subject, m.known.From = m.known.Reported, netlabel.FromFlow
	}
	return true
}

// note remembers the flow of a packet that passes, or refuses the packet when the
// flow had another label. An ICMP error belongs to none.
func (m *Memory) note(at Moment, p *Packet, v *netlabel.Verdict) bool {
	k, ok := keyOf(p.Bytes)
	if !ok || reports(p.Bytes).is {
		return true
	}
	f := flow.Flow{Label: uint32(v.Subject), Labeled: v.HadOption, In: uint8(v.InZone), Out: uint8(v.OutZone)}
	if v.Length != 0 {
		f.Grew = int8(v.Length - int(binary.BigEndian.Uint16(p.Bytes[2:])))
	}
	if at.PinFlows && !m.flows.Pin(at.Seconds, at.Generation, k, f) {
		v.Refuse(netlabel.ReasonLabelChanged)
		return false
	}
	m.flows.Note(at.Seconds, at.Generation, k, f)
	return true
}
