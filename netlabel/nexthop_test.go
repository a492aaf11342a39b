package netlabel

import (
	"net/netip"
	"testing"

	"labelgate/hostmap"
)

// viaSpec has hosts without labels behind a gateway that speaks them.
func viaSpec(mode Mode) Spec {
	spec := perimeterSpec(mode)
	via := func(prefix, label, hop string) hostmap.Entry {
		return hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Label: label, Via: netip.MustParseAddr(hop), File: "netlabel.d/via", Line: 1}
	}
	far := via("10.1.9.0/24", "Pop", red2)
	far.Zone = "red"
	spec.Hosts = append(spec.Hosts, far, via("10.2.9.0/24", "Pop", blue1), via("10.1.8.0/24", "@", red2))
	return spec
}

// TestNextHop: a label stays on for the gateway that takes it off, and the host
// behind is judged by the label that it has.
func TestNextHop(t *testing.T) {
	s := compile(t, viaSpec(Strict))
	foo16 := pad(hexOf(s.Encoding(16, mustLabel(t, s, "Foo"))))
	pop3 := hexOf(s.Encoding(3, mustLabel(t, s, "Pop")))
	tests := []struct {
		name, zone, src, dst, options string
		action                        Action
		reason                        Reason
		leaves                        string
	}{
		{"to a host behind", "green", green1, "10.1.9.1", foo3, Pass, 0, pad(foo3)},
		{"to a host behind another domain's gateway", "green", green1, "10.2.9.1", foo3, Replace, 0, foo16},
		{"from a host without label to one behind", "gray", grayPop, "10.1.9.1", "", Add, 0, pad(pop3)},
		{"rules are asked for the host behind", "green", green1, "10.1.9.1", secret3, Drop, ReasonRuleLacks, ""},
		{"the web behind", "green", green1, "10.1.8.1", secret3, Pass, 0, pad(secret3)},
		{"@ is not told to the gateway", "gray", grayWeb, "10.1.9.1", "", Drop, ReasonWebToLabeled, ""},
		{"from a host behind", "red", "10.1.9.1", green1, pop3, Pass, 0, pad(pop3)},
		{"with another label than the host's", "red", "10.1.9.1", green1, foo3, Drop, ReasonLabelSpoof, ""},
		{"without the label that the gateway puts on", "red", "10.1.9.1", green1, "", Drop, ReasonLabelMissing, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, tt.src, tt.dst, tt.options, 17, udp(40))
			out := make([]byte, len(p)+MaxGrowth)
			v := s.Process(Forward, zoneNamed(t, s, tt.zone), p, out)
			if v.Action != tt.action || v.Reason != tt.reason {
				t.Fatalf("%s %s, want %s %s", v.Action, v.Reason, tt.action, tt.reason)
			}
			leaving := p
			if v.Length != 0 {
				leaving = out[:v.Length]
			}
			if got := options(leaving); v.Action != Drop && got != tt.leaves {
				t.Errorf("options %s, want %s", got, tt.leaves)
			}
		})
	}
}

// TestNextHopProblems: a next hop that cannot take the label off is a mistake.
func TestNextHopProblems(t *testing.T) {
	for hop, hint := range map[string]string{
		"172.16.0.1": "no zone holds the next hop 172.16.0.1",
		grayPop:      "the next hop " + grayPop + " speaks no labels",
		greenFoo:     "the next hop " + greenFoo + " speaks no labels",
	} {
		spec := viaSpec(Strict)
		spec.Hosts[len(spec.Hosts)-1].Via = netip.MustParseAddr(hop)
		_, err := Compile(spec)
		problems, _ := err.(Problems)
		if len(problems) != 1 || problems[0].Message != hint || problems[0].Origin.Line != 1 {
			t.Errorf("%s: %v", hop, err)
		}
	}
}

// TestNextHopElsewhere: hosts live in the zone of their next hop. Else a label would
// stay on for a zone where none may be, and where nobody takes it off.
func TestNextHopElsewhere(t *testing.T) {
	entry := func(prefix, zone, hop string) hostmap.Entry {
		return hostmap.Entry{Prefix: netip.MustParsePrefix(prefix), Zone: zone, Label: "Pop", Via: netip.MustParseAddr(hop), File: "netlabel.d/via", Line: 1}
	}
	tests := []struct {
		name, network string // a network of gray besides its own
		entry         hostmap.Entry
		allowed       bool
	}{
		{"hosts of a zone that refuses labels", "", entry("10.4.9.0/24", "", red2), false},
		{"hosts of another zone that speaks them", "", entry("10.2.9.0/24", "", red2), false},
		{"entry for another zone", "", entry("10.1.9.0/24", "gray", red2), false},
		{"more than the zone's network", "", entry("10.0.0.0/9", "", red2), false},
		{"more than the zone's network, for that zone", "", entry("10.0.0.0/9", "red", red2), true},
		{"a part of it is in another zone", "10.1.9.128/25", entry("10.1.9.0/24", "", red2), false},
		{"all of it is in another zone", "10.1.9.0/24", entry("10.1.9.128/25", "", red2), false},
		{"a neighbour of it is in another zone", "10.1.10.0/24", entry("10.1.9.0/24", "", red2), true},
		{"in the zone", "", entry("10.1.9.0/24", "", red2), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := perimeterSpec(Strict)
			for i := range spec.Zones {
				if spec.Zones[i].Name == "gray" && tt.network != "" {
					spec.Zones[i].Networks = append(spec.Zones[i].Networks, netip.MustParsePrefix(tt.network))
				}
			}
			hop := hostmap.Entry{Prefix: netip.MustParsePrefix(red2 + "/32"), Kind: hostmap.CIPSO}
			spec.Hosts = append(spec.Hosts, hop, tt.entry)
			_, err := Compile(spec)
			problems, _ := err.(Problems)
			if tt.allowed != (err == nil) || !tt.allowed && (len(problems) != 1 || problems[0].Origin.Line != 1 || problems[0].Message != "the next hop "+red2+" is in zone red, where not all hosts of this entry live") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNextHopWithOnLabel: what is said to become of labels that the host behind a
// labeled next hop cannot have is a mistake.
func TestNextHopWithOnLabel(t *testing.T) {
	for _, on := range []hostmap.OnLabel{hostmap.LabelDrop, hostmap.LabelStrip, hostmap.LabelHonour} {
		spec := viaSpec(Strict)
		spec.Hosts[len(spec.Hosts)-1].OnLabel = on
		_, err := Compile(spec)
		problems, _ := err.(Problems)
		if on == hostmap.LabelDrop && err != nil || on != hostmap.LabelDrop && (len(problems) != 1 || problems[0].Message != "on-label has no say where there is a next hop: packets come with the label that it puts on") {
			t.Errorf("%v: %v", on, err)
		}
	}
}
