package netlabel

import (
	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/ipv4"
)

// Process decides one packet. in is the zone it came in by (ignored for Output),
// packet its bytes from the IP header on, and out a buffer of at least
// len(packet)+MaxGrowth bytes for what leaves if that differs from the packet.
// The packet is never changed, and out must not overlap it. Bytes behind the
// packet's total length, such as the padding of a short Ethernet frame, never
// leave.
//
// It neither allocates nor locks, logs, blocks or reads a clock; any number of
// goroutines may call it on one Snapshot, each with its own out.
func (s *Snapshot) Process(d Direction, in Zone, packet, out []byte) Verdict {
	return s.ProcessKnown(d, in, packet, out, Known{})
}

// ProcessKnown decides one packet of which something is known, as Process does.
func (s *Snapshot) ProcessKnown(d Direction, in Zone, packet, out []byte, k Known) Verdict {
	if !s.Names(k.Subject) {
		k.Subject = engine.Unknown // what a mark says may be anything
	}
	j := judgement{s: s, direction: d, packet: packet, out: out, known: k, v: Dropped(ReasonNone)}
	if d != Output {
		j.v.InZone = in
	}
	if j.header() && (j.exempt() || j.addresses() && j.subject() && j.object() && j.egress()) {
		return j.v
	}
	j.v.Action, j.v.Length, j.v.Emitted = Drop, 0, engine.Unknown
	return j.v
}

// MaxGrowth is what a packet can gain on its way: the option area of an IPv4
// header (RFC 791 section 3.1) and that of the header that an ICMP error quotes.
const MaxGrowth = 2 * ipv4.MaxOptionsLen

// judgement is the state of one call of Process. Each step returns false after
// it has set the reason to drop.
type judgement struct {
	s         *Snapshot
	direction Direction
	packet    []byte
	out       []byte
	known     Known

	view   ipv4.View
	option cipso.Option // as decoded; valid with v.HadOption, unless its zone refuses labels
	v      Verdict
}

func (j *judgement) drop(r Reason) bool {
	j.v.Reason = r
	return false
}

func (j *judgement) inZone() *zone  { return j.s.zoneAt(j.v.InZone) }
func (j *judgement) outZone() *zone { return j.s.zoneAt(j.v.OutZone) }
func (j *judgement) strict() bool   { return j.s.mode == Strict }

func (j *judgement) strictness() ipv4.Strictness {
	if j.strict() {
		return ipv4.Strict
	}
	return ipv4.Compat
}

// refusedOptions have no business at a perimeter. Source routes pick the path,
// record route and timestamp report it, and the kernel, which remembers where it
// saw them, would write its addresses at the old places after we moved them.
const refusedOptions = ipv4.RecordRoute | ipv4.Timestamp | ipv4.LooseRoute | ipv4.StrictRoute | ipv4.StreamID | ipv4.OtherOption

// header parses the packet as far as it can be trusted without knowing hosts.
func (j *judgement) header() bool {
	fault := j.view.Parse(j.packet, j.strictness())
	j.v.HadOption = j.view.CIPSO != 0 || j.known.Held
	if j.direction != Output && j.inZone().name == "" {
		return j.drop(ReasonNoZone)
	}
	if fault.Code != ipv4.NoFault {
		// The kernel reads options from left to right: a fault inside a CIPSO
		// option that stands before is the one to report.
		// The host entry, which may name another domain, is not known yet: a
		// header that contradicts itself has no source to look up.
		m := Compat // what Linux reports, we report at the same byte
		if fault.Code == ipv4.FaultDataAfterEnd {
			m = j.s.mode
		}
		if j.direction != Output && j.view.CIPSO != 0 && j.view.CIPSO < int(fault.Pointer) && !j.decodeAs(m) {
			return false
		}
		j.v.HeaderFault, j.v.Pointer = fault.Code, fault.Pointer
		return j.drop(ReasonMalformedHeader)
	}
	if !j.strict() {
		return true
	}
	switch {
	case j.view.Others&(ipv4.BSO|ipv4.ESO) != 0:
		return j.drop(ReasonForeignLabel)
	case j.view.Others&refusedOptions != 0:
		return j.drop(ReasonIPOption)
	case j.view.Tiny():
		return j.drop(ReasonTinyFragment)
	}
	return j.control()
}

// addresses holds source and destination against the zones.
func (j *judgement) addresses() bool {
	if !j.from() {
		return false
	}
	dst := j.view.Dst
	if j.strict() && (dst.IsMulticast() || isBroadcast(dst)) {
		return j.drop(ReasonGroupDestination)
	}
	if j.strict() && isNowhere(dst) {
		return j.drop(ReasonNoDestinationZone)
	}
	if j.direction != Input {
		j.v.OutZone = j.s.ZoneOf(dst)
		if j.v.OutZone == 0 {
			return j.drop(ReasonNoDestinationZone)
		}
	}
	if j.strict() && !j.tunnelAdmitted() {
		return j.drop(ReasonTunnel)
	}
	return true
}

// from holds the source against its zone.
func (j *judgement) from() bool {
	if !j.strict() {
		return true
	}
	src := j.view.Src
	if isMartian(src) {
		return j.drop(ReasonMartianSource)
	}
	// A source address is believed only if its zone may hold it: a spoofed
	// one would borrow the label of a better trusted network.
	if j.direction != Output && j.s.ZoneOf(src) != j.v.InZone {
		return j.drop(ReasonSourceNotInZone)
	}
	return true
}
