package explain

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

var update = flag.Bool("update", false, "write what Explain says into testdata; commit only what you understand")

// site has a zone of each kind.
func site(t *testing.T, mode netlabel.Mode) *netlabel.Snapshot {
	t.Helper()
	b := engine.NewBuilder()
	f := b.File("rules")
	set := func(line int, s, o string, a engine.Access) {
		sl, _ := b.Intern(s)
		ol, _ := b.Intern(o)
		b.Set(sl, ol, a, f, line)
	}
	set(1, "Foo", "Pop", engine.Write)
	set(2, "Foo", "Lacks", engine.Read)
	set(3, "Pop", "Gate", engine.Write)
	narrow := b.Layer("narrow")
	foo, _ := b.Intern("Foo")
	pop, _ := b.Intern("Pop")
	narrow.Set(foo, pop, engine.Read, b.File("narrow"), 1)
	line := 0
	origin := func() engine.Origin { line += 10; return engine.Origin{File: "gw.toml", Line: line} }
	prefix := netip.MustParsePrefix
	zone := func(name, network string, trust netlabel.Trust, doi cipso.DOI) netlabel.ZoneSpec {
		return netlabel.ZoneSpec{Name: name, Networks: []netip.Prefix{prefix(network)}, Trust: trust, DOI: doi, Origin: origin()}
	}
	red, gray, green, blue := zone("red", "10.1.0.0/16", netlabel.Require, 3), zone("gray", "10.4.0.0/16", netlabel.Refuse, 0),
		zone("green", "10.3.0.0/16", netlabel.Accept, 3), zone("blue", "10.2.0.0/16", netlabel.Require, 16)
	single, slim := zone("single", "10.6.0.0/16", netlabel.Accept, 3), zone("slim", "10.7.0.0/16", netlabel.Refuse, 0)
	red.Tunnels = []string{"gre"}
	blue.Only = []string{"Foo", "Long-enough-to-be-long"}
	single.Label = "Pop"
	slim.Label, slim.Layer = "Pop", "narrow"
	at := func(line int, e hostmap.Entry) hostmap.Entry {
		e.File, e.Line = "hosts", line
		return e
	}
	s, err := netlabel.Compile(netlabel.Spec{
		Mode: mode, Rules: b, Self: "Gate",
		DOIs: []netlabel.DOISpec{
			{Number: 3, Tags: []cipso.TagType{cipso.TagRestricted}},
			{Number: 16, Tags: []cipso.TagType{cipso.TagEnumerated}},
		},
		Zones: []netlabel.ZoneSpec{red, gray, green, blue, single, slim},
		Hosts: []hostmap.Entry{
			at(1, hostmap.Entry{Prefix: prefix("10.4.0.1/32"), Label: "Pop"}),
			at(2, hostmap.Entry{Prefix: prefix("10.4.0.2/32"), Label: "Lacks"}),
			at(3, hostmap.Entry{Prefix: prefix("10.4.0.3/32"), Label: "Alone"}),
			at(4, hostmap.Entry{Prefix: prefix("10.4.0.4/32"), Label: "@"}),
			at(5, hostmap.Entry{Prefix: prefix("10.4.0.5/32"), Label: "*"}),
			at(6, hostmap.Entry{Prefix: prefix("10.4.0.6/32"), Label: "Long-enough-to-be-long"}),
			at(7, hostmap.Entry{Prefix: prefix("10.3.0.1/32"), Kind: hostmap.CIPSO}),
			at(8, hostmap.Entry{Prefix: prefix("10.3.0.2/32"), Kind: hostmap.CIPSO, Only: []string{"Pop"}}),
			at(9, hostmap.Entry{Prefix: prefix("10.3.0.3/32"), Label: "Foo"}),
			at(10, hostmap.Entry{Prefix: prefix("10.3.0.77/32"), Label: "Pop", Via: netip.MustParseAddr("10.3.0.254")}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	red, gray, green, blue, single, slim = netlabel.Zone(1), netlabel.Zone(2), netlabel.Zone(3), netlabel.Zone(4), netlabel.Zone(5), netlabel.Zone(6)

	pop3     = "860d00000003010700fa2837b8"
	foo16    = "862800000010022200fa000200060007000a000b000d000e000f0010001200130015001600170018"
	hostRed  = "10.1.0.1"
	hostGray = "10.4.0.1"
)

// decision is one question.
type decision struct {
	name      string
	reason    netlabel.Reason
	zone      netlabel.Zone
	src, dst  string
	proto     string // udp when empty
	port      uint16
	option    string
	direction netlabel.Direction
	known     netlabel.Known
	compat    bool
	change    func(p []byte)
}

// decisions asks for every reason that Process can give, and for what passes in a way
// of its own.
func decisions() []decision {
	offset := func(o uint16) func([]byte) {
		return func(p []byte) { binary.BigEndian.PutUint16(p[6:], o) }
	}
	return []decision{
		{name: "tunnel by protocol", reason: netlabel.ReasonTunnel, zone: red, src: hostRed, dst: hostGray, proto: "gre", option: foo3},
		{name: "tunnel by port", reason: netlabel.ReasonTunnel, zone: red, src: hostRed, dst: hostGray, port: 4789, option: foo3},
		{name: "tunnel to this machine", reason: netlabel.ReasonTunnel, zone: green, src: "10.3.0.3", dst: "10.3.0.9", proto: "esp", direction: netlabel.Input},
		{name: "malformed header", reason: netlabel.ReasonMalformedHeader, zone: red, src: hostRed, dst: hostGray, option: foo3 + foo3},
		{name: "no zone", reason: netlabel.ReasonNoZone, src: hostRed, dst: hostGray},
		{name: "source route", reason: netlabel.ReasonIPOption, zone: red, src: hostRed, dst: hostGray, option: foo3 + "8307040a010002"},
		{name: "foreign label", reason: netlabel.ReasonForeignLabel, zone: red, src: hostRed, dst: hostGray, option: "820bab0000000000000000"},
		{name: "tiny fragment", reason: netlabel.ReasonTinyFragment, zone: red, src: hostRed, dst: hostGray, option: foo3, change: offset(1)},
		{name: "redirect", reason: netlabel.ReasonRedirect, zone: gray, src: hostGray, dst: hostRed, proto: "icmp:5/1"},
		{name: "type of ICMP", reason: netlabel.ReasonICMPType, zone: gray, src: hostGray, dst: hostRed, proto: "icmp:40"},
		{name: "martian", reason: netlabel.ReasonMartianSource, zone: red, src: "127.0.0.1", dst: hostGray, option: foo3},
		{name: "source not in zone", reason: netlabel.ReasonSourceNotInZone, zone: red, src: hostGray, dst: hostGray, option: foo3},
		{name: "group", reason: netlabel.ReasonGroupDestination, zone: red, src: hostRed, dst: "224.0.0.251", option: foo3},
		{name: "no destination zone", reason: netlabel.ReasonNoDestinationZone, zone: red, src: hostRed, dst: "10.9.0.1", option: foo3},
		{name: "label from unlabeled zone", reason: netlabel.ReasonLabelFromUnlabeledZone, zone: gray, src: hostGray, dst: hostRed, option: foo3},
		{name: "malformed option", reason: netlabel.ReasonMalformedOption, zone: red, src: hostRed, dst: hostGray, option: "860e00000003010801fa2337b780"},
		{name: "unknown domain", reason: netlabel.ReasonUnknownDOI, zone: red, src: hostRed, dst: hostGray, option: foo16},
		{name: "label spoof", reason: netlabel.ReasonLabelSpoof, zone: green, src: "10.3.0.3", dst: hostGray, option: foo3},
		{name: "label spoof in a zone with a label", reason: netlabel.ReasonLabelSpoof, zone: single, src: "10.6.0.1", dst: hostGray, option: foo3},
		{name: "label spoof behind a gateway", reason: netlabel.ReasonLabelSpoof, zone: green, src: "10.3.0.77", dst: hostGray, option: foo3},
		{name: "unknown label", reason: netlabel.ReasonUnknownLabel, zone: red, src: hostRed, dst: hostGray, option: "860b0000000301050009" + "40"},
		{name: "mapped label", reason: netlabel.ReasonMappedLabel, zone: red, src: hostRed, dst: hostGray, option: "860b00000003010500fb05"},
		{name: "reserved label", reason: netlabel.ReasonReservedLabel, zone: red, src: hostRed, dst: hostGray, option: "860b00000003010500fa20"},
		{name: "label missing in a zone", reason: netlabel.ReasonLabelMissing, zone: red, src: hostRed, dst: hostGray},
		{name: "label missing by its entry", reason: netlabel.ReasonLabelMissing, zone: green, src: "10.3.0.1", dst: hostGray},
		{name: "label missing behind a gateway", reason: netlabel.ReasonLabelMissing, zone: green, src: "10.3.0.77", dst: hostGray},
		{name: "source not accredited", reason: netlabel.ReasonSourceNotAccredited, zone: green, src: "10.3.0.2", dst: hostGray, option: foo3},
		{name: "destination not accredited", reason: netlabel.ReasonDestinationNotAccredited, zone: gray, src: hostGray, dst: "10.2.0.1"},
		{name: "star", reason: netlabel.ReasonStarSubject, zone: gray, src: "10.4.0.5", dst: hostGray},
		{name: "no rule", reason: netlabel.ReasonNoRule, zone: red, src: hostRed, dst: "10.4.0.3", option: foo3},
		{name: "rule lacks w", reason: netlabel.ReasonRuleLacks, zone: red, src: hostRed, dst: "10.4.0.2", option: foo3},
		{name: "layer", reason: netlabel.ReasonLayer, zone: red, src: hostRed, dst: "10.7.0.1", option: foo3},
		{name: "web to labeled", reason: netlabel.ReasonWebToLabeled, zone: gray, src: "10.4.0.4", dst: hostRed},
		{name: "no encoding", reason: netlabel.ReasonNoEncoding, zone: gray, src: "10.4.0.6", dst: "10.2.0.1"},
		{name: "no room", reason: netlabel.ReasonNoRoom, zone: red, src: hostRed, dst: "10.2.0.1", option: "94040000" + foo3},
		{name: "error about an error", reason: netlabel.ReasonMalformedError, zone: gray, src: "10.4.0.4", dst: hostGray, proto: "icmp:3/1", change: func(p []byte) {
			p[28+9], p[28+20] = 1, 3
			p[22], p[23] = 0, 0
			binary.BigEndian.PutUint16(p[22:], ipv4.Checksum(p[20:]))
		}},

		{name: "router discovery", zone: gray, src: hostGray, dst: "224.0.0.2", proto: "icmp:10"},
		{name: "group membership", zone: red, src: hostRed, dst: "224.0.0.22", proto: "igmp"},
		{name: "to a host behind a gateway", zone: red, src: hostRed, dst: "10.3.0.77", option: foo3},
		{name: "from a host behind a gateway", zone: green, src: "10.3.0.77", dst: hostGray, option: pop3},
		{name: "translated", zone: red, src: hostRed, dst: "10.2.0.1", option: foo3},
		{name: "SYN", zone: red, src: hostRed, dst: hostGray, proto: "tcp", option: foo3, change: func(p []byte) { p[36+13] = 2 }},
		{name: "error with a label", zone: red, src: hostRed, dst: hostGray, proto: "icmp:3/4", option: foo3},
		{name: "error without a label", zone: gray, src: hostGray, dst: hostRed, proto: "icmp:11"},
		{name: "error without a label, where one is required", reason: netlabel.ReasonLabelMissing, zone: red, src: hostRed, dst: hostGray, proto: "icmp:3/3"},
		{name: "error without a label, no rule", reason: netlabel.ReasonNoRule, zone: gray, src: hostGray, dst: "10.4.0.3", proto: "icmp:3/3"},
		{name: "error with a label, no rule", reason: netlabel.ReasonNoRule, zone: red, src: hostRed, dst: "10.4.0.3", proto: "icmp:3/3", option: foo3},
		{name: "error that reports nothing", zone: gray, src: hostGray, dst: hostRed, proto: "icmp:12", change: func(p []byte) {
			p[28] = 0x41
			p[22], p[23] = 0, 0
			binary.BigEndian.PutUint16(p[22:], ipv4.Checksum(p[20:]))
		}, reason: netlabel.ReasonMalformedError},
		{name: "error of this machine", reason: netlabel.ReasonNoRule, src: "10.4.0.9", dst: "10.4.0.3", proto: "icmp:3/3", direction: netlabel.Output},
		{name: "error to this machine", zone: gray, src: hostGray, dst: "10.4.0.9", proto: "icmp:3/3", direction: netlabel.Input},
		{name: "error about a datagram that is known", zone: red, src: hostRed, dst: hostGray, proto: "icmp:3/3", known: netlabel.Known{From: netlabel.FromFlow}},
		{name: "error, compat", zone: gray, src: hostGray, dst: hostRed, proto: "icmp:11", compat: true},
		{name: "error with a label, compat", zone: red, src: hostRed, dst: hostGray, proto: "icmp:11", option: foo3, compat: true},
	}
}

// beside are the reasons that Process cannot give: they need the machine, or what was
// before.
var beside = []netlabel.Reason{
	netlabel.ReasonNotIPv4, netlabel.ReasonTruncated, netlabel.ReasonNoSelfLabel, netlabel.ReasonUnsolicitedError, netlabel.ReasonTooBig,
	netlabel.ReasonLabelChanged, netlabel.ReasonFragmentLabel, netlabel.ReasonFragmentOverlap, netlabel.ReasonFragmentRefused,
	netlabel.ReasonFragmentTable, netlabel.ReasonEgressZone, netlabel.ReasonDestinationChanged, netlabel.ReasonStaleGeneration, netlabel.ReasonUnmarkable,
}

// TestDecisions: what is said of each decision, word by word.
func TestDecisions(t *testing.T) {
	var said bytes.Buffer
	asked := map[netlabel.Reason]bool{}
	strict, compat := site(t, netlabel.Strict), site(t, netlabel.Compat)
	for _, d := range decisions() {
		s := strict
		if d.compat {
			s = compat
		}
		q := Question{Src: netip.MustParseAddr(d.src), Dst: netip.MustParseAddr(d.dst), Port: d.port}
		if d.proto == "" {
			d.proto = "udp"
		}
		if err := q.Ask(d.proto); err != nil {
			t.Fatal(err)
		}
		var err error
		if q.Options, err = hex.DecodeString(d.option); err != nil {
			t.Fatal(err)
		}
		p, err := q.Packet()
		if err != nil {
			t.Fatal(err)
		}
		if d.change != nil {
			d.change(p)
			n := int(p[0]&15) * 4
			p[10], p[11] = 0, 0
			binary.BigEndian.PutUint16(p[10:], ipv4.Checksum(p[:n]))
		}
		if d.known.From == netlabel.FromFlow {
			d.known.Subject, _ = s.Policy().Lookup("Foo")
			d.known.Reported = d.known.Subject
		}
		out := make([]byte, len(p)+netlabel.MaxGrowth)
		v := s.ProcessKnown(d.direction, d.zone, p, out, d.known)
		if v.Reason != d.reason {
			t.Errorf("%s: %s %q", d.name, v.Action, v.Reason)
		}
		asked[v.Reason] = true
		said.WriteString("# " + d.name + "\n")
		if err := Explain(s, Case{Direction: d.direction, Packet: p, Out: out, Verdict: v}).WriteText(&said); err != nil {
			t.Fatal(err)
		}
		said.WriteString("\n")
	}
	for _, r := range netlabel.Reasons() {
		if asked[r] == slices.Contains(beside, r) {
			t.Errorf("%s: asked %v", r, asked[r])
		}
	}
	golden := filepath.Join("testdata", "decisions.txt")
	if *update {
		if err := os.WriteFile(golden, said.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), said.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestTooBig: who is told a size sees which.
func TestTooBig(t *testing.T) {
	p, err := Synthesize(netip.MustParseAddr(hostGray), netip.MustParseAddr(hostRed), 17, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := netlabel.Dropped(netlabel.ReasonTooBig)
	v.MTU = 1484
	steps := Explain(site(t, netlabel.Strict), Case{Packet: p, Verdict: v}).Steps
	want := Step{Name: "hint", Text: "packets of up to 1484 bytes pass, and its sender is told so"}
	if d := cmp.Diff(want, steps[len(steps)-1]); d != "" {
		t.Error(d)
	}
}

func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		text       string
		proto      uint8
		kind, code uint8
		ok         bool
	}{
		{"udp", 17, 0, 0, true},
		{"icmp", 1, 8, 0, true},
		{"1", 1, 8, 0, true},
		{"icmp:3/4", 1, 3, 4, true},
		{"icmp:11", 1, 11, 0, true},
		{"1:255/255", 1, 255, 255, true},
		{"igmp", 2, 0, 0, true},
		{"udp:3", 0, 0, 0, false},
		{"icmp:", 0, 0, 0, false},
		{"icmp:256", 0, 0, 0, false},
		{"icmp:3/", 0, 0, 0, false},
		{"icmp:3/4/5", 0, 0, 0, false},
		{"upd", 0, 0, 0, false},
	} {
		var q Question
		err := q.Ask(tt.text)
		if (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.text, err)
		}
		if tt.ok && (q.Proto != tt.proto || q.ICMPType != tt.kind || q.ICMPCode != tt.code) {
			t.Errorf("%q: %+v", tt.text, q)
		}
	}
}
