package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// quoted: a labeled host reports an error about a packet that it received, and
// quotes it as it was on the labeled cable. Whoever sent that packet gets it back
// as he sent it: with his own label, or with none.
func (p *perimeter) quoted(t *testing.T) {
	for _, to := range []string{"pop", "carol", "alice"} {
		port := p.nextPort()
		if err := p.sendUDP(to, port, netip.AddrPortFrom(p.address(t, "mallory", to), inboxPort), bytes.Repeat([]byte("x"), 200)); err != nil {
			t.Fatal(err)
		}
		p.sent[port] = &row{name: "reported by mallory", action: "pass"}
		var sent, got [][]byte
		if !eventually(func() bool {
			sent, got = datagrams(p.cables[to], "", true, port), datagrams(p.cables["mallory"], "", false, port)
			return len(sent) == 1 && len(got) == 1
		}) {
			t.Fatalf("%s sent % x, mallory got % x", to, sent, got)
		}
		for _, kind := range []byte{3, 4, 5, 11, 12} {
			for _, behind := range []int{0, 8, 180} {
				t.Run(fmt.Sprintf("type %d with %d bytes to %s", kind, behind, to), func(t *testing.T) {
					p.reports(t, to, kind, sent[0], got[0][:headerLen(got[0])+behind], kind != 5 && behind != 0)
				})
			}
		}
	}
}

// reports has mallory report an error about a packet and looks what arrives. What
// does not say which flow it is about reports nothing; a redirect is never forwarded.
func (p *perimeter) reports(t *testing.T, to string, kind byte, sent, about []byte, passes bool) {
	id := binary.BigEndian.AppendUint16([]byte{0, 0x4c}, p.nextPort()) // where nobody looks
	body := slices.Concat([]byte{kind, 0, 0, 0}, id[:1], []byte{0}, id[2:], about)
	binary.BigEndian.PutUint16(body[2:], ^sum(body))
	word := bytes.Clone(body[4:8])
	packet := header{
		src: p.address(t, "mallory", to), dst: p.address(t, to, "mallory"), proto: protoICMP, options: unhex(t, foo3), body: body,
	}
	before := len(p.records(t, lab.GatewayName, 0))
	if err := p.SendRaw("mallory", packet.bytes()); err != nil {
		t.Fatal(err)
	}
	record := p.record(t, lab.GatewayName, before, func(a *audit.Record) bool { return a.Proto == protoICMP && a.ICMPType == kind })
	if record == nil {
		t.Fatal("the gateway has no record of it")
	}
	if !passes {
		if record.Reason != "redirect" && record.Reason != "unsolicited-error" || p.icmpTo(to, word) != nil {
			t.Errorf("%s %q", record.Verdict, record.Reason)
		}
		return
	}
	var got []byte
	if !eventually(func() bool { got = p.icmpTo(to, word); return got != nil }) {
		t.Fatalf("nothing arrived: %s %q", record.Verdict, record.Reason)
	}
	wellFormed(t, got)
	message := got[headerLen(got):]
	if sum(message) != 0xffff {
		t.Errorf("ICMP checksum is wrong: % x", message)
	}
	// The gateway counted down the time to live of the packet that is quoted.
	want := bytes.Clone(sent)
	want[8]--
	binary.BigEndian.PutUint16(want[10:], 0)
	binary.BigEndian.PutUint16(want[10:], ^sum(want[:headerLen(want)]))
	quoted := message[8:]
	if n := headerLen(want); len(quoted) >= n+8 {
		copy(want[n+6:n+8], quoted[n+6:]) // the capture at the sender saw it before the checksum was finished
	}
	if len(quoted) < headerLen(want)+8 || !bytes.HasPrefix(want, quoted) {
		t.Errorf("quoted\n% x, sent was\n% x", quoted, want)
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
