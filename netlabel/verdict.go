package netlabel

import (
	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/ipv4"
)

// Direction says on which way through the machine a packet is judged.
type Direction uint8

const (
	// Forward: from one zone to another.
	Forward Direction = iota
	// Input: to this machine. Its option is blanked in place, because the
	// kernel has fixed the transport offset by then.
	Input
	// Output: from this machine.
	Output
)

// String returns the word used in records.
func (d Direction) String() string {
	switch d {
	case Input:
		return "input"
	case Output:
		return "output"
	}
	return "forward"
}

// Action says what becomes of a packet. Its zero value drops.
type Action uint8

// What can become of a packet.
const (
	Drop    Action = iota
	Pass           // leaves as it came, but for a lower TCP segment size, and nothing behind the end of its options
	Add            // a CIPSO option is put on
	Strip          // the CIPSO option is taken out
	Replace        // the CIPSO option is exchanged for another
	Blank          // the CIPSO option is overwritten with NOPs in place
)

// String returns the word used in records.
func (a Action) String() string {
	switch a {
	case Pass:
		return "pass"
	case Add:
		return "add"
	case Strip:
		return "strip"
	case Replace:
		return "replace"
	case Blank:
		return "blank"
	}
	return "drop"
}

// LabelSource says which table named a subject or an object.
type LabelSource uint8

// Where a label can come from.
const (
	FromNowhere LabelSource = iota
	FromPacket              // the CIPSO option
	FromEntry               // the entry of the host table
	FromZone                // the single label of the zone's hosts
	FromAmbient             // the ambient label
	FromSelf                // the machine's own label
	FromWire                // object only: none here, the labeled host itself enforces
	FromFlow                // the datagram that an ICMP error reports
)

// String returns the word used in explanations.
func (s LabelSource) String() string {
	names := [...]string{"nowhere", "packet", "entry", "zone", "ambient", "self", "far host", "flow"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Verdict is what Process decides. Its zero value drops. It holds no pointers
// and may be copied; labels, zones and entries are indices into the Snapshot
// that gave it.
type Verdict struct {
	Action Action
	Reason Reason // why dropped; ReasonNone otherwise

	Subject, Object         engine.Label
	SubjectFrom, ObjectFrom LabelSource
	Decision                engine.Decision // the rule engine's; valid when it was asked
	Checked                 bool            // the rule engine was asked
	Layer                   Zone            // whose restriction denied; valid with ReasonLayer

	InZone, OutZone        Zone
	SourceEntry, DestEntry int32 // of the host table, -1 for none
	Emitted                engine.Label
	HadOption              bool // the packet came with a CIPSO option
	HeaderFault            ipv4.FaultCode
	OptionFault            cipso.FaultCode
	Pointer                uint8 // offset in the IP header of the fault, for ICMP parameter problem
	Clamped                bool  // the TCP segment size was lowered

	// Held says that only the source was judged, and that the packet must be judged
	// again where its destination is known.
	Held bool
	// Exempt says that the packet is one of those that a link's hosts and routers
	// need, which have no label.
	Exempt bool
	// MTU is the largest packet that its sender may send, valid with ReasonTooBig.
	MTU int

	// Length is the number of bytes of out that leave; 0 when the packet
	// leaves as it came.
	Length int
}

// ICMP returns the error message that the CIPSO draft (section 5) wants for a
// drop: type, code and pointer. It reports false where none is due. Whether one
// may be sent at all (never about an ICMP error, a later fragment or a group
// address, and not toward a zone that may not assert labels) is the sender's
// business.
func (v *Verdict) ICMP(d Direction) (typ, code, pointer uint8, ok bool) {
	const (
		unreachable = 3
		hostDenied  = 10 // communication with the host administratively prohibited
		netDenied   = 9  // the same, said by a gateway
		parameter   = 12
		missing     = 1 // code of parameter problem: required option is missing
		needed      = 4 // fragmentation needed (RFC 1191)
	)
	switch v.Reason {
	case ReasonTooBig:
		return unreachable, needed, 0, true
	case ReasonMalformedOption, ReasonUnknownDOI:
		return parameter, 0, v.Pointer, true
	case ReasonMalformedHeader:
		return parameter, 0, v.Pointer, v.Pointer != 0
	case ReasonLabelMissing:
		return parameter, missing, cipso.OptionType, true
	case ReasonNoRoom, ReasonNoEncoding, ReasonSourceNotAccredited, ReasonDestinationNotAccredited,
		ReasonUnknownLabel, ReasonMappedLabel, ReasonReservedLabel, ReasonStarSubject, ReasonNoRule, ReasonRuleLacks, ReasonLayer:
		if !v.HadOption {
			return 0, 0, 0, false // says nothing to a host that does not speak of labels
		}
		if d == Input {
			return unreachable, hostDenied, 0, true
		}
		return unreachable, netDenied, 0, true
	}
	return 0, 0, 0, false
}

// Refuse turns a pass into a drop, for a reason that Process cannot know.
func (v *Verdict) Refuse(r Reason) {
	v.Action, v.Reason, v.Length, v.Emitted, v.Held, v.Exempt = Drop, r, 0, engine.Unknown, false, false
}

// Dropped returns the verdict on a packet that is dropped without having been
// judged, because it is no IPv4 packet, was cut off, or the like.
func Dropped(r Reason) Verdict {
	return Verdict{Reason: r, SourceEntry: -1, DestEntry: -1, Decision: engine.Decision{Rule: engine.NoRule}}
}
