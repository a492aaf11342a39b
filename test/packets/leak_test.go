package packets

import (
	"encoding/binary"
	"fmt"
)

// labels looks for labels anywhere in a frame: for CIPSO options of the domains that
// the gateway speaks at every byte of it, which finds them behind tunnels and in
// quotes of quotes too, and for an option of any domain in the headers that are
// where headers belong.
func labels(frame []byte) (found []string) {
	for i := 0; i+6 <= len(frame); i++ {
		if frame[i] != optionCIPSO {
			continue
		}
		if doi := binary.BigEndian.Uint32(frame[i+2:]); doi == 3 || doi == 16 {
			found = append(found, fmt.Sprintf("an option of domain %d at byte %d", doi, i))
		}
	}
	outer := packetIn(frame)
	if carriesLabel(outer) {
		found = append(found, "an option in its header")
	}
	if n := headerLen(outer); n > 0 && outer[9] == protoICMP && len(outer) > n+8 && isError(outer[n]) && carriesLabel(outer[n+8:]) {
		found = append(found, "an option in the header that it quotes")
	}
	return found
}

const optionCIPSO = 134

// carriesLabel looks at every place of a header where an option can begin, behind
// the end of the list as well.
func carriesLabel(b []byte) bool {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return false
	}
	area := b[minHeader:max(minHeader, min(len(b), int(b[0]&15)*4))]
	for i := 0; i < len(area); {
		switch {
		case area[i] == optionCIPSO:
			return true
		case area[i] <= 1:
			i++
		case i+1 >= len(area) || area[i+1] < 2:
			return false
		default:
			i += int(area[i+1])
		}
	}
	return false
}

// packetIn returns the IPv4 packet in an Ethernet frame, nil when there is none.
func packetIn(frame []byte) []byte {
	const header = 14
	if len(frame) < header+minHeader || binary.BigEndian.Uint16(frame[12:]) != etherIPv4 {
		return nil
	}
	return frame[header:]
}

// headerLen returns the length of an IPv4 header as its first byte says, 0 when b is
// too short for it.
func headerLen(b []byte) int {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return 0
	}
	n := int(b[0]&15) * 4
	if n < minHeader || n > len(b) {
		return 0
	}
	return n
}

// isError reports whether messages of an ICMP type quote a packet (RFC 792).
func isError(kind uint8) bool {
	switch kind {
	case 3, 4, 5, 11, 12:
		return true
	}
	return false
}
