package queue

import "encoding/binary"

// The kernel's verdicts (linux/netfilter.h).
const (
	nfDrop   = 0
	nfAccept = 1
)

const (
	verdictFixedLen = nlHeaderLen + nfHeaderLen + attrHeaderLen + 8
	markAttrLen     = attrHeaderLen + 4

	// maxVerdictLen is the longest message that appendVerdict makes.
	maxVerdictLen = verdictFixedLen + markAttrLen + (attrHeaderLen+MaxPayload+nlAlign-1)&^(nlAlign-1)

	flagRequest = 1 // NLM_F_REQUEST
	flagAck     = 4 // NLM_F_ACK
)

// verdictLen is how much appendVerdict will add for v.
func verdictLen(v *Verdict) int {
	n := verdictFixedLen
	if v.Accept {
		if v.SetMark {
			n += markAttrLen
		}
		if v.Payload != nil {
			n += align(attrHeaderLen + len(v.Payload))
		}
	}
	return n
}

// appendVerdict appends the message that answers packet id of a queue. The
// sequence number is the packet's id: when the kernel refuses the verdict, its
// error names the packet. A dropped packet carries neither mark nor payload.
// The caller has made sure that the payload is not empty nor too long.
func appendVerdict(b []byte, queue uint16, id uint32, v *Verdict) []byte {
	code := uint32(nfDrop)
	if v.Accept {
		code = nfAccept
	}
	b = appendHeader(b, verdictLen(v), typeVerdict, flagRequest, id)
	b = append(b, 0, 0, byte(queue>>8), byte(queue)) // any family, version 0
	b = appendAttrHeader(b, attrVerdictHeader, 8)
	b = binary.BigEndian.AppendUint32(b, code)
	b = binary.BigEndian.AppendUint32(b, id)
	if !v.Accept {
		return b
	}
	if v.SetMark {
		b = appendAttrHeader(b, attrMark, 4)
		b = binary.BigEndian.AppendUint32(b, v.Mark)
	}
	if v.Payload != nil {
		// The attribute's length is the packet's: the kernel takes padding
		// that is counted for a part of the packet.
		b = appendAttrHeader(b, attrPayload, len(v.Payload))
		b = append(b, v.Payload...)
		for n := len(v.Payload); n%nlAlign != 0; n++ {
			b = append(b, 0)
		}
	}
	return b
}

func appendHeader(b []byte, length int, kind, flags uint16, seq uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(length))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	return binary.NativeEndian.AppendUint32(b, 0) // port id: the kernel fills it in
}

func appendAttrHeader(b []byte, kind uint16, n int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrHeaderLen+n))
	return binary.NativeEndian.AppendUint16(b, kind)
}
