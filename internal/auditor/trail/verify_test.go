package trail

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"labelgate/internal/audit"
)

func TestVerifyIntact(t *testing.T) {
	for _, format := range []audit.Format{audit.Text, audit.JSON} {
		w := newBuilder(t)
		w.format = format
		paths := w.whole()
		slices.Reverse(paths)
		report, err := Verify(paths, w.options())
		if err != nil {
			t.Fatal(err)
		}
		if report.Files != 3 || report.Lines != 27 || report.First != 1 || report.Last != 27 || report.Seals != 6 || report.Sealed != 27 || report.Unsealed != 0 {
			t.Errorf("report is %+v", report)
		}
		report, err = Verify(paths, Options{SinceSeal: true, Settled: true})
		if err != nil || report.Lines != 1 || report.First != 27 {
			t.Errorf("since the last seal: %v %+v", err, report)
		}
		o := w.options()
		o.SinceSeal = true
		if report, err = Verify(paths, o); err != nil || report.Seals != 1 {
			t.Errorf("since the last seal, with the key: %v %+v", err, report)
		}
	}
}

// What is behind the last seal is told apart.
func TestVerifyUnsealed(t *testing.T) {
	w := newBuilder(t)
	w.begin()
	w.records(2)
	w.sealed(SealInterval)
	w.records(5)
	report, err := Verify([]string{w.write("audit.log")}, w.options())
	if err != nil || report.Unsealed != 5 || report.Sealed != 4 || report.SealedAt.IsZero() {
		t.Errorf("%v %+v", err, report)
	}
}

// An auditor may be ended between making a seal and noting that.
func TestVerifySealNotNoted(t *testing.T) {
	w := newBuilder(t)
	o := w.options()
	w.begin()
	w.sealed(SealInterval)
	path := w.write("audit.log")
	if _, err := Verify([]string{path}, o); err != nil {
		t.Error(err)
	}
}

func TestVerifyProblems(t *testing.T) {
	replace := func(old, new string) func(l [][]byte) [][]byte {
		return func(l [][]byte) [][]byte {
			return bytes.SplitAfter(bytes.Replace(bytes.Join(l, nil), []byte(old), []byte(new), 1), []byte("\n"))
		}
	}
	for _, tt := range []struct {
		name string
		file int // 0..2
		edit func(l [][]byte) [][]byte
		line int
		kind string
		what string
	}{
		{"label", 1, func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte("action=denied"), []byte("action=granted"), 1)
			return l
		}, 3, Edited, "record 12 is not as it was written"},
		{"chain value", 1, func(l [][]byte) [][]byte {
			digit := &l[2][len(l[2])-2]
			*digit = '0' + (*digit+1)&1
			return l
		}, 3, Edited, "record 12 is not as it was written"},
		{"not even a record", 1, func(l [][]byte) [][]byte {
			l[2] = []byte("hello\n")
			return l
		}, 3, Edited, "no record of a trail"},
		{"line gone", 1, func(l [][]byte) [][]byte { return slices.Delete(l, 2, 4) }, 3, Deleted, "records 12 to 13 are gone"},
		{"lines changed places", 1, func(l [][]byte) [][]byte {
			l[2], l[3] = l[3], l[2]
			return l
		}, 3, Reordered, "record 13 is here and record 12 behind it"},
		{"line twice", 1, func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }, 4, Reordered, "record 12 stands behind record 12"},
		{"header gone", 0, func(l [][]byte) [][]byte { return l[1:] }, 1, Edited, "does not begin as a file of a trail"},
		{"header of the second gone", 1, func(l [][]byte) [][]byte { return l[1:] }, 1, Edited, "does not begin as a file of a trail"},
		{"empty", 1, func([][]byte) [][]byte { return nil }, 1, Truncated, "empty"},
		{"cut inside a line", 2, func(l [][]byte) [][]byte {
			l[8] = l[8][:40]
			return l
		}, 9, Truncated, "ends inside a line"},
		{"a file cut at its end", 1, func(l [][]byte) [][]byte { return l[:8] }, 1, Truncated, "the file before it does not end with the seal"},
		{"the last file cut before its seal", 2, func(l [][]byte) [][]byte { return l[:8] }, 9, Truncated, "6 seals were made, and the files end with 5"},
		{"long line", 1, replace("subject=", "subject="+strings.Repeat("A", 3*maxLine)), 2, Edited, "no record of a trail"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newBuilder(t)
			paths := w.whole()
			b, err := os.ReadFile(paths[tt.file])
			if err != nil {
				t.Fatal(err)
			}
			l := bytes.SplitAfter(b, []byte("\n"))
			if err := os.WriteFile(paths[tt.file], bytes.Join(tt.edit(l[:len(l)-1]), nil), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Verify(paths, w.options())
			var p *Problem
			if !errors.As(err, &p) {
				t.Fatalf("got %v", err)
			}
			file := tt.file
			if tt.name == "a file cut at its end" {
				file++ // seen at the beginning of the next
			}
			if p.Kind != tt.kind || !strings.Contains(p.What, tt.what) || p.Line != tt.line || p.File != paths[file] {
				t.Errorf("got %v; want %s:%d: %s: ...%s", p, paths[file], tt.line, tt.kind, tt.what)
			}
		})
	}
}

// What is wrong with the set of files.
func TestVerifyFiles(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files func(t *testing.T, p []string) []string
		kind  string
		what  string
	}{
		{"one missing", func(_ *testing.T, p []string) []string { return []string{p[0], p[2]} }, Missing, "this is file 3"},
		{"the first missing", func(_ *testing.T, p []string) []string { return p[1:] }, Missing, "no record says"},
		{"the last missing", func(_ *testing.T, p []string) []string { return p[:2] }, Truncated, "6 seals were made, and the files end with 4"},
		{"one twice", func(_ *testing.T, p []string) []string { return []string{p[0], p[1], p[1], p[2]} }, Reordered, "is also"},
		{"another name", func(t *testing.T, p []string) []string {
			other := strings.Replace(p[0], "000001", "000002", 1)
			if err := errors.Join(os.Rename(p[1], p[1]+"x"), os.Rename(p[0], other)); err != nil {
				t.Fatal(err)
			}
			return []string{other, p[1] + "x", p[2]}
		}, Reordered, "has the name of file 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newBuilder(t)
			_, err := Verify(tt.files(t, w.whole()), w.options())
			var p *Problem
			if !errors.As(err, &p) || p.Kind != tt.kind || !strings.Contains(p.What, tt.what) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Verify([]string{filepath.Join(t.TempDir(), "absent")}, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// What a key can tell, and what is told without one.
func TestVerifySeals(t *testing.T) {
	other, _ := NewKeys()
	for _, tt := range []struct {
		name  string
		build func(w *builder) ([]string, Options)
		kind  string // "" for none
		what  string
	}{
		{"no key", func(w *builder) ([]string, Options) { return w.whole(), Options{Settled: true} }, "", ""},
		{"another key", func(w *builder) ([]string, Options) {
			return w.whole(), Options{Keys: []VerifyKey{other}, Settled: true}
		}, BadSeal, "no such key was given"},
		{"a trail without a key, and a key", func(w *builder) ([]string, Options) {
			w.key = nil
			return w.whole(), Options{Keys: []VerifyKey{other}, Settled: true}
		}, BadSeal, "no seal was made with the key"},
		{"a key that came later", func(w *builder) ([]string, Options) {
			k := w.key
			w.key = nil
			w.begin()
			w.records(2)
			w.sealed(SealStop)
			w.key = k
			w.records(2)
			w.sealed(SealStop)
			return []string{w.write("audit.log")}, w.options()
		}, "", ""},
		{"a key that went", func(w *builder) ([]string, Options) {
			o := w.options()
			w.begin()
			w.sealed(SealStop)
			w.key = nil
			w.sealed(SealStop)
			o.State = nil
			return []string{w.write("audit.log")}, o
		}, BadSeal, "with none, though those before it had one"},
		{"two keys, one after the other", func(w *builder) ([]string, Options) {
			first := w.verify
			w.begin()
			w.sealed(SealStop)
			w.keys("second")
			w.records(1)
			w.sealed(SealStop)
			state, err := ReadKeyState(filepath.Join(w.dir, "second"))
			if err != nil {
				w.t.Fatal(err)
			}
			return []string{w.write("audit.log")}, Options{Keys: []VerifyKey{first, w.verify}, State: &state, Settled: true}
		}, "", ""},
		{"a seal left out", func(w *builder) ([]string, Options) {
			w.begin()
			w.sealed(SealStop)
			if err := w.key.Advance(); err != nil {
				w.t.Fatal(err)
			}
			w.sealed(SealStop)
			return []string{w.write("audit.log")}, w.options()
		}, BadSeal, "seal 2 follows seal 0"},
		{"written anew before a seal", func(w *builder) ([]string, Options) {
			w.begin()
			w.records(1)
			w.sealed(SealStop)
			lines := w.lines()
			seal, _, _ := audit.Parse(lines[2])
			// As it would be had the record never been, with the seal as it was.
			w.b, w.value, w.seq = nil, Value{}, 0
			w.file = 0
			o := w.options()
			w.key, w.seal = nil, 0
			w.begin()
			w.b, w.value = w.value.AppendLine(w.b, w.stamp(&seal), w.format)
			return []string{w.write("audit.log")}, o
		}, BadSeal, "does not fit"},
		{"half a seal", func(w *builder) ([]string, Options) {
			w.begin()
			r := audit.Record{Event: audit.EventSealed, Trail: audit.Trail{HasSeal: true, MAC: audit.MakeDigest(make([]byte, keyLength))}}
			w.line(r)
			return []string{w.write("audit.log")}, Options{Settled: true}
		}, BadSeal, "half of one"},
		{"a key file that was set back", func(w *builder) ([]string, Options) {
			o := w.options()
			k, _ := (&checker{first: w.verify}).key(6)
			k.number = 2 // with a key that is not that seal's
			o.State = &KeyState{*k}
			return w.whole(), o
		}, BadSeal, "none that this key can have become"},
		{"a key file of another trail", func(w *builder) ([]string, Options) {
			o := w.options()
			o.State = &KeyState{other.first}
			return w.whole(), o
		}, BadSeal, "which was not given"},
		{"copies of seals", func(w *builder) ([]string, Options) {
			w.key = nil
			w.begin()
			w.records(1)
			w.sealed(SealInterval)
			seal, _, _ := audit.Parse(w.lines()[2])
			return []string{w.write("audit.log")}, Options{Seals: []audit.Record{seal}, Settled: true}
		}, "", ""},
		{"copies of seals that are gone", func(w *builder) ([]string, Options) {
			w.key = nil
			w.begin()
			w.records(1)
			w.sealed(SealInterval)
			lines := w.lines()
			seal, _, _ := audit.Parse(lines[2])
			w.b = bytes.Join(lines[:2], nil)
			return []string{w.write("audit.log")}, Options{Seals: []audit.Record{seal}, Settled: true}
		}, Truncated, "there is a copy of a seal over 3 records"},
		{"copies of seals of a trail written anew", func(w *builder) ([]string, Options) {
			w.key = nil
			w.begin()
			w.records(2)
			seal := audit.Record{Event: audit.EventSealed, Seq: 2, Trail: audit.Trail{Chain: audit.MakeDigest([]byte{1})}}
			return []string{w.write("audit.log")}, Options{Seals: []audit.Record{seal}, Settled: true}
		}, BadSeal, "not as its copy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newBuilder(t)
			paths, o := tt.build(w)
			report, err := Verify(paths, o)
			var p *Problem
			switch {
			case tt.kind == "" && err != nil:
				t.Error(err)
			case tt.kind != "" && (!errors.As(err, &p) || p.Kind != tt.kind || !strings.Contains(p.What, tt.what)):
				t.Errorf("got %v", err)
			case len(o.Keys) == 0 && err == nil && len(report.Notes) == 0:
				t.Error("nothing is said of what was not checked")
			}
		})
	}
}
