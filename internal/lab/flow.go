package lab

import (
	"net/netip"

	"labelgate/internal/audit"
	"labelgate/internal/ipv4"
)

// flow is what packets of one probe and one direction have in common. Ports or
// types that say nothing are 0.
type flow struct {
	src, dst netip.Addr
	proto    uint8
	srcPort  uint16
	dstPort  uint16
	icmpType uint8
}

// way is the direction of a probe's packets.
type way uint8

const (
	there way = iota
	back
)

func (l *Lab) flow(c *Cell, w way) flow {
	f := flow{
		src: l.nodes[c.Probe.From].host.Address.Addr(), dst: l.nodes[c.Probe.To].host.Address.Addr(),
		proto: c.Probe.Proto.Number(), dstPort: c.Result.DestPort,
	}
	if c.Probe.Proto == ICMP {
		f.icmpType = echoRequest
	}
	if w == back {
		f.src, f.dst, f.srcPort, f.dstPort = f.dst, f.src, f.dstPort, 0
		f.icmpType = echoReply
	}
	return f
}

// find returns the first record of a packet of the flow with that action.
func find(records []audit.Record, f flow, action string) *audit.Record {
	for i := range records {
		if r := &records[i]; r.Event == audit.EventDecision && r.Action == action && f.matches(r) {
			return r
		}
	}
	return nil
}

func (f *flow) matches(r *audit.Record) bool {
	if r.Saddr != f.src || r.Daddr != f.dst || r.Proto != f.proto {
		return false
	}
	if f.proto == ICMP.Number() {
		return r.HasICMP && r.ICMPType == f.icmpType
	}
	// The other end's port is the kernel's choice and not always known.
	return r.HasPorts && (f.srcPort == 0 || f.srcPort == r.Src) && (f.dstPort == 0 || f.dstPort == r.Dest)
}

// tuple names a single packet's flow exactly.
type tuple struct {
	src, dst         netip.Addr
	proto            uint8
	srcPort, dstPort uint16
	icmpType         uint8
}

func tupleOfRecord(r *audit.Record) tuple {
	return tuple{r.Saddr, r.Daddr, r.Proto, r.Src, r.Dest, r.ICMPType}
}

func tupleOfPacket(packet []byte) tuple {
	var v ipv4.View
	v.Parse(packet, ipv4.Compat)
	return tuple{v.Src, v.Dst, v.Proto, v.SrcPort, v.DstPort, v.ICMPType}
}
