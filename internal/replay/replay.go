// Package replay sends the packets of a capture through the same function that
// judges live ones, without a kernel and without root.
package replay

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"

	"labelgate/internal/audit"
	"labelgate/internal/capture"
	"labelgate/internal/event"
	"labelgate/internal/memory"
	"labelgate/netlabel"
)

// Zones says which zone the packets of a capture came in by: by the name of the
// interface, by the sender's Ethernet address, or "*" for all others.
type Zones struct {
	byName map[string]netlabel.Zone
	byMAC  map[string]netlabel.Zone
	rest   netlabel.Zone
}

// ParseZones reads arguments of the form WHERE=ZONE, where WHERE is an interface
// of the capture, an Ethernet address, or *.
func ParseZones(s *netlabel.Snapshot, arguments []string) (*Zones, error) {
	z := &Zones{byName: make(map[string]netlabel.Zone), byMAC: make(map[string]netlabel.Zone)}
	for _, a := range arguments {
		where, name, ok := strings.Cut(a, "=")
		if !ok || where == "" {
			return nil, fmt.Errorf("%q: want an interface or an Ethernet address, = and a zone", a)
		}
		zone, ok := s.ZoneNamed(name)
		if !ok {
			return nil, fmt.Errorf("%q: the settings have no zone %q; there are %s", a, name, zoneNames(s))
		}
		mac, err := net.ParseMAC(where)
		switch {
		case where == "*":
			z.rest = zone
		case err == nil:
			z.byMAC[mac.String()] = zone
		default:
			z.byName[where] = zone
		}
	}
	return z, nil
}

func zoneNames(s *netlabel.Snapshot) string {
	var names []string
	for z := 1; z <= s.Zones(); z++ {
		names = append(names, s.ZoneName(netlabel.Zone(z)))
	}
	return strings.Join(names, ", ")
}

// Of returns the zone that a frame came in by, 0 when nobody said. An Ethernet
// address wins over an interface, since one interface may carry many senders.
func (z *Zones) Of(f *capture.Frame) netlabel.Zone {
	if zone, ok := z.byMAC[f.Source.String()]; ok && len(f.Source) != 0 {
		return zone
	}
	if zone, ok := z.byName[f.Name]; ok && f.Name != "" {
		return zone
	}
	return z.rest
}

// Replayer judges frames. It belongs to one goroutine.
type Replayer struct {
	snapshot *netlabel.Snapshot
	zones    *Zones
	memory   *memory.Memory
	pinFlows bool
	seconds  uint32 // of the latest frame: time does not go back for what is remembered
	out      []byte
}

// New returns a Replayer. pinFlows is the setting of that name.
func New(s *netlabel.Snapshot, z *Zones, pinFlows bool) *Replayer {
	return &Replayer{snapshot: s, zones: z, memory: memory.New(s.Zones()), pinFlows: pinFlows}
}

// Unseen is the verdict in the record of a frame that no gateway is asked about.
const Unseen = "unseen"

// Sees reports whether a gateway is asked about a frame. ARP and other protocols
// of the link end at the link.
func Sees(f *capture.Frame) bool {
	return f.IPv4 != nil || f.EtherType == capture.EtherTypeIPv6 || f.EtherType == 0
}

// Judge decides one frame and returns its record and the IPv4 packet that would
// leave, nil when none would. The packet is valid until the next call.
func (r *Replayer) Judge(f *capture.Frame) (audit.Record, []byte) {
	zone, packet := r.zones.Of(f), trimmed(f.IPv4)
	var v netlabel.Verdict
	switch {
	case f.IPv4 == nil:
		v = netlabel.Dropped(netlabel.ReasonNotIPv4)
		v.InZone = zone
	case f.Truncated():
		v = netlabel.Dropped(netlabel.ReasonTruncated)
		v.InZone = zone
	default:
		if need := len(packet) + netlabel.MaxGrowth; len(r.out) < need {
			r.out = make([]byte, need)
		}
		r.seconds = max(r.seconds, uint32(f.Time.Unix()))
		at := memory.Moment{Snapshot: r.snapshot, Generation: r.snapshot.Generation(), Seconds: r.seconds, PinFlows: r.pinFlows}
		p := memory.Packet{Direction: netlabel.Forward, In: zone, Bytes: packet, Out: r.out}
		v = r.memory.Process(at, p, netlabel.Known{})
		r.memory.Remember(at, p, &v)
	}
	record := event.Record(r.snapshot, event.Packet{Direction: netlabel.Forward, Bytes: packet, Out: r.out, In: f.Name}, &v)
	record.Time = f.Time
	switch {
	case v.Action == netlabel.Drop:
		return record, nil
	case v.Length != 0:
		return record, r.out[:v.Length]
	}
	return record, packet
}

// trimmed takes away what the link put behind a packet: short Ethernet frames are
// filled up, and the kernel takes that off before anybody sees the packet.
func trimmed(p []byte) []byte {
	if len(p) >= 4 {
		if total := int(binary.BigEndian.Uint16(p[2:])); total >= 20 && total < len(p) {
			return p[:total:total]
		}
	}
	return p
}
