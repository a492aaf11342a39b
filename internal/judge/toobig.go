package judge

import (
	"encoding/binary"
	"net/netip"

	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// leastMTU is the least MTU of a link, RFC 791 section 3.2. A route may be given less.
const leastMTU = 68

// fits refuses a packet that must not be fragmented and is larger, with its option,
// than its way out allows. Its sender is told by how much: the kernel, which sees
// the packet after the option was added, would tell it the MTU of the link, and it
// would send packets of that size for ever (RFC 1191).
//
// What has not grown at FORWARD has met the kernel's own check before.
func (j *judge) fits(now moment, p *queue.Packet, v *netlabel.Verdict) {
	if v.Action == netlabel.Drop || v.Exempt || v.Held || v.OutZone == 0 {
		return
	}
	flags := binary.BigEndian.Uint16(p.Payload[6:])
	came := int(binary.BigEndian.Uint16(p.Payload[2:]))
	size := came
	if v.Length != 0 {
		size = v.Length
	}
	const dontFragment = 0x4000
	if flags&dontFragment == 0 || size <= now.snapshot.ZoneMTU(v.OutZone) {
		return
	}
	grew := max(size-came, 0)
	if grew == 0 && p.Hook != queue.Prerouting {
		return
	}
	if link := now.links.LinkMTU(p.In); link != 0 && came > link && p.Hook == queue.Forward {
		// No link takes what is longer than it: the kernel put this together from
		// fragments, and sends fragments that are no larger than those.
		return
	}
	if mtu, ok := j.egress(now, p); ok && size > mtu {
		v.Refuse(netlabel.ReasonTooBig)
		v.MTU = max(mtu-grew, leastMTU)
	}
}

// egress returns the MTU of a packet's way out. The kernel is asked by addresses;
// what else its rules of routing may look at shows in the interface that it chose.
func (j *judge) egress(now moment, p *queue.Packet) (mtu int, ok bool) {
	src, dst := netip.AddrFrom4([4]byte(p.Payload[12:16])), netip.AddrFrom4([4]byte(p.Payload[16:20]))
	e, ok := j.links.Egress(p.In, src, dst)
	if !leaves(p.Hook) {
		return e.MTU, ok // without a way out the kernel will say so
	}
	link := now.links.LinkMTU(p.Out)
	switch {
	case link == 0:
		return e.MTU, ok
	case !ok:
		return link, true
	case e.Out != p.Out:
		return min(e.MTU, link), true
	}
	return e.MTU, true
}
