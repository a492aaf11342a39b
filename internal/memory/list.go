package memory

import (
	"hash/maphash"

	"labelgate/engine"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
)

// FlowPlaces is how many places there are for Flows to look at.
func (m *Memory) FlowPlaces() int { return m.flows.Places() }

// Flows copies the live flows of the places from..to-1, as flow.Table.List does.
// Their labels and zones are those of the Moment's snapshot.
func (m *Memory) Flows(at Moment, from, to int, l []flow.Listed) (n, next int) {
	return m.flows.List(at.Seconds, at.Generation, from, to, l)
}

// DatagramPlaces is how many places there are for Datagrams to look at.
func (m *Memory) DatagramPlaces() int { return m.fragments.Places() }

// Datagrams copies the datagrams of the places from..to-1, as fragment.Table.List
// does. Told is the label in the Moment's snapshot, engine.Unknown for one that was
// seen before a reload gave its number to another.
func (m *Memory) Datagrams(at Moment, from, to int, l []fragment.Listed) (n, next int) {
	n, next = m.fragments.List(at.Seconds, from, to, l)
	for i := range l[:n] {
		if d := &l[i]; !d.Labeled || m.number(at, engine.Label(d.Told)) != d.Label {
			d.Told = uint32(engine.Unknown)
		}
	}
	return n, next
}

// number returns what tells a label from others, also across a reload that numbers
// them anew.
func (m *Memory) number(at Moment, l engine.Label) uint32 {
	return uint32(maphash.String(m.seed, at.Snapshot.LabelName(l)))
}
