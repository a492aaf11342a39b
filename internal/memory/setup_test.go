package memory

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// The hosts of the tests: one that labels its packets, one with a single label, a
// router of each side.
const (
	labeled, labeledRouter     = "10.1.0.1", "10.1.0.254"
	unlabeled, unlabeledRouter = "10.4.0.1", "10.4.0.254"

	red, gray, blue = netlabel.Zone(1), netlabel.Zone(2), netlabel.Zone(3)

	foo = "860e00000003010800fa2337b7800000" // Foo in DOI 3, padded
	bar = "860d00000003010700fa2130b9000000" // Bar

	foo16 = "862800000010022200fa000200060007000a000b000d000e000f0010001200130015001600170018" // Foo in DOI 16
)

// snapshot compiles the policy of the tests, which numbers these labels first.
func snapshot(t testing.TB, mode netlabel.Mode, first ...string) *netlabel.Snapshot {
	t.Helper()
	b := engine.NewBuilder()
	for _, name := range first {
		if _, err := b.Intern(name); err != nil {
			t.Fatal(err)
		}
	}
	s, err := netlabel.Compile(netlabel.Spec{
		Mode: mode, Generation: 1, Rules: b, Self: "Self",
		DOIs: []netlabel.DOISpec{
			{Number: 3, Tags: []cipso.TagType{cipso.TagRestricted}},
			{Number: 16, Tags: []cipso.TagType{cipso.TagEnumerated}},
		},
		Zones: []netlabel.ZoneSpec{
			{Name: "red", Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Trust: netlabel.Require, DOI: 3},
			{Name: "gray", Networks: []netip.Prefix{netip.MustParsePrefix("10.4.0.0/16")}},
			{Name: "blue", Networks: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, Trust: netlabel.Require, DOI: 16},
		},
		Hosts: []hostmap.Entry{
			{Prefix: netip.MustParsePrefix("10.4.0.1/32"), Label: "Foo"},
			{Prefix: netip.MustParsePrefix("10.4.0.2/32"), Label: "Bar"},
			{Prefix: netip.MustParsePrefix("10.4.0.3/32"), Label: "@"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// header describes an IPv4 packet.
type header struct {
	src, dst string
	options  string // hexadecimal, whole words
	proto    uint8
	id       uint16
	offset   int
	more     bool
	body     []byte
}

func (h header) bytes(t testing.TB) []byte {
	t.Helper()
	area, err := hex.DecodeString(h.options)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 20+len(area), 20+len(area)+len(h.body))
	p[0], p[8], p[9] = 0x45+byte(len(area)/4), 64, h.proto
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	binary.BigEndian.PutUint16(p[4:], h.id)
	field := uint16(h.offset / 8)
	if h.more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(p[6:], field)
	src, dst := netip.MustParseAddr(h.src).As4(), netip.MustParseAddr(h.dst).As4()
	copy(p[12:], src[:])
	copy(p[16:], dst[:])
	copy(p[20:], area)
	binary.BigEndian.PutUint16(p[10:], sum(p))
	return append(p, h.body...)
}

// sum is the Internet checksum, RFC 1071, of an even number of bytes.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func udp(from, to uint16) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	binary.BigEndian.PutUint16(b[4:], 16)
	return b
}

// icmp is an ICMP message; word is the second one of its header.
func icmp(kind, code uint8, word uint32, rest []byte) []byte {
	b := append([]byte{kind, code, 0, 0}, binary.BigEndian.AppendUint32(nil, word)...)
	b = append(b, rest...)
	binary.BigEndian.PutUint16(b[2:], sum(b))
	return b
}

// bench is a memory with its policy and a clock.
type bench struct {
	testing.TB
	*Memory
	at Moment
}

func newBench(t testing.TB, mode netlabel.Mode) *bench {
	return &bench{t, New(3), Moment{Snapshot: snapshot(t, mode), Generation: 1, Seconds: 1000}}
}

// process sends a packet through and returns what leaves.
func (b *bench) process(zone netlabel.Zone, h header) (netlabel.Verdict, []byte) {
	b.Helper()
	p := h.bytes(b)
	out := make([]byte, len(p)+netlabel.MaxGrowth)
	at := Packet{Direction: netlabel.Forward, In: zone, Bytes: p, Out: out}
	v := b.Process(b.at, at, netlabel.Known{})
	b.Remember(b.at, at, &v)
	if v.Length != 0 {
		p = out[:v.Length]
	}
	return v, p
}

// passes fails the test unless the packet passes.
func (b *bench) passes(zone netlabel.Zone, h header) []byte {
	b.Helper()
	v, p := b.process(zone, h)
	if v.Action == netlabel.Drop {
		b.Fatalf("dropped: %s", v.Reason)
	}
	return p
}
