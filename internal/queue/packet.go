package queue

import "strconv"

// Hook is the place in the kernel's way of a packet where it was queued. The
// numbers are those of the kernel (NF_INET_PRE_ROUTING and so on).
type Hook uint8

// The hooks of the IPv4 and IPv6 families.
const (
	Prerouting Hook = iota
	Input
	Forward
	Output
	Postrouting
)

// String returns the hook's name as nft writes it.
func (h Hook) String() string {
	switch h {
	case Prerouting:
		return "prerouting"
	case Input:
		return "input"
	case Forward:
		return "forward"
	case Output:
		return "output"
	case Postrouting:
		return "postrouting"
	}
	return "hook " + strconv.Itoa(int(h))
}

// Packet is one queued packet. It is valid, with everything it points to, only
// until Handle returns.
type Packet struct {
	// ID names the packet to the kernel, within this queue.
	ID uint32
	// Hook is where the packet was queued.
	Hook Hook
	// Protocol is the ethertype in host byte order: 0x0800 for IPv4.
	Protocol uint16
	// In and Out are interface indexes; 0 where the hook knows none.
	In, Out uint32
	// Mark is the packet mark (skb->mark) in host byte order.
	Mark uint32
	// ChecksumNotReady says that the kernel left the layer-4 checksum for
	// the device. It cannot be set while GSO is not asked for, as here.
	ChecksumNotReady bool
	// GSO says that the packet is a large one that is still to be segmented.
	GSO bool
	// Truncated says that Payload is not the whole packet. Such a packet is
	// dropped whatever its verdict says; it is shown so that it can be recorded.
	Truncated bool
	// Payload starts with the network header. The handler must not write to it,
	// for it may lie in memory that can only be read (package split). It may
	// return it or a part of it as the verdict's payload.
	Payload []byte
}

// MaxPayload is the most bytes of a packet that can be read from, or given back
// to, the kernel: a netlink attribute counts its length, with a header of four
// bytes, in 16 bits.
const MaxPayload = 1<<16 - 1 - attrHeaderLen

// Verdict is what shall become of a packet. The zero value drops it.
type Verdict struct {
	// Accept lets the packet go on.
	Accept bool
	// SetMark replaces the packet's mark by Mark (host byte order).
	SetMark bool
	Mark    uint32
	// Payload replaces the packet when it is not nil, with exactly its length.
	// It must stay unchanged until the handler is called again. An empty one,
	// or one longer than MaxPayload, drops the packet.
	Payload []byte
}

// Handler decides about packets.
type Handler interface {
	// Handle fills verdicts[i] for packets[i]. The slices have the same
	// length, at least 1, and verdicts come zeroed, that is as drops. It is
	// called from one goroutine, never concurrently for one queue. When it
	// panics, all packets of the call are dropped.
	Handle(packets []Packet, verdicts []Verdict)
}

// Gate is a Handler that cannot always take packets. While it cannot, they wait
// in the kernel.
type Gate interface {
	// Wait returns when packets can be taken, or when stop is closed: then the
	// queue ends, and the handler must not wait in Handle either. It is called
	// before packets are received, by the goroutine that calls Handle, and is
	// always given the same channel.
	Wait(stop <-chan struct{})
}

// Idler is a Handler that wants to know when there is nothing to do.
type Idler interface {
	// Idle is called by the goroutine that calls Handle when no packet came
	// for about a second.
	Idle()
}

// Pipeline is a Handler that judges elsewhere, so that the queue can answer and
// receive other packets meanwhile. It has one batch at a time. All its methods are
// called from one goroutine.
type Pipeline interface {
	Handler
	// Begin takes packets to be judged and returns without waiting for the
	// verdicts; of the packets it keeps nothing. It reports false when it cannot
	// take them now: then nothing has begun, and they are given to Handle, which
	// may wait. It never waits itself.
	Begin(packets []Packet) bool
	// Finish waits for the verdicts of what Begin took. They must stay unchanged
	// until Finish or Handle is called again.
	Finish(verdicts []Verdict)
}
