package lab_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"labelgate/internal/capture"
	"labelgate/internal/lab"
)

// handmade is a UDP packet with an option that nobody would send.
func handmade(t *testing.T, l *lab.Lab, from, to string) []byte {
	t.Helper()
	src, err := l.Address(from, to)
	if err != nil {
		t.Fatal(err)
	}
	dst, err := l.Address(to, from)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{0x46, 0, 0, 36, 0x12, 0x34, 0, 0, 64, 17, 0, 0}
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	b = append(b, 0xde, 4, 0xab, 0xcd)                   // an option that no kernel knows
	b = append(b, 0x9c, 0x40, 0, 9, 0, 12, 0, 0)         // no checksum
	b = append(b, 'm', 'i', 'n', 'e')                    // data
	binary.BigEndian.PutUint16(b[10:], internet(b[:24])) // header
	return b
}

func internet(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func TestRawPacketsArriveAsTheyAre(t *testing.T) {
	l := startPlain(t)
	at := func(node string, interfaces ...string) *lab.Capture {
		c, err := l.Capture(node, interfaces...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gateway, b := at(lab.GatewayName), at("b")
	packet := handmade(t, l, "a", "b")
	if err := l.SendRaw("a", packet); err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(packet)
	broken[10] ^= 0xff // the gateway's kernel drops it, the cable does not
	if err := l.SendRaw("a", broken); err != nil {
		t.Fatal(err)
	}
	if err := l.SendRaw(lab.GatewayName, packet); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	gateway.Stop()
	b.Stop()
	count := func(c *lab.Capture, name string, outgoing bool, want []byte) (n int) {
		for _, p := range c.Packets() {
			if p.Interface == name && p.Outgoing == outgoing && bytes.Equal(p.IPv4(), want) {
				n++
			}
		}
		return n
	}
	if n := count(gateway, "g-a", false, packet); n != 1 {
		t.Errorf("the gateway got %d of 1", n)
	}
	if n := count(gateway, "g-a", false, broken); n != 1 {
		t.Errorf("the gateway got %d of 1 with a wrong checksum", n)
	}
	if n := count(b, lab.HostInterface, false, packet); n != 1 {
		t.Errorf("b got %d of 1 as the gateway sent it", n)
	}
	if n := count(gateway, "g-c", true, packet); n != 0 {
		t.Errorf("c was sent %d", n)
	}
	if gateway.Lost() != 0 || b.Lost() != 0 {
		t.Errorf("lost %d and %d", gateway.Lost(), b.Lost())
	}
	if err := l.SendRaw(lab.GatewayName, netip.MustParseAddr("198.51.100.1").AsSlice()); err == nil {
		t.Error("sent to nobody")
	}
}

func TestCaptureIsReadByOthers(t *testing.T) {
	l := startPlain(t)
	c, err := l.Capture(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Probe(t.Context(), lab.Probe{From: "a", To: "b", Proto: lab.UDP})
	if err != nil || !r.Delivered {
		t.Fatalf("%+v, %v", r, err)
	}
	c.Stop()
	var file bytes.Buffer
	if err := c.Write(&file, func(p *lab.Captured) string { return "on " + p.Interface }); err != nil {
		t.Fatal(err)
	}
	in, err := capture.NewReader("lab", bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[capture.Direction]int{}
	for {
		f, err := in.Next()
		if err != nil {
			break
		}
		udp, _ := gopacket.NewPacket(f.Data, layers.LinkTypeEthernet, gopacket.Default).Layer(layers.LayerTypeUDP).(*layers.UDP)
		if udp == nil || uint16(udp.DstPort) != r.DestPort {
			continue
		}
		seen[f.Direction]++
		if want := map[capture.Direction]string{capture.Inbound: "g-a", capture.Outbound: "g-b"}[f.Direction]; f.Name != want || f.Comment != "on "+want {
			t.Errorf("%v on %q with comment %q", f.Direction, f.Name, f.Comment)
		}
	}
	if seen[capture.Inbound] != 1 || seen[capture.Outbound] != 1 {
		t.Errorf("datagrams by direction: %v", seen)
	}
}
