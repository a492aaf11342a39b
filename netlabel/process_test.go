package netlabel

import (
	"bytes"
	"testing"

	"labelgate/cipso"
)

// TestProcessStrict is the decision table of a perimeter, a row a case.
func TestProcessStrict(t *testing.T) {
	s := compile(t, strictSpec())
	secret, _ := s.Policy().Lookup("Secret")
	secret16 := hexOf(s.Encoding(16, secret))
	tests := []struct {
		name      string
		direction Direction
		zone      string
		src, dst  string
		options   string
		action    Action
		reason    Reason
		subject   string
		object    string
		leaves    string // option area of what leaves, when something does
	}{
		{"labeled to single-label host", Forward, "red", red1, grayPop, foo3, Strip, 0, "Foo", "Pop", ""},
		{"labeled to single-label host, rule lacks w", Forward, "red", red1, grayPop, secret3, Drop, ReasonRuleLacks, "Secret", "Pop", ""},
		{"labeled to single-label host, no rule", Forward, "red", red1, "10.4.0.6", foo3, Drop, ReasonNoRule, "Foo", "Secret", ""},
		{"single label to labeled", Forward, "gray", grayPop, red1, "", Add, 0, "Pop", "", "860d00000003010700fa2837b8000000"},
		{"labeled to labeled, same domain", Forward, "red", red1, green1, foo3, Pass, 0, "Foo", "", pad(foo3)},
		{"labeled to labeled, other domain, direct", Forward, "red", red1, blue1, foo3, Replace, 0, "Foo", "", ""},
		{"labeled to labeled, other domain, own mapping", Forward, "red", red1, blue1, secret3, Replace, 0, "Secret", "", pad(secret16)},
		{"and back", Forward, "blue", blue1, red1, secret16, Replace, 0, "Secret", "", pad(secret3)},
		{"to the web", Forward, "red", red1, grayWeb, secret3, Strip, 0, "Secret", "@", ""},
		{"web to labeled", Forward, "gray", grayWeb, red1, "", Drop, ReasonWebToLabeled, "@", "", ""},
		{"web to labeled with replacement", Forward, "gray", grayWebAs, red1, "", Add, 0, "@", "", pad(foo3)},
		{"web to single-label", Forward, "gray", grayWeb, greenFoo, "", Pass, 0, "@", "Foo", ""},
		{"to star object", Forward, "red", red1, grayStar, secret3, Strip, 0, "Secret", "*", ""},
		{"star subject", Forward, "gray", grayStar, red1, "", Drop, ReasonStarSubject, "*", "", ""},
		{"star subject to web", Forward, "gray", grayStar, grayWeb, "", Drop, ReasonStarSubject, "*", "@", ""},
		{"ambient to ambient", Forward, "gray", grayNone, grayNone, "", Pass, 0, "_", "_", ""},
		{"ambient to single-label", Forward, "gray", grayNone, grayPop, "", Drop, ReasonNoRule, "_", "Pop", ""},
		{"ambient to accepting zone leaves unlabeled", Forward, "gray", grayNone, greenNone, "", Pass, 0, "_", "", ""},
		{"ambient to requiring zone leaves labeled", Forward, "gray", grayNone, red1, "", Add, 0, "_", "", pad(floor3)},
		{"labeled to ambient host", Forward, "red", red1, grayNone, foo3, Drop, ReasonNoRule, "Foo", "_", ""},
		{"unknown label", Forward, "red", red1, grayPop, stranger3, Drop, ReasonUnknownLabel, "", "", ""},
		{"unknown direct label", Forward, "red", red1, grayPop, direct3Xyz, Drop, ReasonUnknownLabel, "", "", ""},
		{"web off the wire", Forward, "red", red1, grayPop, web3, Drop, ReasonReservedLabel, "@", "", ""},
		{"unlabeled from a labeled zone", Forward, "red", red1, grayPop, "", Drop, ReasonLabelMissing, "", "", ""},
		{"label from an unlabeled zone", Forward, "gray", grayPop, red1, foo3, Drop, ReasonLabelFromUnlabeledZone, "", "", ""},
		{"other zone's domain", Forward, "red", red1, grayPop, foo16, Drop, ReasonUnknownDOI, "", "", ""},
		{"label from single-label host", Forward, "green", greenFoo, grayPop, secret3, Drop, ReasonLabelSpoof, "", "", ""},
		{"label from single-label host, strip", Forward, "green", greenStrip, grayPop, secret3, Strip, 0, "Foo", "Pop", ""},
		{"unlabeled from -CIPSO", Forward, "green", green1, grayPop, "", Drop, ReasonLabelMissing, "", "", ""},
		{"labeled from no entry in accepting zone", Forward, "green", greenNone, grayPop, foo3, Strip, 0, "Foo", "Pop", ""},
		{"zone's restriction", Forward, "red", red1, "10.4.0.5", foo3, Drop, ReasonLayer, "Foo", "Bar", ""},
		{"not accredited at the source", Forward, "picky", "10.5.0.1", grayPop, foo3, Drop, ReasonSourceNotAccredited, "Foo", "", ""},
		{"not accredited at the destination", Forward, "red", red1, "10.5.0.1", foo3, Drop, ReasonDestinationNotAccredited, "Foo", "", ""},
		{"source lives elsewhere", Forward, "gray", red1, grayPop, "", Drop, ReasonSourceNotInZone, "", "", ""},
		{"destination lives nowhere", Forward, "red", red1, nowhere, foo3, Drop, ReasonNoDestinationZone, "", "", ""},
		{"no zone", Forward, "", red1, grayPop, foo3, Drop, ReasonNoZone, "", "", ""},
		{"multicast", Forward, "red", red1, "224.0.0.1", foo3, Drop, ReasonGroupDestination, "", "", ""},
		{"to loopback, which the kernel takes for this machine", Input, "red", red1, "127.0.0.1", foo3, Drop, ReasonNoDestinationZone, "", "", ""},
		{"to network 0", Forward, "gray", grayPop, "0.1.2.3", "", Drop, ReasonNoDestinationZone, "", "", ""},
		{"loopback source", Forward, "red", "127.0.0.1", grayPop, foo3, Drop, ReasonMartianSource, "", "", ""},
		{"record route before the label", Forward, "red", red1, grayPop, "070b04000000000000000001" + foo3, Drop, ReasonIPOption, "", "", ""},
		{"basic security option", Forward, "red", red1, grayPop, "82030101" + foo3, Drop, ReasonForeignLabel, "", "", ""},
		{"mapped level", Forward, "red", red1, grayPop, "860b00000003010500fb05", Drop, ReasonMappedLabel, "", "", ""},
		{"second option", Forward, "red", red1, grayPop, foo3 + foo3, Drop, ReasonMalformedHeader, "", "", ""},
		{"router alert is kept", Forward, "red", red1, grayPop, "94040000" + foo3, Strip, 0, "Foo", "Pop", "94040000"},
		{"input, denied", Input, "red", red1, red2, foo3, Drop, ReasonNoRule, "Foo", "Gate", ""},
		{"input from web", Input, "gray", grayWeb, "10.4.0.254", "", Pass, 0, "@", "Gate", ""},
		{"output to labeled", Output, "", "10.1.0.254", red1, "", Add, 0, "Gate", "", ""},
		{"output reflects a stranger's option", Output, "", "10.1.0.254", red1, foo3, Replace, 0, "Gate", "", ""},
		{"output to unlabeled, denied", Output, "", "10.4.0.254", grayPop, "", Drop, ReasonNoRule, "Gate", "Pop", ""},
		{"output of a reflected option to the web", Output, "", "10.4.0.254", grayWeb, foo3, Strip, 0, "Gate", "@", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := packet(t, tt.src, tt.dst, tt.options, 17, udp(40))
			before := bytes.Clone(p)
			out := bytes.Repeat([]byte{0xa5}, len(p)+MaxGrowth)
			v := s.Process(tt.direction, zoneNamed(t, s, tt.zone), p, out)
			if !bytes.Equal(p, before) {
				t.Fatal("the packet itself was changed")
			}
			if v.Action != tt.action || v.Reason != tt.reason {
				t.Fatalf("%s %s, want %s %s", v.Action, v.Reason, tt.action, tt.reason)
			}
			if got := s.LabelName(v.Subject); got != tt.subject {
				t.Errorf("subject %q, want %q", got, tt.subject)
			}
			if got := s.LabelName(v.Object); got != tt.object {
				t.Errorf("object %q, want %q", got, tt.object)
			}
			if v.Action == Drop {
				if v.Length != 0 {
					t.Errorf("dropped, yet %d bytes leave", v.Length)
				}
				return
			}
			leaving := p
			if v.Length != 0 {
				leaving = out[:v.Length]
			}
			checkHeader(t, leaving)
			if !bytes.Equal(leaving[int(leaving[0]&15)*4:], p[int(p[0]&15)*4:]) {
				t.Error("the payload was changed")
			}
			if got := options(leaving); tt.leaves != "" && got != tt.leaves {
				t.Errorf("options that leave %s, want %s", got, tt.leaves)
			}
		})
	}
}

func checkHeader(t *testing.T, p []byte) {
	t.Helper()
	n := int(p[0]&15) * 4
	if n > 60 || n > len(p) {
		t.Fatalf("header of %d bytes in a packet of %d", n, len(p))
	}
	if sum(p[:n]) != 0 {
		t.Error("header checksum is wrong")
	}
	if total := int(p[2])<<8 | int(p[3]); total != len(p) {
		t.Errorf("total length %d, the packet has %d", total, len(p))
	}
}

// TestProcessInputBlanks: what this machine receives keeps its length.
func TestProcessInputBlanks(t *testing.T) {
	spec := strictSpec()
	spec.Self = "Foo"
	s := compile(t, spec)
	p := packet(t, red1, red2, foo3, 17, udp(1))
	out := make([]byte, len(p)+MaxGrowth)
	v := s.Process(Input, zoneNamed(t, s, "red"), p, out)
	if v.Action != Blank || v.Length != len(p) {
		t.Fatalf("%s %s, %d bytes", v.Action, v.Reason, v.Length)
	}
	if got := options(out[:v.Length]); got != "01010101010101010101010101010000" {
		t.Errorf("options %s", got)
	}
	checkHeader(t, out[:v.Length])
}

// TestProcessNoSelf: a machine without a label of its own takes no part.
func TestProcessNoSelf(t *testing.T) {
	spec := strictSpec()
	spec.Self = ""
	s := compile(t, spec)
	p := packet(t, grayWeb, "10.4.0.254", "", 17, udp(1))
	out := make([]byte, len(p)+MaxGrowth)
	if v := s.Process(Input, zoneNamed(t, s, "gray"), p, out); v.Reason != ReasonNoSelfLabel {
		t.Errorf("input: %s %s", v.Action, v.Reason)
	}
	if v := s.Process(Output, 0, p, out); v.Reason != ReasonNoSelfLabel {
		t.Errorf("output: %s %s", v.Action, v.Reason)
	}
}

// TestProcessEveryPrefix cuts and stretches a packet at every length: whatever
// arrives has a decision and a reason.
func TestProcessEveryPrefix(t *testing.T) {
	s := compile(t, strictSpec())
	z := zoneNamed(t, s, "red")
	p := packet(t, red1, grayPop, foo3, 17, udp(4))
	out := make([]byte, 200)
	for n := 0; n <= len(p); n++ {
		v := s.Process(Forward, z, p[:n:n], out)
		if n < len(p) && (v.Action != Drop || v.Reason == ReasonNone) {
			t.Errorf("%d of %d bytes: %s %s", n, len(p), v.Action, v.Reason)
		}
	}
	if v := s.Process(Forward, z, p, out[:10]); v.Action != Drop || v.Reason != ReasonNoRoom {
		t.Errorf("out too short: %s %s", v.Action, v.Reason)
	}
}

func TestProcessClampsSegmentSize(t *testing.T) {
	syn := []byte{
		0x0f, 0xa0, 0x27, 0x0f, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0,
		2, 4, 0x05, 0xb4, // MSS 1460
	}
	s := compile(t, strictSpec())
	tests := []struct {
		name     string
		zone     string
		src, dst string
		options  string
		mtus     []int
		offered  int
		want     int
	}{
		{"added option", "gray", grayPop, red1, "", nil, 1460, 1500 - 40 - longest},
		{"smaller link", "gray", grayPop, red1, "", []int{0, 1400}, 1460, 1400 - 40 - longest},
		{"removed option, answers get that of the host here", "red", red1, grayPop, foo3, nil, 1460, 1500 - 40 - 16},
		{"answers of an @ host, which are labeled as another", "red", red1, grayWebAs, foo3, nil, 1460, 1500 - 40 - 16},
		{"an @ host that cannot answer", "red", red1, grayWeb, foo3, nil, 1460, 1460},
		{"no labels anywhere", "gray", grayNone, grayNone, "", nil, 1460, 1460},
		{"narrower link further on, answers grow", "red", red1, grayPop, foo3, nil, 536, 536 - 16},
		{"narrower link further on, answers shrink", "gray", grayPop, red1, "", nil, 536, 536},
		{"narrower link further on, no labels", "gray", grayNone, grayNone, "", nil, 536, 536},
		{"hardly any segment", "red", red1, grayPop, foo3, nil, 30, leastSegment},
		{"less than any link's", "red", red1, grayPop, foo3, nil, 20, 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			snapshot := s.WithMTUs(tt.mtus)
			offer := append(bytes.Clone(syn[:22]), byte(tt.offered>>8), byte(tt.offered))
			p := packet(t, tt.src, tt.dst, tt.options, 6, offer)
			out := make([]byte, len(p)+MaxGrowth)
			v := snapshot.Process(Forward, zoneNamed(t, s, tt.zone), p, out)
			leaving := p
			if v.Length != 0 {
				leaving = out[:v.Length]
			}
			if v.Action == Drop {
				t.Fatalf("dropped: %s", v.Reason)
			}
			end := len(leaving)
			if got := int(leaving[end-2])<<8 | int(leaving[end-1]); got != tt.want {
				t.Errorf("segment size %d, want %d", got, tt.want)
			}
		})
	}
}

// TestShortPacketIsBlanked: the kernel refuses a packet shorter than its old
// header, so a label leaves no bytes but keeps its place.
func TestShortPacketIsBlanked(t *testing.T) {
	s := compile(t, strictSpec())
	p := packet(t, red1, grayPop, foo3, 17, udp(0))
	out := make([]byte, len(p)+MaxGrowth)
	v := s.Process(Forward, zoneNamed(t, s, "red"), p, out)
	if v.Action != Blank || v.Length != len(p) {
		t.Fatalf("%s %s, %d of %d bytes", v.Action, v.Reason, v.Length, len(p))
	}
	if bytes.Contains(out[:v.Length], []byte{cipso.OptionType}) {
		t.Error("the option is still there")
	}
}

// TestHeldCompletesProcess: a packet that waited with NOPs in the place of its
// option leaves as it would have left at once.
func TestHeldCompletesProcess(t *testing.T) {
	s := compile(t, strictSpec())
	p := packet(t, red1, blue1, foo3, 17, udp(0))
	out := make([]byte, len(p)+MaxGrowth)
	z := zoneNamed(t, s, "red")
	v := s.Process(Forward, z, p, out)
	if v.Action != Replace {
		t.Fatalf("%s %s", v.Action, v.Reason)
	}
	want := bytes.Clone(out[:v.Length])
	n, reason := HoldPlace(out[:v.Length], out)
	if reason != ReasonNone || n != v.Length || bytes.Contains(out[20:int(out[0]&15)*4], []byte{cipso.OptionType}) {
		t.Fatalf("HoldPlace: %v, %d bytes", reason, n)
	}
	held := bytes.Clone(out[:n])
	e := s.ProcessKnown(Forward, z, held, out, Known{Subject: v.Subject, From: FromPacket, Held: true})
	if e.Action != Add || !bytes.Equal(out[:e.Length], want) {
		t.Errorf("%s %s: %x, want %x", e.Action, e.Reason, out[:e.Length], want)
	}
}

func TestProcessAllocatesNothing(t *testing.T) {
	s := compile(t, strictSpec())
	cases := [][]byte{
		packet(t, red1, grayPop, foo3, 17, udp(40)),
		packet(t, red1, blue1, secret3, 17, udp(40)),
		packet(t, red1, green1, foo3, 17, udp(40)),
		packet(t, red1, grayPop, stranger3, 17, udp(40)),
		packet(t, red1, grayPop, foo3+foo3, 17, udp(40)),
	}
	out := make([]byte, 200)
	z := zoneNamed(t, s, "red")
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range cases {
			s.Process(Forward, z, p, out)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d packets, want 0", n, len(cases))
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	s := make([]byte, 0, 2*len(b))
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}

// pad completes an option area in hex to whole words.
func pad(s string) string {
	for len(s)%8 != 0 {
		s += "0"
	}
	return s
}
