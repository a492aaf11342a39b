package explain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

func snapshot(t *testing.T) *netlabel.Snapshot {
	t.Helper()
	b := engine.NewBuilder()
	f := b.File("accesses.d/site")
	set := func(line int, s, o string, a engine.Access) {
		sl, _ := b.Intern(s)
		ol, _ := b.Intern(o)
		b.Set(sl, ol, a, f, line)
	}
	set(1, "Foo", "Pop", engine.Write)
	set(2, "Foo", "Logs", engine.Write)
	set(3, "Feed", "LogArchive", engine.Write)
	set(4, "Foo", "LogBook", engine.Read)
	origin := func(line int) engine.Origin { return engine.Origin{File: "gw.toml", Line: line} }
	prefix := netip.MustParsePrefix
	var own, global cipso.Categories
	own.Add(7, 7)
	global.Add(8, 8)
	s, err := netlabel.Compile(netlabel.Spec{
		Rules: b, Self: "Pop",
		Mappings: []netlabel.Mapping{{Label: "Secret", Level: 5, Categories: global, Origin: engine.Origin{File: "cipso.d/site", Line: 1}}},
		DOIs: []netlabel.DOISpec{{
			Number: 3, Tags: []cipso.TagType{1},
			Mappings: []netlabel.Mapping{{Label: "Secret", Level: 6, Categories: own, Origin: engine.Origin{File: "cipso-3", Line: 2}}},
		}},
		Zones: []netlabel.ZoneSpec{
			{Name: "red", Networks: []netip.Prefix{prefix("10.1.0.0/16")}, Trust: netlabel.Accept, DOI: 3, Origin: origin(10)},
			{Name: "gray", Networks: []netip.Prefix{prefix("10.4.0.0/16")}, Origin: origin(20)},
		},
		Hosts: []hostmap.Entry{
			{Prefix: prefix("10.4.0.1/32"), Label: "Pop", File: "netlabel.d/site", Line: 1},
			{Prefix: prefix("10.4.0.2/32"), Label: "LogArchive", File: "netlabel.d/site", Line: 2},
			{Prefix: prefix("10.4.0.3/32"), Label: "LogBook", File: "netlabel.d/site", Line: 3},
			{Prefix: prefix("10.1.0.8/32"), Kind: hostmap.CIPSO, OnUnlabeled: hostmap.UnlabeledAmbient, File: "netlabel.d/site", Line: 4},
			{Prefix: prefix("10.1.0.9/32"), Kind: hostmap.CIPSO, File: "netlabel.d/site", Line: 5},
			{Prefix: prefix("10.4.0.9/32"), Label: "@", File: "netlabel.d/site", Line: 6},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask explains a packet as a user would ask about it.
func ask(t *testing.T, s *netlabel.Snapshot, d netlabel.Direction, zone netlabel.Zone, src, dst, option string) Explanation {
	t.Helper()
	o, err := hex.DecodeString(option)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Synthesize(netip.MustParseAddr(src), netip.MustParseAddr(dst), 17, o)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(p)+netlabel.MaxGrowth)
	return Explain(s, Case{Direction: d, Packet: p, Out: out, Verdict: s.Process(d, zone, p, out)})
}

const foo3 = "860e00000003010800fa2337b780"

// TestExplain holds single steps, each with the line that it rests on.
func TestExplain(t *testing.T) {
	s := snapshot(t)
	tests := []struct {
		name             string
		zone             netlabel.Zone
		src, dst, option string
		step, text, at   string
	}{
		{"whose label", 1, "10.1.0.1", "10.4.0.1", foo3, "label", `DOI 3, level 250, spells "Foo"  →  "Foo"`, ""},
		{"the domain's own mapping", 1, "10.1.0.1", "10.4.0.9", "860b000000030105000601", "label", `DOI 3, level 6, categories 7  →  "Secret"`, "cipso-3:2"},
		{"nearest: same subject, alike object", 1, "10.1.0.1", "10.4.0.2", foo3, "nearest", "Foo → Logs w", "accesses.d/site:2"},
		{"rule that lacks", 1, "10.1.0.1", "10.4.0.3", foo3, "rule", "Foo → LogBook, wants w: rule-lacks (grants r)", "accesses.d/site:4"},
		{"nearest: same object", 2, "10.4.0.1", "10.4.0.2", "", "nearest", "Feed → LogArchive w", "accesses.d/site:3"},
		{"ambient by entry", 1, "10.1.0.8", "10.4.0.9", "", "label", `no option, the host's entry says ambient  →  "_"`, "netlabel.d/site:4"},
		{"ambient without entry", 1, "10.1.0.1", "10.4.0.9", "", "label", `no option and no entry: ambient  →  "_"`, ""},
		{"label missing", 1, "10.1.0.9", "10.4.0.9", "", "label", "no option", ""},
		{"web to labeled", 2, "10.4.0.9", "10.1.0.1", "", "verdict", "DENY  web-to-labeled: " + netlabel.ReasonWebToLabeled.Explain(), ""},
		{"no zone", 0, "10.1.0.1", "10.4.0.1", "", "source", "10.1.0.1  came in by an interface of no zone", ""},
		{"no destination", 1, "10.1.0.1", "10.9.0.1", foo3, "target", "10.9.0.1  lives in no zone", ""},
		{"header fault", 1, "10.1.0.1", "10.4.0.1", "8201", "verdict", "DENY  malformed-header: the IP header contradicts itself (option-length, byte 20 of the header)", ""},
		{"strip", 1, "10.1.0.1", "10.4.0.1", foo3, "verdict", "ALLOW  its option is taken out", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := ask(t, s, netlabel.Forward, tt.zone, tt.src, tt.dst, tt.option)
			for _, step := range e.Steps {
				if step.Name == tt.step {
					if step.Text != tt.text || step.At != tt.at {
						t.Errorf("%q at %q\nwant %q at %q", step.Text, step.At, tt.text, tt.at)
					}
					return
				}
			}
			t.Errorf("no step %q in %+v", tt.step, e.Steps)
		})
	}
}

// TestExplainAnything: every reason and every action can be worded, whatever else
// the verdict says, and numbered steps are numbered.
func TestExplainAnything(t *testing.T) {
	s := snapshot(t)
	p, err := Synthesize(netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.4.0.1"), 6, nil)
	if err != nil {
		t.Fatal(err)
	}
	explained := func(c Case) {
		t.Helper()
		e := Explain(s, c)
		var text, j bytes.Buffer
		if err := e.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&j).Encode(e); err != nil {
			t.Fatal(err)
		}
		number := 0
		for _, step := range e.Steps {
			if step.Number != 0 {
				if number++; step.Number != number {
					t.Errorf("step %d is called %d", number, step.Number)
				}
			}
			if step.Text == "" || strings.Contains(step.Text, "%!") || strings.Contains(step.At, "%!") {
				t.Errorf("step %+v", step)
			}
		}
		want := "ALLOW"
		if c.Verdict.Action == netlabel.Drop {
			want = "DENY  " + c.Verdict.Reason.String()
		}
		if !strings.Contains(text.String(), want) || e.Allowed != (want == "ALLOW") {
			t.Errorf("wants %q:\n%s", want, text.String())
		}
	}
	for _, d := range []netlabel.Direction{netlabel.Forward, netlabel.Input, netlabel.Output} {
		for _, packet := range [][]byte{p, p[:25], nil} {
			for _, r := range netlabel.Reasons() {
				v := netlabel.Dropped(r)
				explained(Case{Direction: d, Packet: packet, Verdict: v})
				v.InZone, v.OutZone, v.SourceEntry, v.DestEntry = 1, 2, 0, 1
				explained(Case{Direction: d, Packet: packet, Verdict: v})
			}
			for a := netlabel.Pass; a <= netlabel.Blank; a++ {
				v := netlabel.Dropped(netlabel.ReasonNone)
				v.Action, v.Clamped = a, true
				explained(Case{Direction: d, Packet: packet, Verdict: v})
			}
		}
	}
}

func TestProtocol(t *testing.T) {
	for _, tt := range []struct {
		name string
		want uint8
		ok   bool
	}{{"tcp", 6, true}, {"icmp", 1, true}, {"255", 255, true}, {"0", 0, true}, {"256", 0, false}, {"upd", 0, false}, {"", 0, false}, {"-1", 0, false}} {
		if got, err := Protocol(tt.name); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %d, %v", tt.name, got, err)
		}
	}
	for p := range 256 {
		if got, err := Protocol(ProtocolName(uint8(p))); err != nil || got != uint8(p) {
			t.Errorf("%d is called %q, which is %d, %v", p, ProtocolName(uint8(p)), got, err)
		}
	}
}

func TestSynthesize(t *testing.T) {
	a, b := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.4.0.1")
	if _, err := Synthesize(a, b, 17, make([]byte, 41)); err == nil {
		t.Error("41 bytes of options fit")
	}
	if _, err := Synthesize(a, netip.MustParseAddr("2001:db8::1"), 17, nil); err == nil {
		t.Error("IPv6 can be labeled")
	}
}
