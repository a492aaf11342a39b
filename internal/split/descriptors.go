package split

import (
	"fmt"

	"labelgate/internal/queue"
)

// read makes packets of their descriptors.
func (b *Back) read(n int) error {
	for i := range n {
		w := i * packetWords
		offset, length := uint64(b.in.get(w+packetOffset)), uint64(b.in.get(w+packetLength))
		if offset < payloadsAt || offset+length > inLen {
			return fmt.Errorf("packet %d of the keeper has %d bytes at %d: keeper and judge are of different versions; restart the gateway", i, length, offset)
		}
		place, flags := b.in.get(w+packetPlace), b.in.get(w+packetFlags)
		b.packets[i] = queue.Packet{
			Hook: queue.Hook(place >> 16), Protocol: uint16(place),
			In: b.in.get(w + packetIn), Out: b.in.get(w + packetOut), Mark: b.in.get(w + packetMark),
			ChecksumNotReady: flags&flagChecksumNotReady != 0,
			GSO:              flags&flagGSO != 0,
			Truncated:        flags&flagTruncated != 0,
			Payload:          b.in.bytes[offset : offset+length : offset+length],
		}
	}
	return nil
}

// write makes descriptors of the verdicts. A payload that could not be sent is
// given as an empty one, which drops the packet.
func (b *Back) write(n int) {
	part := partsAt + b.part*partLen
	for i := range n {
		v, w := &b.verdicts[i], part/4+i*verdictWords
		var flags uint32
		if v.Accept {
			flags |= flagAccept
		}
		if v.SetMark {
			flags |= flagSetMark
		}
		at, length := part+buffersAt, 0
		if v.Payload != nil {
			flags |= flagPayload
			if len(v.Payload) <= queue.MaxPayload {
				at, length = b.place(i, v.Payload)
			}
		}
		b.out.set(w+verdictMark, v.Mark)
		b.out.set(w+verdictOffset, uint32(at))
		b.out.set(w+verdictLength, uint32(length))
		b.out.set(w+verdictFlags, flags)
	}
}

// place tells where a payload lies in the shared memory, and copies it there when it
// lies elsewhere, as a part of the packet does. The buffers for that are none of the
// handler's, which may hold the payload of another verdict.
func (b *Back) place(i int, payload []byte) (at, length int) {
	part := partsAt + b.part*partLen
	if at, inside := b.out.offset(payload); inside && at >= part+buffersAt && at+len(payload) <= part+partLen {
		return at, len(payload)
	}
	at = part + sparesAt + i*BufferLen
	return at, copy(b.out.bytes[at:at+BufferLen], payload)
}
