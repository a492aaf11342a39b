package netlabel

import (
	"encoding/binary"
	"testing"

	"labelgate/engine"
)

// icmp is an ICMP message with a right checksum.
func icmp(kind, code uint8, rest ...byte) []byte {
	b := append([]byte{kind, code, 0, 0}, rest...)
	for len(b) < 8 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], sum(append(b[:len(b):len(b)], 0)))
	return b
}

// with changes bytes of a packet's header and makes its checksum right again.
func with(p []byte, change func(h []byte)) []byte {
	change(p)
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], sum(p[:int(p[0]&15)*4]))
	return p
}

// TestExempt: group membership and router discovery pass on their link, in zones
// that demand labels too, and nothing else does under their name.
func TestExempt(t *testing.T) {
	const alert = "94040000"
	query := []byte{0x11, 0, 0xee, 0xff, 0, 0, 0, 0}
	tests := []struct {
		name     string
		src, dst string
		options  string
		proto    uint8
		body     []byte
		ttl      uint8
		passes   bool
	}{
		{"membership query", red1, "224.0.0.1", alert, 2, query, 1, true},
		{"membership query of nobody", "0.0.0.0", "224.0.0.1", alert, 2, query, 1, true},
		{"report to a group", red1, "239.1.2.3", alert, 2, query, 1, true},
		{"that could be routed", red1, "239.1.2.3", alert, 2, query, 2, false},
		{"to a host", red1, grayPop, alert, 2, query, 1, false},
		{"with a label", red1, "224.0.0.1", foo3, 2, query, 1, false},
		{"router advertisement", red1, "224.0.0.1", "", 1, icmp(9, 0), 1, true},
		{"router solicitation", "0.0.0.0", "224.0.0.2", "", 1, icmp(10, 0), 1, true},
		{"router solicitation to all", "0.0.0.0", "255.255.255.255", "", 1, icmp(10, 0), 1, true},
		{"router solicitation that could be routed", red1, "224.0.0.2", "", 1, icmp(10, 0), 64, false},
		{"echo to all routers", red1, "224.0.0.2", "", 1, icmp(8, 0), 1, false},
		{"a datagram to the link", red1, "224.0.0.251", "", 17, udp(4), 1, false},
	}
	for _, mode := range []Mode{Strict, Compat} {
		s := compile(t, perimeterSpec(mode))
		for _, tt := range tests {
			t.Run(mode.String()+" "+tt.name, func(t *testing.T) {
				p := with(packet(t, tt.src, tt.dst, tt.options, tt.proto, tt.body), func(h []byte) { h[8] = tt.ttl })
				for _, d := range []Direction{Forward, Input, Output} {
					v := s.Process(d, zoneNamed(t, s, "red"), p, make([]byte, 200))
					if v.Exempt != tt.passes || tt.passes && (v.Action != Pass || v.Length != 0) {
						t.Errorf("%s: %s %s, exempt %v", d, v.Action, v.Reason, v.Exempt)
					}
				}
			})
		}
	}
}

// TestControl: ICMP messages and fragments that no perimeter carries.
func TestControl(t *testing.T) {
	s := compile(t, strictSpec())
	quoted := packet(t, grayPop, red1, "", 17, udp(40))
	more := func(h []byte) { h[6] |= 0x20 }
	offset := func(bytes int) func(h []byte) {
		return func(h []byte) { binary.BigEndian.PutUint16(h[6:], uint16(bytes/8)) }
	}
	tests := []struct {
		name   string
		proto  uint8
		body   []byte
		change func(h []byte)
		reason Reason
	}{
		{"redirect", 1, icmp(5, 1, append([]byte{10, 1, 0, 9}, quoted...)...), nil, ReasonRedirect},
		{"Photuris, which quotes", 1, icmp(40, 0, append([]byte{0, 0, 0, 0}, quoted...)...), nil, ReasonICMPType},
		{"a type that nobody knows", 1, icmp(253, 0), nil, ReasonICMPType},
		{"router discovery that was routed", 1, icmp(9, 0), nil, ReasonICMPType},
		{"an echo", 1, icmp(8, 0), nil, ReasonNone},
		{"an error", 1, icmp(3, 3, append([]byte{0, 0, 0, 0}, quoted...)...), nil, ReasonNone},
		{"an error in fragments", 1, icmp(3, 3, append([]byte{0, 0, 0, 0}, quoted[:60]...)...), more, ReasonMalformedError},
		{"an error with a wrong checksum", 1, append([]byte{3, 3, 1, 2, 0, 0, 0, 0}, quoted...), nil, ReasonMalformedError},
		{"first fragment without its ports", 17, []byte{1, 2, 3, 4, 5, 6, 7}, more, ReasonTinyFragment},
		{"first fragment without TCP flags", 6, make([]byte, 8), more, ReasonTinyFragment},
		{"second fragment over the TCP header", 6, make([]byte, 64), offset(8), ReasonTinyFragment},
		{"second fragment behind any header", 6, make([]byte, 64), offset(80), ReasonNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, red1, grayPop, foo3, tt.proto, tt.body)
			if tt.change != nil {
				p = with(p, tt.change)
			}
			if v := s.Process(Forward, zoneNamed(t, s, "red"), p, make([]byte, len(p)+MaxGrowth)); v.Reason != tt.reason {
				t.Errorf("%s %s, want %q", v.Action, v.Reason, tt.reason)
			}
		})
	}
}

// TestMartians: no packet on a link comes from these (RFC 1812 section 5.3.7).
func TestMartians(t *testing.T) {
	spec := strictSpec()
	spec.Zones[0].Networks = nil // red holds everything else
	s := compile(t, spec)
	for src, martian := range map[string]bool{
		"0.0.0.0": true, "0.1.2.3": true, "127.0.0.1": true, "127.255.255.255": true, "224.0.0.1": true, "239.255.255.255": true,
		"240.0.0.1": true, "255.255.255.255": true, "1.0.0.0": false, "126.255.255.255": false, "128.0.0.1": false, "223.255.255.255": false,
	} {
		v := s.Process(Forward, zoneNamed(t, s, "red"), packet(t, src, grayPop, foo3, 17, udp(4)), make([]byte, 200))
		if got := v.Reason == ReasonMartianSource; got != martian {
			t.Errorf("%s: %s %s", src, v.Action, v.Reason)
		}
	}
}

// TestReportedLabel: an ICMP error has the label of the datagram it reports,
// whatever its router is; the rules are asked all the same.
func TestReportedLabel(t *testing.T) {
	s := compile(t, strictSpec())
	foo, secret := mustLabel(t, s, "Foo"), mustLabel(t, s, "Secret")
	tests := []struct {
		name, zone, src, dst string
		reported             engine.Label
		action               Action
		reason               Reason
		leaves               string
	}{
		{"a router without a label in a zone that demands one", "red", red2, grayPop, foo, Pass, 0, ""},
		{"and to a labeled host", "gray", grayNone, red1, foo, Add, 0, pad(foo3)},
		{"to whom that label may not be written", "gray", grayNone, grayPop, secret, Drop, ReasonRuleLacks, ""},
		{"not accredited", "picky", "10.5.0.1", red1, foo, Drop, ReasonSourceNotAccredited, ""},
		{"from another zone's address", "gray", red2, red1, foo, Drop, ReasonSourceNotInZone, ""},
		{"of nothing that is known", "gray", grayNone, red1, 0, Add, 0, pad(floor3)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			quoted := packet(t, tt.dst, grayWeb, "", 17, udp(40))
			p := packet(t, tt.src, tt.dst, "", 1, icmp(3, 1, append([]byte{0, 0, 0, 0}, quoted...)...))
			out := make([]byte, len(p)+MaxGrowth)
			k := Known{Subject: tt.reported, From: FromFlow, Reported: tt.reported}
			v := s.ProcessKnown(Forward, zoneNamed(t, s, tt.zone), p, out, k)
			if v.Action != tt.action || v.Reason != tt.reason {
				t.Fatalf("%s %s, want %s %s", v.Action, v.Reason, tt.action, tt.reason)
			}
			if v.Action == Add {
				if got := options(out[:v.Length]); got != tt.leaves {
					t.Errorf("options %s, want %s", got, tt.leaves)
				}
			}
		})
	}
}
