package script

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"labelgate/internal/capture"
)

// record writes a pcapng file of Ethernet frames: record FILE SPEC. Each line of
// SPEC is a frame:
//
//	INTERFACE SENDER SRC DST OPTIONS|- [cut]
//	INTERFACE SENDER ethertype HEX
//
// with OPTIONS in hex, UDP and ten bytes behind it, filled up to the shortest
// frame; cut keeps only its first 40 bytes.
func record(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: record FILE SPEC")
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	w, err := capture.NewNgWriter(f, "script")
	ts.Check(err)
	interfaces := make(map[string]int)
	at := time.Unix(1700000000, 0)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		field := strings.Fields(line)
		if len(field) < 4 {
			ts.Fatalf("%q: want a frame", line)
		}
		n, known := interfaces[field[0]]
		if !known {
			n, err = w.AddInterface(capture.InterfaceInfo{Name: field[0], LinkType: capture.LinkEthernet})
			ts.Check(err)
			interfaces[field[0]] = n
		}
		sender, err := net.ParseMAC(field[1])
		ts.Check(err)
		p := capture.Packet{Interface: n, Time: at, Data: append([]byte{2, 0, 0, 0, 0, 1}, sender...)}
		at = at.Add(time.Millisecond)
		if field[2] == "ethertype" {
			p.Data = append(p.Data, unhex(ts, field[3])...)
		} else {
			p.Data = append(append(p.Data, 8, 0), ipv4(ts, field[2], field[3], field[4])...)
		}
		for len(p.Data) < 60 {
			p.Data = append(p.Data, 0xee) // padding that must not leave
		}
		if field[len(field)-1] == "cut" {
			p.Length, p.Data = len(p.Data), p.Data[:40]
		}
		ts.Check(w.WritePacket(p))
	}
}

func unhex(ts *testscript.TestScript, s string) []byte {
	b, err := hex.DecodeString(s)
	ts.Check(err)
	return b
}

func ipv4(ts *testscript.TestScript, src, dst, options string) []byte {
	var option []byte
	if options != "-" {
		option = unhex(ts, options)
	}
	for len(option)%4 != 0 {
		option = append(option, 0)
	}
	p := make([]byte, 20)
	p[0], p[8], p[9] = 0x40|byte(5+len(option)/4), 64, 17
	s, err := netip.ParseAddr(src)
	ts.Check(err)
	d, err := netip.ParseAddr(dst)
	ts.Check(err)
	p = append(append(append(p[:12], s.AsSlice()...), d.AsSlice()...), option...)
	header := len(p)
	p = append(p, 0x10, 0, 0x27, 0x0f, 0, 18, 0, 0)
	p = append(p, "0123456789"...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	var sum uint32
	for i := 0; i < header; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	return p
}
