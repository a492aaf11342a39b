package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// quoted: a labeled host reports an error about a packet that it received, and
// quotes its header as it was on the labeled cable. The label in it may not reach
// those who never had one, nor those who speak of another domain.
func (p *perimeter) quoted(t *testing.T) {
	for _, kind := range []byte{3, 4, 5, 11, 12} {
		for _, row := range []struct {
			to   string
			kept bool
		}{{"pop", false}, {"carol", false}, {"alice", true}} {
			for _, size := range []int{28, 40, 200} {
				t.Run(fmt.Sprintf("type %d with %d bytes to %s", kind, size, row.to), func(t *testing.T) {
					id := binary.BigEndian.AppendUint16([]byte{0x4c, 0x47}, p.nextPort()) // where nobody looks
					about := header{
						src: p.address(t, row.to, "mallory"), dst: p.address(t, "mallory", row.to), proto: protoUDP,
						options: unhex(t, foo3), body: udp(p.nextPort(), inboxPort, bytes.Repeat([]byte("x"), 200)),
					}.bytes()[:size]
					body := slices.Concat([]byte{kind, 0, 0, 0}, id, about)
					binary.BigEndian.PutUint16(body[2:], ^sum(body))
					packet := header{
						src: p.address(t, "mallory", row.to), dst: p.address(t, row.to, "mallory"), proto: protoICMP,
						options: unhex(t, foo3), body: body,
					}
					if err := p.SendRaw("mallory", packet.bytes()); err != nil {
						t.Fatal(err)
					}
					var got []byte
					if !eventually(func() bool { got = p.icmpTo(row.to, id); return got != nil }) {
						t.Fatal("nothing arrived")
					}
					wellFormed(t, got)
					message := got[headerLen(got):]
					if sum(message) != 0xffff {
						t.Errorf("ICMP checksum is wrong: % x", message)
					}
					if n := labelOptions(quoted(got)); (n > 0) != row.kept {
						t.Errorf("%d labels in the quoted header: % x", n, message)
					}
				})
			}
		}
	}
}

// icmpTo returns an ICMP message that reached a host, by the second word of its
// header.
func (p *perimeter) icmpTo(host string, word []byte) []byte {
	for _, c := range p.cables[host].Packets() {
		ip := c.IPv4()
		if n := headerLen(ip); !c.Outgoing && n > 0 && ip[9] == protoICMP && len(ip) >= n+8 && bytes.Equal(ip[n+4:n+8], word) {
			return trim(ip)
		}
	}
	return nil
}
