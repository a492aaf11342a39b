package memory

import (
	"encoding/binary"

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
	known     netlabel.Known // of the packet in hand; here it need not be allocated
}

// New returns a memory for a policy of so many zones; another number of zones needs
// another memory.
func New(zones int) *Memory {
	return &Memory{flows: flow.New(flows, flowIdle), fragments: fragment.New(datagrams, zones+1)}
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
}

// Process decides one packet as Snapshot.ProcessKnown does, with what is remembered.
func (m *Memory) Process(at Moment, p Packet, k netlabel.Known) netlabel.Verdict {
	m.known = k
	report := reports(p.Bytes)
	found := false
	if report.is && !k.Own {
		found = m.recall(at, &p, &report)
	}
	v := at.Snapshot.ProcessKnown(p.Direction, p.In, p.Bytes, p.Out, m.known)
	if v.Action != netlabel.Drop && report.is && !found && !k.Own && p.Direction != netlabel.Output && at.Snapshot.Mode() == netlabel.Strict {
		v.Refuse(netlabel.ReasonUnsolicitedError)
	}
	m.fragment(at, &p, &v)
	if v.Action != netlabel.Drop && !v.Exempt && !report.is {
		m.note(at, &p, &v)
	}
	return v
}

// Again decides a packet that was judged at an earlier hook and waits for its
// option: subject is the label that it had there. counted says that its flow was
// noted then.
func (m *Memory) Again(at Moment, p Packet, subject engine.Label, counted bool) netlabel.Verdict {
	k := netlabel.Known{Subject: subject, From: netlabel.FromPacket, Held: true}
	if counted {
		m.known = k
		if report := reports(p.Bytes); report.is {
			m.recall(at, &p, &report)
			m.known.Grew = 0 // its MTU was lowered there
		}
		v := at.Snapshot.ProcessKnown(p.Direction, p.In, p.Bytes, p.Out, m.known)
		m.fragment(at, &p, &v)
		return v
	}
	return m.Process(at, p, k)
}

// Source judges a packet as far as its source goes; see netlabel.Snapshot.Source.
func (m *Memory) Source(at Moment, p Packet) netlabel.Verdict {
	v := at.Snapshot.Source(p.In, p.Bytes, p.Out)
	m.fragment(at, &p, &v)
	return v
}

// Fragment judges a fragment without options before it may be put together with
// others; see netlabel.Snapshot.Fragment.
func (m *Memory) Fragment(at Moment, p Packet) netlabel.Verdict {
	v := at.Snapshot.Fragment(p.In, p.Bytes)
	m.fragment(at, &p, &v)
	return v
}

// recall finds the flow that an ICMP error reports. An error goes to who sent the
// datagram and comes from where that went, or from this machine. Without asking for
// both, whoever knows of a flow, such as the one to himself, could say what he likes
// to anybody under its label.
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
// flow had another label.
func (m *Memory) note(at Moment, p *Packet, v *netlabel.Verdict) {
	k, ok := keyOf(p.Bytes)
	if !ok {
		return
	}
	f := flow.Flow{Label: uint32(v.Subject), Labeled: v.HadOption, In: uint8(v.InZone), Out: uint8(v.OutZone)}
	if v.Length != 0 {
		f.Grew = int8(v.Length - int(binary.BigEndian.Uint16(p.Bytes[2:])))
	}
	if at.PinFlows && !m.flows.Pin(at.Seconds, at.Generation, k, f) {
		v.Refuse(netlabel.ReasonLabelChanged)
		return
	}
	m.flows.Note(at.Seconds, at.Generation, k, f)
}
