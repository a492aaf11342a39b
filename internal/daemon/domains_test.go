package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"labelgate/cipso"
	"labelgate/internal/control"
	"labelgate/internal/kerneldoi"
)

// fakeRegistrar is a kernel's list that the test refuses.
type fakeRegistrar struct {
	added    []cipso.DOI
	foreign  []kerneldoi.Definition
	err      error
	released int
}

func (f *fakeRegistrar) Update(want []cipso.DOI) error {
	if f.err == nil {
		f.added = slices.Clone(want)
	}
	return f.err
}

func (f *fakeRegistrar) Release() error {
	f.released++
	return f.err
}

func (f *fakeRegistrar) Added() []cipso.DOI              { return f.added }
func (f *fakeRegistrar) Foreign() []kerneldoi.Definition { return f.foreign }

// TestRegister: what is logged, and that it is logged once. Each case is done
// twice.
func TestRegister(t *testing.T) {
	pass1 := kerneldoi.Definition{Number: 3, Type: kerneldoi.Pass, Tags: []cipso.TagType{1}}
	trans := kerneldoi.Definition{Number: 16, Type: kerneldoi.Trans, Tags: []cipso.TagType{1}}
	other := kerneldoi.Definition{Number: 99, Type: kerneldoi.Trans, Tags: []cipso.TagType{1}}
	for _, tt := range []struct {
		name     string
		settings string
		kernel   fakeRegistrar
		added    string
		log      []string // parts of its lines; none means silence
	}{
		{"by default", settings, fakeRegistrar{}, "[3 16]", []string{`level=INFO msg="the kernel's domains of interpretation are updated" registered="[3 16]"`}},
		{"register", `kernel-doi = "register"` + settings, fakeRegistrar{}, "[3 16]", []string{`registered="[3 16]"`}},
		{"leave", `kernel-doi = "leave"` + settings, fakeRegistrar{}, "[]", nil},
		{"elsewhere", settings, fakeRegistrar{err: fmt.Errorf("x: %w", kerneldoi.ErrElsewhere)}, "[]", []string{"level=INFO msg=\"the kernel is not told of"}},
		{"no NetLabel", settings, fakeRegistrar{err: kerneldoi.ErrNoNetLabel}, "[]", []string{"level=INFO msg=\"the kernel is not told of"}},
		{"not allowed", settings, fakeRegistrar{err: kerneldoi.ErrPermission}, "[]", []string{"level=WARN msg=\"the kernel's domains"}},
		{"others that do", settings, fakeRegistrar{added: []cipso.DOI{3, 16}, foreign: []kerneldoi.Definition{pass1, other}}, "[3 16]", nil},
		{
			"another that does not", settings, fakeRegistrar{added: []cipso.DOI{3, 16}, foreign: []kerneldoi.Definition{pass1, trans}}, "[3 16]",
			[]string{`level=WARN msg="the kernel has another definition`, `kernel="DOI 16 (trans, tags 1)" wanted="DOI 16 (pass, tags 1)"`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, log, _, _ := newDaemon(t, write(t, tt.settings, rules, hosts))
			d.domains.registrar = &tt.kernel
			for range 2 {
				d.register(d.config)
			}
			if got := fmt.Sprint(tt.kernel.added); got != tt.added {
				t.Errorf("registered %s, want %s", got, tt.added)
			}
			said := log.String()
			if lines := strings.Count(said, "\n"); lines > 1 || lines == 0 && len(tt.log) > 0 || lines > 0 && len(tt.log) == 0 {
				t.Errorf("%d lines", lines)
			}
			for _, part := range tt.log {
				if !strings.Contains(said, part) {
					t.Errorf("no %q in\n%s", part, said)
				}
			}
		})
	}
}

// TestShowDomains: the judge's rows are completed by what is known of the kernel.
func TestShowDomains(t *testing.T) {
	pass1 := kerneldoi.Definition{Number: 16, Type: kerneldoi.Pass, Tags: []cipso.TagType{1}}
	for _, tt := range []struct {
		name     string
		settings string
		kernel   fakeRegistrar
		words    string
	}{
		{"registered", settings, fakeRegistrar{}, "3 registered, 16 registered"},
		{"left alone", `kernel-doi = "leave"` + settings, fakeRegistrar{foreign: []kerneldoi.Definition{pass1}}, "3 left, 16 left"},
		{"somebody else's", settings, fakeRegistrar{err: kerneldoi.ErrPermission, foreign: []kerneldoi.Definition{pass1}}, "3 absent, 16 foreign"},
		{"elsewhere", settings, fakeRegistrar{err: fmt.Errorf("x: %w", kerneldoi.ErrElsewhere)}, "3 unknown, 16 unknown"},
		{"no NetLabel", settings, fakeRegistrar{err: kerneldoi.ErrNoNetLabel}, "3 absent, 16 absent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _, _, _ := newDaemon(t, write(t, tt.settings, rules, hosts))
			d.domains.registrar = &tt.kernel
			d.register(d.config)
			var words []string
			args := control.Args{Limit: 1}
			for len(words) < 5 {
				r, err := d.bench.Table(control.Request{Verb: control.VerbDomains, Args: args})
				if err == nil {
					r, err = d.inKernel(r)
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range r.Result.([]control.Domain) {
					words = append(words, fmt.Sprint(row.Number, " ", row.Kernel))
				}
				if args.Cursor = r.Next; r.Next == "" {
					break
				}
			}
			if got := strings.Join(words, ", "); got != tt.words {
				t.Errorf("%s, want %s", got, tt.words)
			}
		})
	}
}

// TestRegisterAgain: what went away and comes back is news again.
func TestRegisterAgain(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	f := &fakeRegistrar{added: []cipso.DOI{3, 16}}
	d.domains.registrar = f
	for _, err := range []error{kerneldoi.ErrPermission, nil, kerneldoi.ErrPermission} {
		f.err = err
		d.register(d.config)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 2 {
		t.Errorf("said %d times, want 2:\n%s", got, log)
	}
}

// TestReloadRegisters: the kernel follows a reload that is taken, and no other.
func TestReloadRegisters(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, log, _, _ := newDaemon(t, path)
	f := d.domains.registrar.(*fakeRegistrar)
	replace(t, path, "[self]", "[[doi]]\nnumber = 5\n[self]")
	d.reload()
	if !slices.Equal(f.added, []cipso.DOI{5, 3, 16}) {
		t.Errorf("%v\n%s", f.added, log)
	}
	replace(t, path, "number = 5", "number = 0")
	d.reload()
	if !slices.Equal(f.added, []cipso.DOI{5, 3, 16}) {
		t.Errorf("a reload that was refused: %v\n%s", f.added, log)
	}
	replace(t, path, "number = 0", "number = 6")
	replace(t, path, "policy =", "kernel-doi = \"leave\"\npolicy =")
	d.reload()
	if len(f.added) != 0 {
		t.Errorf("leave: %v\n%s", f.added, log)
	}
}

// TestUnregister: what stays is said.
func TestUnregister(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	f := d.domains.registrar.(*fakeRegistrar)
	d.unregister()
	if f.released != 1 || log.String() != "" {
		t.Errorf("released %d times\n%s", f.released, log)
	}
	f.err = errors.New("DOI 3 stays")
	d.unregister()
	if !strings.Contains(log.String(), `error="DOI 3 stays"`) {
		t.Errorf("%s", log)
	}
}
