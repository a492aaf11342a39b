package split

import "labelgate/internal/queue"

// Batch is the most packets of one exchange.
const Batch = 64

// BufferLen is the length of one output buffer: the longest IPv4 packet (65,535
// bytes) with options that it and a header quoted in it may gain, in lines of the cache: an
// odd number of lines, so that the beginnings of the buffers do not share a place
// in the cache.
const BufferLen = 65728

// The memory for packets: descriptors, then payloads one behind the other.
const (
	packetWords  = 8 // of 32 bits, per descriptor
	payloadsAt   = 4096
	payloadAlign = 16
	inLen        = payloadsAt + Batch*((queue.MaxPayload+payloadAlign-1)&^(payloadAlign-1))
)

// The words of a packet's descriptor.
const (
	packetPlace  = iota // hook in the upper half, ethertype in the lower
	packetIn            // interface indexes
	packetOut           //
	packetMark          //
	packetFlags         //
	packetOffset        // of the payload, from the beginning of the memory
	packetLength        //
)

// Bits of packetFlags.
const (
	flagChecksumNotReady = 1 << iota
	flagGSO
	flagTruncated
)

// The memory for verdicts: counters, and then two parts that are used in turn, for the
// keeper is still sending the verdicts of one batch while the judge writes those of
// the next. Each has descriptors, a buffer for each packet, and as many for payloads
// that the handler has somewhere else.
const (
	verdictWords = 4
	countersAt   = 0
	partsAt      = 4096
	buffersAt    = 4096 // in a part
	sparesAt     = buffersAt + Batch*BufferLen
	partLen      = (sparesAt + Batch*BufferLen + 4095) / 4096 * 4096
	parts        = 2
	outLen       = partsAt + parts*partLen
)

// partOf returns where the part for a batch begins.
func partOf(sequence uint32) int { return partsAt + int(sequence%parts)*partLen }

// The words of a verdict's descriptor. All zero is a drop.
const (
	verdictFlags  = iota
	verdictMark   //
	verdictOffset // of the payload, from the beginning of the memory
	verdictLength //
)

// Bits of verdictFlags.
const (
	flagAccept = 1 << iota
	flagSetMark
	flagPayload

	verdictFlagsKnown = flagAccept | flagSetMark | flagPayload
)
