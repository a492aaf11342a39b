package engine

import "testing"

func TestNewObject(t *testing.T) {
	b := NewBuilder()
	for _, r := range [][3]string{{"task", "dir", "rwxat"}, {"task", "plain", "rwxal"}, {"own", "own", "t"}, {"*", "dir", "t"}} {
		b.Set(intern(t, b, r[0]), intern(t, b, r[1]), access(t, r[2]), 0, 1)
	}
	p := b.Build()
	for _, tt := range []struct {
		name        string
		task, dir   string
		transmuting bool
		want        string
		inherited   bool
	}{
		{"transmuting and t", "task", "dir", true, "dir", true},
		{"not transmuting", "task", "dir", false, "task", false},
		{"no t", "task", "plain", true, "task", false},
		{"no rule", "task", "own", true, "task", false},
		{"the web label brings no t", "@", "dir", true, "@", false},
		{"an object of all brings no t", "task", "*", true, "task", false},
		{"own label without a rule", "task", "task", true, "task", false},
		{"own label with a rule", "own", "own", true, "own", true},
		{"the rule alone decides", "*", "dir", true, "dir", true},
		{"unknown directory", "task", "nobody", true, "task", false},
		{"unknown task", "nobody", "dir", true, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, inherited := p.NewObject(label(p, tt.task), Directory{Label: label(p, tt.dir), Transmuting: tt.transmuting})
			if p.Name(l) != tt.want || inherited != tt.inherited {
				t.Errorf("%q, %v, want %q, %v", p.Name(l), inherited, tt.want, tt.inherited)
			}
		})
	}
	if l, inherited := p.NewObject(1<<30, Directory{Label: label(p, "dir"), Transmuting: true}); l != 1<<30 || inherited {
		t.Errorf("foreign task: %d, %v", l, inherited)
	}
}

func TestMmapContained(t *testing.T) {
	b := NewBuilder()
	f := b.File("rules")
	for i, r := range [][3]string{
		{"task", "data", "rw"}, {"task", "lib", "rwxatl"}, {"task", "off", "-"}, {"task", "log", "a"},
		{"equal", "data", "rw"}, {"equal", "log", "a"},
		{"more", "data", "rwxatl"}, {"more", "log", "ral"}, {"more", "else", "r"},
		{"less", "data", "r"}, {"less", "log", "a"},
		{"part", "data", "rw"},
		{"locks", "data", "l"}, {"writes", "data", "w"},
	} {
		b.Set(intern(t, b, r[0]), intern(t, b, r[1]), access(t, r[2]), f, i+1)
	}
	intern(t, b, "none")
	intern(t, b, "lib")
	p := b.Build()
	for _, tt := range []struct {
		name          string
		task, library string
		contained     bool
		line          int // of the rule that the library lacks
	}{
		{"the same label", "task", "task", true, 0},
		{"the same rules", "task", "equal", false, 2}, // lib itself is held only by lib
		{"no rules for the library", "task", "lib", false, 1},
		{"the library holds less", "equal", "less", false, 5},
		{"the library holds more", "equal", "more", true, 0},
		{"the library holds one of two", "equal", "part", false, 6},
		{"a task without rules", "none", "lib", true, 0},
		{"the way back", "more", "equal", false, 7},
		{"write grants the lock", "locks", "writes", true, 0},
		{"lock does not grant the write", "writes", "locks", false, 14},
		{"reserved labels count by their rules only", "equal", "^", false, 5},
		{"unknown library", "none", "nobody", false, 0},
		{"unknown task", "nobody", "lib", false, 0},
		{"unknown both", "nobody", "nobody", false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			contained, missing := p.MmapContained(label(p, tt.task), label(p, tt.library))
			line := 0
			if missing != NoRule {
				line = p.Rule(missing).Origin.Line
			}
			if contained != tt.contained || line != tt.line {
				t.Errorf("%v, rule of line %d, want %v, %d", contained, line, tt.contained, tt.line)
			}
		})
	}
}

// TestCheckTrace: the tracer is the subject, and both rights are needed.
func TestCheckTrace(t *testing.T) {
	b := NewBuilder()
	for _, r := range [][3]string{{"gdb", "app", "rw"}, {"ps", "app", "r"}, {"pen", "app", "w"}} {
		b.Set(intern(t, b, r[0]), intern(t, b, r[1]), access(t, r[2]), 0, 1)
	}
	p := b.Build()
	for _, tt := range []struct {
		name           string
		tracer, traced string
		want           Tracing
		allowed        bool
	}{
		{"attach with rw", "gdb", "app", TraceAttach, true},
		{"look with rw", "gdb", "app", TraceRead, true},
		{"attach with r", "ps", "app", TraceAttach, false},
		{"look with r", "ps", "app", TraceRead, true},
		{"attach with w", "pen", "app", TraceAttach, false},
		{"look with w", "pen", "app", TraceRead, false},
		{"the other direction", "app", "gdb", TraceRead, false},
		{"oneself", "app", "app", TraceAttach, true},
		{"hat looks", "^", "app", TraceRead, true},
		{"hat does not attach", "^", "app", TraceAttach, false},
		{"star does nothing", "*", "app", TraceRead, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := p.CheckTrace(label(p, tt.tracer), label(p, tt.traced), tt.want); d.Allowed != tt.allowed {
				t.Errorf("%+v", d)
			}
		})
	}
}
