package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// twin is the engine as slow and plain as can be: names and letters, a list of
// rules that is searched from one end to the other, nothing compiled. It shares
// no line with what it is compared with.
type twin struct {
	names      []string
	rules      map[string][]twinRule // by layer, "" is global
	unconfined string
	bringup    bool
}

type twinRule struct {
	subject, object, letters string
	line                     int
}

func newTwin() *twin {
	return &twin{names: []string{"?", "^", "*", "_", "@"}, rules: map[string][]twinRule{}}
}

func (w *twin) find(layer, s, o string) *twinRule {
	list := w.rules[layer]
	for i := range list {
		if list[i].subject == s && list[i].object == o {
			return &list[i]
		}
	}
	return nil
}

func (w *twin) rule(layer, s, o string) *twinRule {
	if w.find(layer, s, o) == nil {
		w.rules[layer] = append(w.rules[layer], twinRule{subject: s, object: o})
	}
	return w.find(layer, s, o)
}

func (w *twin) set(layer, s, o, letters string, line int) {
	r := w.rule(layer, s, o)
	r.letters, r.line = sorted(letters), line
}

func (w *twin) change(layer, s, o, allow, deny string, line int) {
	r := w.rule(layer, s, o)
	r.letters, r.line = without(sorted(r.letters+allow), deny), line
}

func (w *twin) revoke(layer, s string, line int) {
	for i, r := range w.rules[layer] {
		if r.subject == s && r.letters != "" {
			w.rules[layer][i].letters, w.rules[layer][i].line = "", line
		}
	}
}

// check returns the name of the step and the line of the rule that was found.
func (w *twin) check(s, o, want string) (allowed bool, step string, line int, report bool) {
	if !slices.Contains(w.names, s) || !slices.Contains(w.names, o) {
		return false, "unknown-label", 0, false
	}
	allowed, step, line = w.rulesOnly(s, o, want)
	if w.bringup && !allowed && w.unconfined != "" && (s == w.unconfined || o == w.unconfined) {
		return true, "unconfined", line, true
	}
	if r := w.find("", s, o); w.bringup && step == "rule" && strings.Contains(r.letters, "b") {
		report = true
	}
	return allowed, step, line, report
}

func (w *twin) rulesOnly(s, o, want string) (bool, string, int) {
	if s == "*" {
		return false, "star-subject", 0
	}
	if s == "@" || o == "@" {
		return true, "web", 0
	}
	if o == "*" {
		return true, "star-object", 0
	}
	if s == o {
		return true, "same-label", 0
	}
	if without(want, "rx") == "" || without(want, "l") == "" {
		if o == "_" {
			return true, "floor-object", 0
		}
		if s == "^" {
			return true, "hat-subject", 0
		}
	}
	r := w.find("", s, o)
	if r == nil {
		return false, "no-rule", 0
	}
	if r.letters == "" {
		return false, "rule-empty", r.line
	}
	if without(want, held(r.letters)) != "" {
		return false, "rule-lacks", r.line
	}
	return true, "rule", r.line
}

func (w *twin) checkLayer(layer, s, o, want string) (bool, int) {
	r := w.find(layer, s, o)
	if r == nil {
		return true, 0
	}
	return without(want, held(r.letters)) == "", r.line
}

func (w *twin) mmap(task, library string) bool {
	if !slices.Contains(w.names, task) || !slices.Contains(w.names, library) {
		return false
	}
	for _, r := range w.rules[""] {
		if r.subject != task || r.object == library || r.letters == "" {
			continue
		}
		have := w.find("", library, r.object)
		if have == nil || without(r.letters, held(have.letters)) != "" {
			return false
		}
	}
	return true
}

// held is what letters grant: with w comes l.
func held(letters string) string {
	if strings.Contains(letters, "w") {
		return letters + "l"
	}
	return letters
}

func without(letters, gone string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(gone, r) {
			return -1
		}
		return r
	}, letters)
}

// sorted lists each letter once, in the order of a listing.
func sorted(letters string) string {
	var b strings.Builder
	for _, c := range "rwxatlb" {
		if strings.ContainsRune(letters, c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// both is an engine and its twin, which are told the same.
type both struct {
	b *Builder
	w *twin
	f FileID
}

// layers are those that random policies use.
var layers = [...]string{"", "inner", "outer"}

func newBoth() *both {
	b := &both{b: NewBuilder(), w: newTwin()}
	b.f = b.b.File("file")
	b.b.Layer("inner")
	b.b.Layer("outer")
	return b
}

func (b *both) list(layer string) *LayerBuilder {
	if layer == "" {
		return &b.b.LayerBuilder
	}
	return b.b.Layer(layer)
}

func (b *both) intern(name string) Label {
	l, err := b.b.Intern(name)
	if err != nil {
		panic(err)
	}
	if !slices.Contains(b.w.names, name) {
		b.w.names = append(b.w.names, name)
	}
	return l
}

func (b *both) set(layer, s, o string, a Access, line int) {
	b.list(layer).Set(b.intern(s), b.intern(o), a, b.f, line)
	b.w.set(layer, s, o, letters(a), line)
}

func (b *both) change(layer, s, o string, allow, deny Access, line int) {
	b.list(layer).Change(b.intern(s), b.intern(o), allow, deny, b.f, line)
	b.w.change(layer, s, o, letters(allow), letters(deny), line)
}

func (b *both) revoke(layer, s string, line int) {
	b.list(layer).RevokeSubject(b.intern(s), b.f, line)
	b.w.revoke(layer, s, line)
}

// letters is what a twin calls a set of modes.
func letters(a Access) string { return strings.Trim(a.String(), "-") }

// compare asks the policy and the twin one question.
func (b *both) compare(p *Policy, s, o string, want Access) error {
	sl, ol := label(p, s), label(p, o)
	allowed, step, line, report := b.w.check(s, o, letters(want))
	if d := p.Check(sl, ol, want); d.Allowed != allowed || d.Step.String() != step || lineOf(p, d) != line || d.Report != report {
		return fmt.Errorf("%s %s %v: %v at %v of line %d, report %v; the twin says %v at %s of line %d, report %v",
			s, o, want, d.Allowed, d.Step, lineOf(p, d), d.Report, allowed, step, line, report)
	}
	for _, name := range layers[1:] {
		id, _ := p.Layer(name)
		allowed, line := b.w.checkLayer(name, s, o, letters(want))
		if d := p.CheckLayer(id, sl, ol, want); d.Allowed != allowed || lineOf(p, d) != line {
			return fmt.Errorf("%s %s %v: layer %s: %v of line %d; the twin says %v of line %d", s, o, want, name, d.Allowed, lineOf(p, d), allowed, line)
		}
	}
	if got, missing := p.MmapContained(sl, ol); got != b.w.mmap(s, o) || got && missing != NoRule {
		return fmt.Errorf("mmap of %s by %s: %v, %v", o, s, got, missing)
	}
	return nil
}

func lineOf(p *Policy, d Decision) int {
	if d.Rule == NoRule {
		return 0
	}
	return p.Rule(d.Rule).Origin.Line
}

// TestTwin compares random policies, small enough for a matrix and too large for
// one, with the twin.
func TestTwin(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		labels, lines, policies int
	}{
		{"few labels", 6, 60, 60},
		{"some labels", 40, 600, 6},
		{"too many for a matrix", matrixLabels + 1, 1500, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range tt.policies {
				r := rand.New(rand.NewPCG(1, uint64(seed)))
				names := []string{"?", "^", "*", "_", "@"}
				for i := range tt.labels {
					names = append(names, fmt.Sprintf("L%d", i))
				}
				b := newBoth()
				for _, name := range names {
					b.intern(name)
				}
				b.randomRules(r, names, tt.lines)
				p := b.b.Build()
				if (p.matrix == nil) != (tt.labels > matrixLabels) {
					t.Fatal("the test does not test what it says")
				}
				names = append(names, "nobody")
				for range 4000 {
					if err := b.compare(p, pick(r, names), pick(r, names), Access(r.UintN(128))); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
				for _, known := range b.w.rules[""] { // pairs that have a rule
					if err := b.compare(p, known.subject, known.object, Access(r.UintN(128))); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			}
		})
	}
}

func pick(r *rand.Rand, names []string) string { return names[r.IntN(len(names))] }

func (b *both) randomRules(r *rand.Rand, names []string, lines int) {
	if r.IntN(2) == 0 {
		b.b.EnableBringup()
		b.b.SetUnconfined(b.intern(names[len(names)-1]))
		b.w.bringup, b.w.unconfined = true, names[len(names)-1]
	}
	for line := 1; line <= lines; line++ {
		layer, s, o := layers[r.IntN(len(layers))], pick(r, names), pick(r, names)
		if r.IntN(2) == 0 {
			layer = ""
		}
		switch r.IntN(10) {
		case 0:
			b.revoke(layer, s, line)
		case 1, 2, 3:
			b.change(layer, s, o, Access(r.UintN(128)), Access(r.UintN(128)), line)
		default:
			b.set(layer, s, o, Access(r.UintN(128)), line)
		}
	}
}
