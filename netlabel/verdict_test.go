package netlabel

import (
	"regexp"
	"testing"

	"labelgate/cipso"
	"labelgate/internal/ipv4"
)

// TestZeroVerdictDrops: whoever forgets to decide has dropped.
func TestZeroVerdictDrops(t *testing.T) {
	var v Verdict
	if v.Action != Drop || v.Action.String() != "drop" || v.Length != 0 {
		t.Errorf("the zero verdict is %s of %d bytes", v.Action, v.Length)
	}
	var a Action
	if a != Drop {
		t.Errorf("the zero action is %s", a)
	}
	if v := Dropped(ReasonNotIPv4); v.Action != Drop || v.SourceEntry != -1 || v.DestEntry != -1 || v.Checked {
		t.Errorf("%+v", v)
	}
}

// TestReasons: names are for scripts and must not meet; texts are for people.
func TestReasons(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	names, texts := make(map[string]Reason), make(map[string]Reason)
	all := Reasons()
	if len(all) != int(numReasons)-1 {
		t.Fatalf("%d reasons, want %d", len(all), numReasons-1)
	}
	for i, r := range all {
		if r != Reason(i+1) {
			t.Errorf("reason %d at place %d", r, i)
		}
		name, text := r.String(), r.Explain()
		if !kebab.MatchString(name) {
			t.Errorf("reason %d is called %q", r, name)
		}
		if text == "" {
			t.Errorf("%s has no text", name)
		}
		if other, taken := names[name]; taken {
			t.Errorf("reasons %d and %d are both called %q", other, r, name)
		}
		if other, taken := texts[text]; taken {
			t.Errorf("%s and %s have the same text", other, name)
		}
		names[name], texts[text] = r, r
	}
	if ReasonNone.String() != "" || ReasonNone.Explain() == "" {
		t.Errorf("no reason is %q, %q", ReasonNone, ReasonNone.Explain())
	}
	if Reason(255).String() != "unknown" || Reason(255).Explain() != "" {
		t.Errorf("reason 255 is %q, %q", Reason(255), Reason(255).Explain())
	}
}

// TestWords: every value that a record can show has a word of its own.
func TestWords(t *testing.T) {
	words := func(kind string, n int, word func(int) string) {
		seen := make(map[string]int)
		for i := range n {
			w := word(i)
			if other, taken := seen[w]; taken || w == "" {
				t.Errorf("%s %d and %d are both %q", kind, other, i, w)
			}
			seen[w] = i
		}
	}
	words("action", int(Blank)+1, func(i int) string { return Action(i).String() })
	words("direction", int(Output)+1, func(i int) string { return Direction(i).String() })
	words("source", int(FromFlow)+1, func(i int) string { return LabelSource(i).String() })
	words("trust", int(Require)+1, func(i int) string { return Trust(i).String() })
	words("mode", int(Compat)+1, func(i int) string { return Mode(i).String() })
	if LabelSource(200).String() != "unknown" {
		t.Errorf("label source 200 is %q", LabelSource(200))
	}
}

// TestVerdictICMP is the table of error messages: which drop is reported, how,
// with and without a label on the packet, on the way through and to this machine.
func TestVerdictICMP(t *testing.T) {
	type message struct{ typ, code, pointer uint8 }
	none := message{}
	tests := []struct {
		name                     string
		reasons                  []Reason
		labeled, unlabeled, here message // forwarded with and without an option; delivered here with one
	}{
		{
			"says where the fault is",
			[]Reason{ReasonMalformedHeader, ReasonMalformedOption, ReasonUnknownDOI},
			message{12, 0, 22}, message{12, 0, 22}, message{12, 0, 22},
		},
		{"asks for a label", []Reason{ReasonLabelMissing}, message{12, 1, cipso.OptionType}, message{12, 1, cipso.OptionType}, message{12, 1, cipso.OptionType}},
		{
			"tells whom speaks of labels that it may not",
			[]Reason{
				ReasonUnknownLabel, ReasonMappedLabel, ReasonReservedLabel, ReasonSourceNotAccredited, ReasonStarSubject, ReasonNoRule, ReasonRuleLacks,
				ReasonLayer, ReasonDestinationNotAccredited, ReasonNoEncoding, ReasonNoRoom,
			},
			message{3, 9, 0}, none, message{3, 10, 0},
		},
		{"says how large it may be", []Reason{ReasonTooBig}, message{3, 4, 0}, message{3, 4, 0}, message{3, 4, 0}},
		{
			"says nothing",
			[]Reason{
				ReasonNone, ReasonNotIPv4, ReasonTruncated, ReasonNoZone, ReasonIPOption, ReasonForeignLabel, ReasonTunnel, ReasonMartianSource,
				ReasonSourceNotInZone, ReasonGroupDestination, ReasonNoDestinationZone, ReasonLabelFromUnlabeledZone, ReasonLabelSpoof,
				ReasonTinyFragment, ReasonRedirect, ReasonICMPType, ReasonMalformedError, ReasonUnsolicitedError, ReasonLabelChanged, ReasonFragmentLabel,
				ReasonFragmentOverlap, ReasonFragmentRefused, ReasonFragmentTable, ReasonNoSelfLabel, ReasonWebToLabeled, ReasonEgressZone, ReasonDestinationChanged, ReasonStaleGeneration, ReasonUnmarkable,
			},
			none, none, none,
		},
	}
	tested := make(map[Reason]bool)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range tt.reasons {
				tested[r] = true
				check := func(what string, d Direction, hadOption bool, want message) {
					v := Verdict{Reason: r, HadOption: hadOption, Pointer: 22}
					typ, code, pointer, ok := v.ICMP(d)
					if got := (message{typ, code, pointer}); got != want || ok != (want != none) {
						t.Errorf("%s, %s: %v, %v, want %v", r, what, got, ok, want)
					}
				}
				check("labeled", Forward, true, tt.labeled)
				check("unlabeled", Forward, false, tt.unlabeled)
				check("here", Input, true, tt.here)
			}
		})
	}
	for _, r := range Reasons() {
		if !tested[r] {
			t.Errorf("%s is in no row", r)
		}
	}
	// A fault outside of the options has no pointer, and no router answers it.
	v := Verdict{Reason: ReasonMalformedHeader, HeaderFault: ipv4.FaultChecksum}
	if _, _, _, ok := v.ICMP(Forward); ok {
		t.Error("a wrong checksum is answered")
	}
}

func TestWithMTUs(t *testing.T) {
	s := compile(t, strictSpec())
	a := s.WithMTUs([]int{0, 1400})
	b := a.WithMTUs([]int{0, 1300, 9000, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	red, blue := zoneNamed(t, s, "red"), zoneNamed(t, s, "blue")
	for _, tt := range []struct {
		name      string
		s         *Snapshot
		red, blue int
	}{{"first", s, 0, 0}, {"second", a, 1400, 0}, {"third", b, 1300, 9000}} {
		if got := [2]int{tt.s.zoneAt(red).mtu, tt.s.zoneAt(blue).mtu}; got != [2]int{tt.red, tt.blue} {
			t.Errorf("%s: %v, want %d and %d", tt.name, got, tt.red, tt.blue)
		}
	}
	if a.Policy() != s.Policy() || a.Generation() != s.Generation() {
		t.Error("the policy was not shared")
	}
}
