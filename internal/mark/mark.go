// Package mark lays out the packet mark (skb->mark) by which the stages of one
// packet's way through netfilter recognise each other's work.
//
//	31      judged   a snapshot allowed this packet
//	30      pending  it is to be judged once more, with the subject it had; alone, on
//	                 the way from POSTROUTING to an interface, it was let out there
//	29      local    addressed to this machine (set by netfilter, read by us)
//	28..24  generation of the snapshot that judged it, modulo 32
//	23..18  zone it may leave to, 1..63; 0 for local delivery, and while pending
//	        where only its source was judged
//	17..0   label of its subject, valid while pending
//
// Only marks that netfilter cleared at PREROUTING or OUTPUT are believed, so
// nothing that arrives can bring a mark of its own.
package mark

// Mark is a packet mark in host byte order.
type Mark uint32

// The flags of a mark.
const (
	Judged  Mark = 1 << 31
	Pending Mark = 1 << 30
	Local   Mark = 1 << 29
)

// Left is on a packet that POSTROUTING let out to a zone until its interface has seen
// that. No rule takes it for a judgement: it is no state that StateMask knows.
const Left = Pending

// Limits of the fields: what does not fit cannot be marked, and a packet that
// cannot be marked is dropped.
const (
	MaxZone  = 63
	MaxLabel = 1<<18 - 1

	generationShift = 24
	generationMask  = 0x1f
	zoneShift       = 18
)

// StateMask covers the two flags that say how far a packet has come, and
// ZoneMask the zone it may leave to; netfilter rules match on them.
const (
	StateMask = Judged | Pending
	ZoneMask  = Mark(MaxZone) << zoneShift
)

// ForZone returns the mark of a packet that is ready to leave to zone.
func ForZone(generation uint32, zone uint8) Mark {
	return Judged | Mark(generation&generationMask)<<generationShift | Mark(zone&MaxZone)<<zoneShift
}

// ForLabel returns the mark of a packet that was judged with label as its subject,
// whose option's place NOPs hold open, and which is finished at FORWARD or INPUT.
// zone is 0 when its destination is still to be judged. It reports false when
// label or zone does not fit into the mark.
func ForLabel(generation uint32, zone uint8, label uint32) (Mark, bool) {
	if label > MaxLabel || zone > MaxZone {
		return 0, false
	}
	return ForZone(generation, zone) | Pending | Mark(label), true
}

// IsJudged reports whether a snapshot allowed the packet.
func (m Mark) IsJudged() bool { return m&Judged != 0 }

// IsPending reports whether the packet was judged and waits to be finished.
func (m Mark) IsPending() bool { return m&StateMask == StateMask }

// IsLocal reports whether netfilter saw that the packet is for this machine.
func (m Mark) IsLocal() bool { return m&Local != 0 }

// Zone returns the zone the packet may leave to.
func (m Mark) Zone() uint8 { return uint8(m >> zoneShift & MaxZone) }

// Label returns the label of the packet's subject; valid only when m is pending.
func (m Mark) Label() uint32 { return uint32(m & MaxLabel) }

// SameGeneration reports whether m was given by a snapshot of this generation.
func (m Mark) SameGeneration(generation uint32) bool {
	return uint32(m>>generationShift)&generationMask == generation&generationMask
}
