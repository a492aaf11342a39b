package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVerbs: what sequences of lines leave behind. (Smack documentation, "load2",
// "change-rule", "revoke-subject".)
func TestVerbs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string // "set S O modes", "change S O allow deny", "revoke S"
		want  []string // "S O modes line"
	}{
		{"set", []string{"set S O rw"}, []string{"S O rw 1"}},
		{"set replaces", []string{"set S O rwx", "set S O a"}, []string{"S O a 2"}},
		{"set to nothing stays", []string{"set S O r", "set S O -"}, []string{"S O - 2"}},
		{"set implies nothing that is listed", []string{"set S O w"}, []string{"S O w 1"}},
		{"change makes a rule", []string{"change S O rw w"}, []string{"S O r 1"}},
		{"change of nothing makes an empty one", []string{"change S O - r"}, []string{"S O - 1"}},
		{"change adds and takes", []string{"set S O rx", "change S O w x"}, []string{"S O rw 2"}},
		{"deny wins over allow", []string{"set S O r", "change S O r r"}, []string{"S O - 2"}},
		{"lock cannot be taken from write", []string{"set S O w", "change S O - l"}, []string{"S O w 2"}},
		{"revoke", []string{"set S O rw", "set S P x", "set T O r", "revoke S"}, []string{"S O - 4", "S P - 4", "T O r 3"}},
		{"revoke is not for later rules", []string{"revoke S", "set S O r"}, []string{"S O r 2"}},
		{"revoke leaves empty rules their line", []string{"set S O -", "revoke S"}, []string{"S O - 1"}},
		{"revoke leaves the object alone", []string{"set S O r", "revoke O"}, []string{"S O r 1"}},
		{"revoke twice", []string{"set S O r", "revoke S", "change S O w -", "revoke S"}, []string{"S O - 4"}},
		{"each direction is its own", []string{"set S O r", "set O S w"}, []string{"S O r 1", "O S w 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBuilder()
			f := b.File("f")
			for i, line := range tt.lines {
				obey(t, b, f, i+1, line)
			}
			p := b.Build()
			var got []string
			for r := range p.Rules() {
				got = append(got, fmt.Sprintf("%s %s %v %d", p.Name(r.Subject), p.Name(r.Object), r.Access, r.Origin.Line))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func obey(t *testing.T, b *Builder, f FileID, at int, line string) {
	t.Helper()
	var verb, s, o, allow, deny string
	n, _ := fmt.Sscan(line, &verb, &s, &o, &allow, &deny)
	switch {
	case verb == "set" && n == 4:
		b.Set(intern(t, b, s), intern(t, b, o), access(t, allow), f, at)
	case verb == "change" && n == 5:
		b.Change(intern(t, b, s), intern(t, b, o), access(t, allow), access(t, deny), f, at)
	case verb == "revoke" && n == 2:
		b.RevokeSubject(intern(t, b, s), f, at)
	default:
		t.Fatalf("line %q", line)
	}
}

func TestIntern(t *testing.T) {
	b := NewBuilder()
	one, err := b.Intern("One")
	if err != nil || one != FirstLabel {
		t.Fatalf("%d, %v", one, err)
	}
	name := []byte("One")
	if l, err := b.InternBytes(name); err != nil || l != one {
		t.Errorf("the same name again: %d, %v", l, err)
	}
	name[0] = 'T'
	if two, err := b.InternBytes(name); err != nil || two != one+1 {
		t.Errorf("another name: %d, %v", two, err)
	}
	name[0] = '?'
	if got := b.Name(one + 1); got != "Tne" {
		t.Errorf("the Builder kept the bytes: %q", got)
	}
	if l, err := b.Intern("a/b"); err == nil || l != Unknown {
		t.Errorf("a/b: %d, %v", l, err)
	}
	if got := b.Build().Labels(); got != int(FirstLabel)+2 {
		t.Errorf("%d labels: something was added that should not have been", got)
	}
}

func TestOrigin(t *testing.T) {
	b := NewBuilder()
	s, o := intern(t, b, "S"), intern(t, b, "O")
	first, second := b.File("accesses.d/10-base"), b.File("accesses.d/20-site")
	if b.File("accesses.d/10-base") != first || first == second {
		t.Error("files are mixed up")
	}
	b.Set(s, o, Read, first, 7)
	b.Set(s, o, Write, second, 3_000_000)
	p := b.Build()
	if got := p.Rule(p.Check(s, o, Write).Rule).Origin.String(); got != "accesses.d/20-site:3000000" {
		t.Error(got)
	}
}

// TestManyFiles: a policy in too many files still has all its rules.
func TestManyFiles(t *testing.T) {
	b := NewBuilder()
	s := intern(t, b, "S")
	var last FileID
	for i := range maxFiles + 10 {
		last = b.File(fmt.Sprintf("f%d", i))
	}
	b.Set(s, Floor, Write, last, 1)
	b.Set(s, Huh, Write, b.File("f65534"), 2)
	p := b.Build()
	for r := range p.Rules() {
		if want := map[int]string{1: "(a file after the 65535th):1", 2: "f65534:2"}[r.Origin.Line]; r.Origin.String() != want {
			t.Errorf("%v, want %s", r.Origin, want)
		}
	}
}

// TestMisuse: mistakes of a caller are loud, and none of them makes a rule.
func TestMisuse(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*Builder)
	}{
		{"rule of nobody", func(b *Builder) { b.Set(Unknown, Star, Read, 0, 1) }},
		{"rule about nobody", func(b *Builder) { b.Change(Star, Unknown, Read, 0, 0, 1) }},
		{"foreign subject", func(b *Builder) { b.Set(99, Star, Read, 0, 1) }},
		{"foreign object", func(b *Builder) { b.Set(Star, 99, Read, 0, 1) }},
		{"revoke nobody", func(b *Builder) { b.RevokeSubject(Unknown, 0, 1) }},
		{"too many layers", func(b *Builder) {
			for i := range maxLayers + 1 {
				b.Layer(fmt.Sprint(i))
			}
		}},
		{"build twice", func(b *Builder) { b.Build(); b.Build() }},
		{"intern after build", func(b *Builder) { b.Build(); _, _ = b.Intern("new") }},
		{"rule after build", func(b *Builder) { b.Set(Hat, Floor, Read, 0, 1); b.Build(); b.Set(Hat, Floor, Write, 0, 1) }},
		{"file after build", func(b *Builder) { b.Build(); b.File("new") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBuilder()
			defer func() {
				if recover() == nil {
					t.Error("nothing happened")
				}
			}()
			tt.do(b)
		})
	}
}

// TestRulesStops: leaving the loop early leaves it.
func TestRulesStops(t *testing.T) {
	p := world(t).Build()
	n := 0
	for range p.Rules() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 || len(slices.Collect(p.Rules())) != 13 {
		t.Errorf("%d", n)
	}
}
