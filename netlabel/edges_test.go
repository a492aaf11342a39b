package netlabel

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/ipv4"
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

// TestHeld: what was judged at an earlier hook is judged again with the subject it
// had, for where it goes now: nothing that a mark says opens a way that the rules
// would not.
func TestHeld(t *testing.T) {
	s := compile(t, strictSpec())
	foo, secret := mustLabel(t, s, "Foo"), mustLabel(t, s, "Secret")
	nops := strings.Repeat("01", 16)
	tests := []struct {
		name      string
		direction Direction
		subject   engine.Label
		dst       string
		action    Action
		reason    Reason
		leaves    string
	}{
		{"to a labeled host", Forward, foo, green1, Add, 0, pad(foo3)},
		{"into another domain", Forward, foo, blue1, Add, 0, pad(hexOf(s.Encoding(16, foo)))},
		{"translated to a single-label host", Forward, foo, grayPop, Strip, 0, ""},
		{"translated to one that it may not write to", Forward, foo, "10.4.0.6", Drop, ReasonNoRule, ""},
		{"translated to one that others may write to", Forward, secret, grayPop, Drop, ReasonRuleLacks, ""},
		{"translated to a zone that admits other labels", Forward, foo, "10.5.0.1", Drop, ReasonDestinationNotAccredited, ""},
		{"translated to this machine", Input, foo, red2, Drop, ReasonNoRule, ""},
		{"to no zone", Forward, foo, nowhere, Drop, ReasonNoDestinationZone, ""},
		{"no label", Forward, engine.Unknown, green1, Drop, ReasonLabelMissing, ""},
		{"a label that does not exist", Forward, 1<<18 - 1, green1, Drop, ReasonLabelMissing, ""},
		{"@", Forward, engine.Web, green1, Drop, ReasonWebToLabeled, ""},
		{"*", Forward, engine.Star, green1, Drop, ReasonStarSubject, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, red1, tt.dst, nops, 17, udp(40))
			out := make([]byte, len(p)+MaxGrowth)
			v := s.ProcessKnown(tt.direction, zoneNamed(t, s, "red"), p, out, Known{Subject: tt.subject, From: FromPacket, Held: true})
			if v.Action != tt.action || v.Reason != tt.reason {
				t.Fatalf("%s %s, want %s %s", v.Action, v.Reason, tt.action, tt.reason)
			}
			if v.Action != Drop {
				checkHeader(t, out[:v.Length])
				if got := options(out[:v.Length]); got != tt.leaves {
					t.Errorf("options that leave %s, want %s", got, tt.leaves)
				}
			}
		})
	}
}

// TestHeldDoesNotMoveRoutes: the kernel has parsed these options, and will write
// addresses to where it saw them.
func TestHeldDoesNotMoveRoutes(t *testing.T) {
	s := compile(t, perimeterSpec(Compat))
	foo, _ := s.Policy().Lookup("Foo")
	const route = "070b04000000000000000001"
	nops := func(n int) string { return strings.Repeat("01", n) }
	for _, tt := range []struct{ name, options string }{
		{"the place is held, but elsewhere", nops(len(foo3)/2) + route},
		{"no place is held", route},
		{"more than needed", nops(len(foo3)/2+4) + route},
	} {
		v := s.ProcessKnown(Forward, zoneNamed(t, s, "gray"), packet(t, grayPop, red1, tt.options, 17, udp(9)), make([]byte, 200), Known{Subject: foo, From: FromPacket, Held: true})
		if v.Reason != ReasonIPOption {
			t.Errorf("%s: %s %q, want %q", tt.name, v.Action, v.Reason, ReasonIPOption)
		}
	}
}

// TestSource: where destinations are translated later, only the source is judged.
func TestSource(t *testing.T) {
	s := compile(t, strictSpec())
	tests := []struct {
		name, zone, src, dst, options string
		action                        Action
		reason                        Reason
		subject                       string
	}{
		{"labeled, to nobody that is known", "red", red1, nowhere, foo3, Blank, 0, "Foo"},
		{"labeled, to whom it may not write", "red", red1, "10.4.0.6", foo3, Blank, 0, "Foo"},
		{"unknown label", "red", red1, grayPop, stranger3, Drop, ReasonUnknownLabel, ""},
		{"source lives elsewhere", "gray", red1, grayPop, "", Drop, ReasonSourceNotInZone, ""},
		{"label missing", "red", red1, grayPop, "94040000", Drop, ReasonLabelMissing, ""},
		{"not accredited", "picky", "10.5.0.1", grayPop, foo3, Drop, ReasonSourceNotAccredited, "Foo"},
		{"unlabeled", "gray", grayPop, nowhere, "94040000", Pass, 0, "Pop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, tt.src, tt.dst, tt.options, 17, udp(40))
			out := make([]byte, len(p)+MaxGrowth)
			v := s.Source(zoneNamed(t, s, tt.zone), p, out)
			if v.Action != tt.action || v.Reason != tt.reason || s.LabelName(v.Subject) != tt.subject || v.Held != (tt.action != Drop) {
				t.Fatalf("%s %s, subject %q, held %v", v.Action, v.Reason, s.LabelName(v.Subject), v.Held)
			}
			if v.Action == Blank {
				checkHeader(t, out[:v.Length])
				if v.Length != len(p) || bytes.IndexByte(out[20:int(out[0]&15)*4], 134) >= 0 {
					t.Errorf("% x goes on", out[:v.Length])
				}
			}
		})
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

// longest is the padded size of the largest option in DOI 3 of the policy here.
const longest = 16

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
		{"none known", Forward, grayPop, nil, 1500 - 40 - longest},
		{"both large", Forward, grayPop, mtus(9000, 9000), 9000 - 40 - longest},
		{"one large", Forward, grayPop, mtus(9000, 0), 1500 - 40 - longest},
		{"one small", Forward, grayPop, mtus(9000, 576), 576 - 40 - longest},
		{"too small for any segment", Forward, grayPop, mtus(40+longest, 1500), 0xffff},
		{"our own", Output, "10.1.0.254", mtus(9000, 0), 9000 - 40 - longest},
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

// TestSegmentSizeOfAnswers: answers carry their host's single label where it has one
// and may show no other.
func TestSegmentSizeOfAnswers(t *testing.T) {
	syn := []byte{0x0f, 0xa0, 0x27, 0x0f, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0xff, 0xff}
	const short = 12 // a label of one letter, padded
	spec := strictSpec()
	host := func(prefix, label string, on hostmap.OnLabel) hostmap.Entry {
		return hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Label: label, OnLabel: on}
	}
	spec.Hosts = append(spec.Hosts, host("10.3.7.1/32", "P", hostmap.LabelDrop), host("10.3.7.2/32", "P", hostmap.LabelStrip), host("10.3.7.3/32", "P", hostmap.LabelHonour))
	b := spec.Rules
	foo, _ := b.Intern("Foo")
	p, _ := b.Intern("P")
	b.Set(foo, p, engine.Write, 0, 0)
	s := compile(t, spec)
	for dst, option := range map[string]int{
		"10.3.7.1": short, "10.3.7.2": short,
		"10.3.7.3": longest, // whatever label it shows is believed
		grayWebAs:  longest, // @ goes under another name
	} {
		p := packet(t, red1, dst, foo3, 6, syn)
		out := make([]byte, len(p)+MaxGrowth)
		v := s.Process(Forward, zoneNamed(t, s, "red"), p, out)
		if v.Action == Drop || !v.Clamped {
			t.Fatalf("%s: %s %s", dst, v.Action, v.Reason)
		}
		if got, want := int(out[v.Length-2])<<8|int(out[v.Length-1]), 1500-40-option; got != want {
			t.Errorf("%s: segment size %d, want %d", dst, got, want)
		}
	}
}

// TestTunnels: what is inside cannot be judged, so it is refused by its protocol or
// its port, until both zones admit it.
func TestTunnels(t *testing.T) {
	s := compile(t, strictSpec())
	red := zoneNamed(t, s, "red")
	inner := packet(t, red1, grayPop, secret3, 17, udp(8))
	for proto := range 256 {
		want := ReasonNone
		switch proto {
		case 4, 41, 47, 50, 51, 55, 94, 97, 98, 108, 115, 137, 143, 145:
			want = ReasonTunnel
		case 1:
			want = ReasonICMPType // 0x45
		}
		p := packet(t, red1, grayPop, foo3, uint8(proto), inner)
		if v := s.Process(Forward, red, p, make([]byte, 200)); v.Reason != want {
			t.Errorf("protocol %d: %s %q, want %q", proto, v.Action, v.Reason, want)
		}
	}
	for _, port := range []uint16{1194, 1701, 2123, 2152, 3544, 4341, 4500, 4754, 4755, 4789, 4790, 6080, 6081, 6635, 6636, 8472, 51820} {
		for _, at := range []int{0, 2} {
			body := udp(8)
			body[at], body[at+1] = byte(port>>8), byte(port)
			want := ReasonTunnel
			if at == 0 && port >= 32768 {
				want = ReasonNone // a source like any other
			}
			if v := s.Process(Forward, red, packet(t, red1, grayPop, foo3, 17, body), make([]byte, 200)); v.Reason != want {
				t.Errorf("port %d at %d: %s %q", port, at, v.Action, v.Reason)
			}
			if v := s.Process(Forward, red, packet(t, red1, grayPop, foo3, 136, body), make([]byte, 200)); v.Reason != ReasonNone {
				t.Errorf("UDP-Lite port %d: %s %q", port, v.Action, v.Reason)
			}
		}
	}
}

// TestTunnelsHaveBits: each tunnel is one bit of a set.
func TestTunnelsHaveBits(t *testing.T) {
	var all tunnelSet
	for _, tunnel := range Tunnels() {
		bit, ok := tunnelNamed(tunnel.Name)
		if !ok || bit == 0 || all&bit != 0 {
			t.Errorf("%s is bit %#x", tunnel.Name, bit)
		}
		all |= bit
	}
}

func TestTunnelsAdmitted(t *testing.T) {
	both := []string{"red", "gray"}
	for _, tt := range []struct {
		name   string
		proto  uint8
		port   uint16
		zones  []string
		tunnel string
		reason Reason

		refused string // zone and tunnel
	}{
		{"by both zones", 47, 0, both, "gre", ReasonNone, ""},
		{"another one", 47, 0, both, "esp", ReasonTunnel, "red gre, gray gre"},
		{"by the source's zone only", 47, 0, both[:1], "gre", ReasonTunnel, "gray gre"},
		{"by the destination's zone only", 47, 0, both[1:], "gre", ReasonTunnel, "red gre"},
		{"by port", 17, 4789, both, "vxlan", ReasonNone, ""},
		{"by another port", 17, 6081, both, "vxlan", ReasonTunnel, "red geneve, gray geneve"},
		{"minimal encapsulation", 55, 0, both, "gre", ReasonTunnel, "red mobile, gray mobile"},
		{"minimal encapsulation, admitted", 55, 0, both, "mobile", ReasonNone, ""},
		{"IP compression", 108, 0, both, "gre", ReasonTunnel, "red ipcomp, gray ipcomp"},
		{"Ethernet", 143, 0, both, "gre", ReasonTunnel, "red etherip, gray etherip"},
		{"GRE under DTLS", 17, 4755, both, "esp", ReasonTunnel, "red gre, gray gre"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := strictSpec()
			for i := range spec.Zones {
				if slices.Contains(tt.zones, spec.Zones[i].Name) {
					spec.Zones[i].Tunnels = []string{tt.tunnel}
				}
			}
			s := compile(t, spec)
			body := udp(40)
			if tt.port != 0 {
				body[2], body[3] = byte(tt.port>>8), byte(tt.port)
			}
			p := packet(t, red1, grayPop, foo3, tt.proto, body)
			v := s.Process(Forward, zoneNamed(t, s, "red"), p, make([]byte, 200))
			if v.Reason != tt.reason {
				t.Errorf("%s %q, want %q", v.Action, v.Reason, tt.reason)
			}
			var view ipv4.View
			view.Parse(p, ipv4.Compat)
			var refused []string
			for _, z := range []Zone{v.InZone, v.OutZone, 0} {
				for _, name := range s.TunnelsRefused(&view, z) {
					refused = append(refused, s.ZoneName(z)+" "+name)
				}
			}
			if got := strings.Join(refused, ", "); got != tt.refused {
				t.Errorf("refused: %q, want %q", got, tt.refused)
			}
		})
	}
	spec := strictSpec()
	spec.Zones[0].Tunnels = []string{"gree"}
	if _, err := Compile(spec); err == nil {
		t.Error("a tunnel of no kind is admitted")
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

func mustLabel(t *testing.T, s *Snapshot, name string) engine.Label {
	t.Helper()
	l, ok := s.Policy().Lookup(name)
	if !ok {
		t.Fatalf("no label %s", name)
	}
	return l
}
