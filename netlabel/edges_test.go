package netlabel

import (
	"bytes"
	"net/netip"
	"testing"

	"labelgate/engine"
	"labelgate/hostmap"
)

// TestReplacementIsAccredited: what a labeled zone admits is the label that
// arrives there, not the @ that it replaces.
func TestReplacementIsAccredited(t *testing.T) {
	tests := []struct {
		name   string
		only   []string
		reason Reason
	}{
		{"the replacement may go there", []string{"Foo"}, ReasonNone},
		{"only @ may, which never does", []string{"@"}, ReasonDestinationNotAccredited},
		{"another label may", []string{"Pop"}, ReasonDestinationNotAccredited},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := strictSpec()
			spec.Zones[4].Only = tt.only
			s := compile(t, spec)
			p := packet(t, grayWebAs, "10.5.0.1", "", 17, udp(1))
			v := s.Process(Forward, zoneNamed(t, s, "gray"), p, make([]byte, 200))
			if v.Reason != tt.reason {
				t.Errorf("%s %s, want %q", v.Action, v.Reason, tt.reason)
			}
		})
	}
}

// TestEmitRefuses: a mark that was damaged, or is another program's, opens no
// way that Process would not have opened.
func TestEmitRefuses(t *testing.T) {
	spec := strictSpec()
	// An entry may speak a domain although its zone refuses labels.
	spec.Hosts = append(spec.Hosts, hostmap.Entry{Prefix: netip.MustParsePrefix("10.4.7.0/24"), Kind: hostmap.CIPSO, DOI: 3})
	s := compile(t, spec)
	foo, _ := s.Policy().Lookup("Foo")
	zone := func(name string) Zone { return zoneNamed(t, s, name) }
	tests := []struct {
		name   string
		zone   Zone
		label  engine.Label
		dst    string
		reason Reason
	}{
		{"all is well", zone("red"), foo, red1, ReasonNone},
		{"the host takes no labels", zone("green"), foo, greenFoo, ReasonDestinationChanged},
		{"the host of a refusing zone takes no labels", zone("gray"), foo, grayPop, ReasonDestinationChanged},
		{"the zone refuses labels", zone("gray"), foo, grayNone, ReasonNoEncoding},
		{"the zone admits other labels", zone("picky"), foo, "10.5.0.1", ReasonDestinationNotAccredited},
		{"the zone refuses labels, the host does not", zone("gray"), foo, "10.4.7.1", ReasonNoEncoding},
		{"no zone", 0, foo, nowhere, ReasonEgressZone},
		{"a zone that does not exist", 63, foo, red1, ReasonEgressZone},
		{"another zone's address", zone("blue"), foo, red1, ReasonEgressZone},
		{"@", zone("red"), engine.Web, red1, ReasonNoEncoding},
		{"*", zone("red"), engine.Star, red1, ReasonNoEncoding},
		{"no label", zone("red"), engine.Unknown, red1, ReasonNoEncoding},
		{"a label that does not exist", zone("red"), 1<<18 - 1, red1, ReasonNoEncoding},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, grayPop, tt.dst, "", 17, udp(1))
			v := s.Emit(tt.zone, tt.label, p, make([]byte, 200))
			if v.Reason != tt.reason || (v.Action == Drop) != (tt.reason != ReasonNone) || v.Action == Drop && v.Emitted != engine.Unknown {
				t.Errorf("%s %s, want %q", v.Action, v.Reason, tt.reason)
			}
		})
	}
}

// TestEmitDoesNotMoveRoutes: the kernel has parsed these options, and will write
// addresses to where it saw them.
func TestEmitDoesNotMoveRoutes(t *testing.T) {
	s := compile(t, perimeterSpec(Compat))
	foo, _ := s.Policy().Lookup("Foo")
	const route = "070b04000000000000000001"
	nops := func(n int) string { return string(bytes.Repeat([]byte("01"), n)) }
	red := zoneNamed(t, s, "red")
	for _, tt := range []struct {
		name, options string
		reason        Reason
	}{
		{"the place is held, but elsewhere", nops(len(foo3)/2) + route, ReasonIPOption},
		{"no place is held", route, ReasonIPOption},
		{"more than needed", nops(len(foo3)/2+4) + route, ReasonIPOption},
	} {
		v := s.Emit(red, foo, packet(t, grayPop, red1, tt.options, 17, udp(9)), make([]byte, 200))
		if v.Reason != tt.reason {
			t.Errorf("%s: %s %q, want %q", tt.name, v.Action, v.Reason, tt.reason)
		}
	}
}

// TestPaddingNeverLeaves: bytes behind the total length are not the packet's.
func TestPaddingNeverLeaves(t *testing.T) {
	s := compile(t, strictSpec())
	p := packet(t, red1, green1, foo3, 17, udp(1))
	padded := append(bytes.Clone(p), "secret"...)
	out := make([]byte, len(padded)+MaxGrowth)
	v := s.Process(Forward, zoneNamed(t, s, "red"), padded, out)
	if v.Action != Pass || !bytes.Equal(out[:v.Length], p) {
		t.Errorf("%s %s: %x leaves, want %x", v.Action, v.Reason, out[:v.Length], p)
	}
	if v := s.Process(Forward, zoneNamed(t, s, "red"), padded, out[:4]); v.Reason != ReasonNoRoom {
		t.Errorf("no room: %s %s", v.Action, v.Reason)
	}
}

// TestSegmentSizeFollowsLinks: the smaller link counts, large ones are used, and
// one that is not known is taken for an Ethernet.
func TestSegmentSizeFollowsLinks(t *testing.T) {
	syn := []byte{0x0f, 0xa0, 0x27, 0x0f, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0xff, 0xff}
	spec := strictSpec()
	s := compile(t, spec)
	red, gray := zoneNamed(t, s, "red"), zoneNamed(t, s, "gray")
	mtus := func(r, g int) []int {
		m := make([]int, s.Zones()+1)
		m[red], m[gray] = r, g
		return m
	}
	for _, tt := range []struct {
		name      string
		direction Direction
		src       string
		mtus      []int
		want      int
	}{
		{"none known", Forward, grayPop, nil, 1500 - 80},
		{"both large", Forward, grayPop, mtus(9000, 9000), 9000 - 80},
		{"one large", Forward, grayPop, mtus(9000, 0), 1500 - 80},
		{"one small", Forward, grayPop, mtus(9000, 576), 576 - 80},
		{"tiny", Forward, grayPop, mtus(68, 1500), 0xffff},
		{"our own", Output, "10.1.0.254", mtus(9000, 0), 9000 - 80},
	} {
		p := packet(t, tt.src, red1, "", 6, syn)
		out := make([]byte, len(p)+MaxGrowth)
		v := s.WithMTUs(tt.mtus).Process(tt.direction, gray, p, out)
		if v.Action != Add {
			t.Fatalf("%s: %s %s", tt.name, v.Action, v.Reason)
		}
		if got := int(out[v.Length-2])<<8 | int(out[v.Length-1]); got != tt.want {
			t.Errorf("%s: segment size %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestTunnels: what is inside cannot be judged.
func TestTunnels(t *testing.T) {
	s := compile(t, strictSpec())
	red := zoneNamed(t, s, "red")
	inner := packet(t, red1, grayPop, secret3, 17, udp(8))
	for proto := range 256 {
		want := ReasonNone
		switch proto {
		case 4, 41, 47, 50, 51, 94, 97, 98, 115, 137:
			want = ReasonTunnel
		}
		p := packet(t, red1, grayPop, foo3, uint8(proto), inner)
		if v := s.Process(Forward, red, p, make([]byte, 200)); v.Reason != want {
			t.Errorf("protocol %d: %s %q, want %q", proto, v.Action, v.Reason, want)
		}
	}
}

// TestZoneLabel: the single label of a zone's hosts holds like that of an entry.
func TestZoneLabel(t *testing.T) {
	spec := strictSpec()
	net := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	spec.Zones = append(spec.Zones,
		ZoneSpec{Name: "lobby", Networks: net("10.6.0.0/16"), Trust: Accept, DOI: 3, Label: "Pop"},
		ZoneSpec{Name: "hall", Networks: net("10.7.0.0/16"), Trust: Refuse, Label: "Pop"},
	)
	spec.Hosts = append(spec.Hosts, hostmap.Entry{Prefix: netip.MustParsePrefix("10.7.1.0/24"), Kind: hostmap.CIPSO})
	s := compile(t, spec)
	tests := []struct {
		name, zone, src, dst, options string
		reason                        Reason
		object                        string
	}{
		{"a host of one label brings none", "lobby", "10.6.0.1", grayPop, foo3, ReasonLabelSpoof, ""},
		{"its packets have that label", "lobby", "10.6.0.1", "10.4.0.6", "", ReasonNone, "Secret"},
		{"it is written to as that", "red", red1, "10.6.0.1", foo3, ReasonNone, "Pop"},
		{"an entry cannot make its host labeled where nobody may be", "red", red1, "10.7.1.1", foo3, ReasonNone, "Pop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, tt.src, tt.dst, tt.options, 17, udp(20))
			out := make([]byte, 200)
			v := s.Process(Forward, zoneNamed(t, s, tt.zone), p, out)
			if v.Reason != tt.reason || s.LabelName(v.Object) != tt.object {
				t.Errorf("%s %q toward %q, want %q toward %q", v.Action, v.Reason, s.LabelName(v.Object), tt.reason, tt.object)
			}
			if v.Action != Drop && v.Emitted != engine.Unknown {
				t.Errorf("leaves labeled %q", s.LabelName(v.Emitted))
			}
		})
	}
	spec = strictSpec()
	spec.Zones[0].Label = "Pop"
	if _, err := Compile(spec); err == nil {
		t.Error("a zone that requires labels and gives its hosts one is accepted")
	}
}
