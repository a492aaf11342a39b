package engine

import "testing"

// world is a policy of the labels and rules that the tables below speak of.
func world(t testing.TB) *Builder {
	t.Helper()
	b := NewBuilder()
	f := b.File("accesses")
	for i, r := range [][3]string{
		{"foo", "write", "w"}, {"foo", "lock", "l"}, {"foo", "append", "a"}, {"foo", "read", "rx"},
		{"foo", "empty", "-"}, {"foo", "bringup", "wb"}, {"foo", "only-b", "b"}, {"foo", "all", "rwxatl"},
		{"*", "foo", "rwxatl"}, {"foo", "foo", "-"}, {"@", "foo", "-"}, {"foo", "_", "w"}, {"^", "write", "rl"},
	} {
		b.Set(intern(t, b, r[0]), intern(t, b, r[1]), access(t, r[2]), f, i+1)
	}
	intern(t, b, "bar")
	return b
}

func intern(t testing.TB, b *Builder, name string) Label {
	t.Helper()
	l, err := b.Intern(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func label(p *Policy, name string) Label {
	l, _ := p.Lookup(name)
	return l
}

// TestDecisionOrder: each step where it is the first that answers, and each
// against the steps that come after it. (Smack documentation, "Access Rules".)
func TestDecisionOrder(t *testing.T) {
	for _, tt := range []struct {
		name            string
		subject, object string
		want            string
		allowed         bool
		step            Step
		line            int // of the rule, 0 is none
	}{
		{"star is denied itself", "*", "*", "w", false, StepStarSubject, 0},
		{"star is denied the web", "*", "@", "w", false, StepStarSubject, 0},
		{"star is denied the floor", "*", "_", "r", false, StepStarSubject, 0},
		{"star is denied what a rule grants", "*", "foo", "r", false, StepStarSubject, 0},
		{"star is denied nothing at all too", "*", "bar", "-", false, StepStarSubject, 0},
		{"web to star", "@", "*", "w", true, StepWeb, 0},
		{"web to anyone, in spite of a rule", "@", "foo", "rwxatl", true, StepWeb, 0},
		{"anyone to web", "foo", "@", "rwxatl", true, StepWeb, 0},
		{"huh to web", "?", "@", "w", true, StepWeb, 0},
		{"web to itself", "@", "@", "w", true, StepWeb, 0},
		{"anyone to star", "foo", "*", "w", true, StepStarObject, 0},
		{"huh to star", "?", "*", "rwxatl", true, StepStarObject, 0},
		{"hat reads star", "^", "*", "r", true, StepStarObject, 0},
		{"oneself, in spite of a rule", "foo", "foo", "rwxatlb", true, StepSameLabel, 0},
		{"floor to floor", "_", "_", "w", true, StepSameLabel, 0},
		{"huh to huh", "?", "?", "w", true, StepSameLabel, 0},
		{"hat reads floor", "^", "_", "r", true, StepFloorObject, 0},
		{"anyone reads floor", "bar", "_", "r", true, StepFloorObject, 0},
		{"anyone executes floor", "bar", "_", "rx", true, StepFloorObject, 0},
		{"anyone locks floor", "bar", "_", "l", true, StepFloorObject, 0},
		{"nothing asked of floor", "bar", "_", "-", true, StepFloorObject, 0},
		{"reading and locking floor at once", "bar", "_", "rl", false, StepNoRule, 0},
		{"writing floor", "bar", "_", "w", false, StepNoRule, 0},
		{"writing floor with a rule", "foo", "_", "w", true, StepRule, 12},
		{"hat reads", "^", "foo", "r", true, StepHatSubject, 0},
		{"hat executes", "^", "foo", "x", true, StepHatSubject, 0},
		{"hat reads and executes", "^", "foo", "rx", true, StepHatSubject, 0},
		{"hat locks", "^", "foo", "l", true, StepHatSubject, 0},
		{"hat reads and locks", "^", "foo", "rl", false, StepNoRule, 0},
		{"hat reads and locks with a rule", "^", "write", "rl", true, StepRule, 13},
		{"hat writes", "^", "foo", "w", false, StepNoRule, 0},
		{"floor writes", "_", "foo", "w", false, StepNoRule, 0},
		{"huh writes", "?", "foo", "w", false, StepNoRule, 0},
		{"huh reads", "?", "foo", "r", false, StepNoRule, 0},
		{"no rule", "foo", "bar", "w", false, StepNoRule, 0},
		{"no rule the other way", "write", "foo", "w", false, StepNoRule, 0},
		{"no rule and nothing asked", "foo", "bar", "-", false, StepNoRule, 0},
		{"empty rule", "foo", "empty", "r", false, StepRuleEmpty, 5},
		{"empty rule and nothing asked", "foo", "empty", "-", false, StepRuleEmpty, 5},
		{"rule and nothing asked", "foo", "write", "-", true, StepRule, 1},
		{"rule", "foo", "write", "w", true, StepRule, 1},
		{"write grants lock", "foo", "write", "l", true, StepRule, 1},
		{"write grants both", "foo", "write", "wl", true, StepRule, 1},
		{"lock does not grant write", "foo", "lock", "w", false, StepRuleLacks, 2},
		{"write does not grant append", "foo", "write", "a", false, StepRuleLacks, 1},
		{"append does not grant write", "foo", "append", "w", false, StepRuleLacks, 3},
		{"part of it", "foo", "read", "rw", false, StepRuleLacks, 4},
		{"transmute is granted by t", "foo", "all", "t", true, StepRule, 8},
		{"bring-up grants nothing", "foo", "only-b", "w", false, StepRuleLacks, 7},
		{"unknown subject", "nobody", "foo", "w", false, StepUnknownLabel, 0},
		{"unknown object", "foo", "nobody", "w", false, StepUnknownLabel, 0},
		{"unknown to web", "nobody", "@", "w", false, StepUnknownLabel, 0},
		{"unknown to star", "nobody", "*", "w", false, StepUnknownLabel, 0},
		{"unknown to itself", "nobody", "nobody", "w", false, StepUnknownLabel, 0},
		{"star to unknown", "*", "nobody", "w", false, StepUnknownLabel, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := world(t).Build()
			d := p.Check(label(p, tt.subject), label(p, tt.object), access(t, tt.want))
			if d.Allowed != tt.allowed || d.Step != tt.step {
				t.Errorf("%s %s %s: allowed %v at %v, want %v at %v", tt.subject, tt.object, tt.want, d.Allowed, d.Step, tt.allowed, tt.step)
			}
			line := 0
			if d.Rule != NoRule {
				line = p.Rule(d.Rule).Origin.Line
			}
			if line != tt.line {
				t.Errorf("the rule of line %d, want %d", line, tt.line)
			}
		})
	}
}

// TestForeignLabel: a number that the policy did not give out is nobody's.
func TestForeignLabel(t *testing.T) {
	p := world(t).Build()
	foo := label(p, "foo")
	for _, l := range []Label{Label(p.Labels()), Label(p.Labels()) + 1, maxLabels, 1<<32 - 1} {
		for _, pair := range [][2]Label{{l, foo}, {foo, l}, {l, l}, {l, Web}, {Web, l}} {
			if d := p.Check(pair[0], pair[1], Write); d.Allowed || d.Step != StepUnknownLabel {
				t.Errorf("Check(%d, %d) = %+v", pair[0], pair[1], d)
			}
		}
		if p.Name(l) != "" {
			t.Errorf("Name(%d) = %q", l, p.Name(l))
		}
	}
}

// TestZeroDecision: what nobody filled in denies.
func TestZeroDecision(t *testing.T) {
	var d Decision
	if d.Allowed || d.Step != StepUnknownLabel || d.Log {
		t.Errorf("%+v", d)
	}
}

func TestLogging(t *testing.T) {
	for _, tt := range []struct {
		name            string
		logging         int
		denied, allowed bool
	}{
		{"none", 0, false, false},
		{"denied", LogDenied, true, false},
		{"allowed", LogAllowed, false, true},
		{"both", LogDenied | LogAllowed, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := world(t)
			if err := b.SetLogging(tt.logging); err != nil {
				t.Fatal(err)
			}
			b.Layer("l").Set(intern(t, b, "foo"), intern(t, b, "lock"), 0, 0, 1)
			p := b.Build()
			foo := label(p, "foo")
			if d := p.Check(foo, label(p, "bar"), Write); d.Log != tt.denied {
				t.Errorf("denied: log %v", d.Log)
			}
			if d := p.Check(foo, label(p, "write"), Write); d.Log != tt.allowed {
				t.Errorf("allowed: log %v", d.Log)
			}
			if d := p.Check(Unknown, foo, Write); d.Log != tt.denied {
				t.Errorf("unknown: log %v", d.Log)
			}
			if d := p.CheckLayer(1, foo, label(p, "lock"), Lock); d.Allowed || d.Log != tt.denied {
				t.Errorf("layer: %+v", d)
			}
		})
	}
	b := NewBuilder()
	for _, n := range []int{-1, 4} {
		if err := b.SetLogging(n); err == nil {
			t.Errorf("logging %d is taken", n)
		}
	}
	if p := b.Build(); !p.Check(Unknown, Unknown, Write).Log || p.Check(Huh, Star, Write).Log {
		t.Error("without a word, what is denied is logged and nothing else")
	}
}

func TestBringup(t *testing.T) {
	for _, tt := range []struct {
		name            string
		subject, object string
		want            string
		allowed         bool
		step            Step
		report          bool
	}{
		{"a rule with b", "foo", "bringup", "w", true, StepRule, true},
		{"a rule with b that lacks", "foo", "bringup", "r", false, StepRuleLacks, false},
		{"a rule without b", "foo", "write", "w", true, StepRule, false},
		{"denied to the unconfined", "foo", "bar", "w", true, StepUnconfined, true},
		{"denied by the unconfined", "bar", "foo", "w", true, StepUnconfined, true},
		{"allowed in any case", "bar", "_", "r", true, StepFloorObject, false},
		{"star to the unconfined", "*", "bar", "w", true, StepUnconfined, true},
		{"unknown to the unconfined", "nobody", "bar", "w", false, StepUnknownLabel, false},
		{"the unconfined to unknown", "bar", "nobody", "w", false, StepUnknownLabel, false},
		{"others", "foo", "empty", "w", false, StepRuleEmpty, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := world(t)
			b.EnableBringup()
			b.SetUnconfined(intern(t, b, "bar"))
			p := b.Build()
			d := p.Check(label(p, tt.subject), label(p, tt.object), access(t, tt.want))
			if d.Allowed != tt.allowed || d.Step != tt.step || d.Report != tt.report {
				t.Errorf("%+v (%v), want %v at %v, report %v", d, d.Step, tt.allowed, tt.step, tt.report)
			}
		})
	}
	b := world(t)
	b.SetUnconfined(intern(t, b, "bar"))
	p := b.Build()
	if d := p.Check(label(p, "foo"), label(p, "bar"), Write); d.Allowed {
		t.Error("the unconfined label works without bring-up")
	}
	if d := p.Check(label(p, "foo"), label(p, "bringup"), Write); !d.Allowed || d.Report {
		t.Error("mode b means something without bring-up")
	}
}

func TestStepNames(t *testing.T) {
	seen := make(map[string]bool)
	for s := range numSteps {
		name := s.String()
		if name == "" || seen[name] {
			t.Errorf("step %d has the name %q", s, name)
		}
		seen[name] = true
	}
	if got := numSteps.String(); got != "unknown" {
		t.Errorf("no step has the name %q", got)
	}
}
