package queue

import "encoding/binary"

// Attributes of a configuration message (linux/netfilter/nfnetlink_queue.h).
const (
	attrConfigCommand = 1
	attrConfigParams  = 2
	attrConfigLength  = 3

	commandUnbind   = 2
	copyWholePacket = 2
)

// appendSettings appends the message that sets what Config says of a queue that is
// bound. Errors of it come to the loop.
func appendSettings(b []byte, queue uint16, length uint32) []byte {
	b = appendConfigHeader(b, queue, (attrHeaderLen+5+nlAlign-1)&^(nlAlign-1)+attrHeaderLen+4)
	b = appendAttrHeader(b, attrConfigParams, 5)
	b = binary.BigEndian.AppendUint32(b, MaxPayload)
	b = append(b, copyWholePacket, 0, 0, 0) // with padding
	b = appendAttrHeader(b, attrConfigLength, 4)
	return binary.BigEndian.AppendUint32(b, length)
}

// appendUnbind appends the message that takes a queue down.
func appendUnbind(b []byte, queue uint16) []byte {
	b = appendConfigHeader(b, queue, attrHeaderLen+4)
	b = appendAttrHeader(b, attrConfigCommand, 4)
	return append(b, commandUnbind, 0, 0, 0)
}

func appendConfigHeader(b []byte, queue uint16, body int) []byte {
	b = appendHeader(b, nlHeaderLen+nfHeaderLen+body, typeConfig, flagRequest, 0)
	return append(b, 0, 0, byte(queue>>8), byte(queue))
}
