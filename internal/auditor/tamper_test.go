package auditor

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
	"labelgate/test/long"
)

// forger changes a trail.
type forger struct {
	*rand.Rand
	t     *testing.T
	dir   string
	names []string            // of the files, the oldest first
	whole map[string][]byte   // as they were written
	lines map[string][][]byte // the same
}

func newForger(t *testing.T, r *rig, random *rand.Rand) *forger {
	// In memory where that can be: some file systems sync what replaces a file.
	dir, err := os.MkdirTemp("/dev/shm", "labelgate")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &forger{Rand: random, t: t, dir: dir, whole: map[string][]byte{}, lines: map[string][][]byte{}}
	files := r.files()
	slices.Sort(files)
	files = append(files[1:], files[0]) // audit.log is the newest
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		f.names = append(f.names, name)
		f.whole[name] = b
		f.lines[name] = bytes.SplitAfter(b, []byte("\n"))
		f.lines[name] = f.lines[name][:len(f.lines[name])-1]
	}
	return f
}

func (f *forger) any() string { return f.names[f.IntN(len(f.names))] }

// put writes the files: those that were changed as they are now, the others as
// they were. A file that is nil is not there.
func (f *forger) put(changed map[string][]byte) []string {
	var paths []string
	for _, name := range f.names {
		path := filepath.Join(f.dir, name)
		b, ok := changed[name]
		switch {
		case ok && b == nil:
			os.Remove(path)
			continue
		case !ok:
			b = f.whole[name]
		}
		if was, err := os.ReadFile(path); err != nil || !bytes.Equal(was, b) {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				f.t.Fatal(err)
			}
		}
		paths = append(paths, path)
	}
	return paths
}

// A forgery changes one or more files. It returns the same bytes when there was
// nothing to change.
type forgery struct {
	name  string
	forge func(f *forger) map[string][]byte
}

func join(lines [][]byte) []byte { return bytes.Join(lines, nil) }

// onLines changes the lines of a file.
func onLines(change func(f *forger, lines [][]byte) [][]byte) func(f *forger) map[string][]byte {
	return func(f *forger) map[string][]byte {
		name := f.any()
		return map[string][]byte{name: join(change(f, slices.Clone(f.lines[name])))}
	}
}

// onBytes changes the bytes of a file.
func onBytes(change func(f *forger, b []byte) []byte) func(f *forger) map[string][]byte {
	return func(f *forger) map[string][]byte {
		name := f.any()
		return map[string][]byte{name: change(f, bytes.Clone(f.whole[name]))}
	}
}

var forgeries = []forgery{
	{"a bit", onBytes(func(f *forger, b []byte) []byte {
		b[f.IntN(len(b))] ^= 1 << f.IntN(8)
		return b
	})},
	{"a byte", onBytes(func(f *forger, b []byte) []byte {
		b[f.IntN(len(b))] = byte(f.IntN(256))
		return b
	})},
	{"bytes gone", onBytes(func(f *forger, b []byte) []byte {
		i := f.IntN(len(b))
		return slices.Delete(b, i, min(len(b), i+1+f.IntN(20)))
	})},
	{"bytes more", onBytes(func(f *forger, b []byte) []byte {
		return slices.Insert(b, f.IntN(len(b)+1), []byte("denied \n\x00x")[:1+f.IntN(9)]...)
	})},
	{"a digit", onBytes(func(f *forger, b []byte) []byte {
		for {
			if i := f.IntN(len(b)); b[i] >= '0' && b[i] <= '9' {
				b[i] = '0' + (b[i]-'0'+1+byte(f.IntN(9)))%10
				return b
			}
		}
	})},
	{"a line gone", onLines(func(f *forger, l [][]byte) [][]byte {
		i := f.IntN(len(l))
		return slices.Delete(l, i, i+1)
	})},
	{"lines gone", onLines(func(f *forger, l [][]byte) [][]byte {
		i := f.IntN(len(l))
		return slices.Delete(l, i, i+1+f.IntN(len(l)-i))
	})},
	{"two lines changed places", onLines(func(f *forger, l [][]byte) [][]byte {
		i, j := f.IntN(len(l)), f.IntN(len(l))
		l[i], l[j] = l[j], l[i]
		return l
	})},
	{"a line moved", onLines(func(f *forger, l [][]byte) [][]byte {
		i := f.IntN(len(l))
		moved := l[i]
		l = slices.Delete(l, i, i+1)
		return slices.Insert(l, f.IntN(len(l)+1), moved)
	})},
	{"a line twice", onLines(func(f *forger, l [][]byte) [][]byte {
		return slices.Insert(l, f.IntN(len(l)+1), l[f.IntN(len(l))])
	})},
	{"a line of another file", func(f *forger) map[string][]byte {
		from, to := f.any(), f.any()
		l := slices.Clone(f.lines[to])
		l[f.IntN(len(l))] = f.lines[from][f.IntN(len(f.lines[from]))]
		return map[string][]byte{to: join(l)}
	}},
	{"a line of another time", onLines(func(f *forger, l [][]byte) [][]byte {
		r := record(f.IntN(1000))
		r.Seq = uint64(f.IntN(300))
		line, _ := trail.Value{}.AppendLine(nil, r, audit.Format(f.IntN(2)))
		return slices.Insert(l, f.IntN(len(l)+1), line)
	})},
	{"cut", onBytes(func(f *forger, b []byte) []byte { return b[:f.IntN(len(b))] })},
	{"cut between lines", onLines(func(f *forger, l [][]byte) [][]byte { return l[:f.IntN(len(l))] })},
	{"beginning gone", onLines(func(f *forger, l [][]byte) [][]byte { return l[1+f.IntN(len(l)-1):] })},
	{"a file gone", func(f *forger) map[string][]byte { return map[string][]byte{f.any(): nil} }},
	{"files changed places", func(f *forger) map[string][]byte {
		a, b := f.any(), f.any()
		if f.IntN(2) == 0 {
			return map[string][]byte{a: f.whole[b]} // or one is there twice
		}
		return map[string][]byte{a: f.whole[b], b: f.whole[a]}
	}},
	{"last files gone", func(f *forger) map[string][]byte {
		changed := map[string][]byte{}
		for _, name := range f.names[1+f.IntN(len(f.names)-1):] {
			changed[name] = nil
		}
		return changed
	}},
	{"chain made anew over a change", func(f *forger) map[string][]byte {
		return f.rechain(func(r *audit.Record) { r.Subject += "x" }, nil)
	}},
	{"chain and numbers made anew over a gap", func(f *forger) map[string][]byte {
		return f.rechain(nil, func(all []*audit.Record, i int) []*audit.Record { return slices.Delete(all, i, i+1) })
	}},
	{"chain and numbers made anew over an insertion", func(f *forger) map[string][]byte {
		return f.rechain(nil, func(all []*audit.Record, i int) []*audit.Record { return slices.Insert(all, i, record(i)) })
	}},
	{"end cut and the chain closed by a seal without a key", func(f *forger) map[string][]byte {
		return f.rechain(nil, func(all []*audit.Record, i int) []*audit.Record {
			return append(all[:i], &audit.Record{Event: audit.EventSealed, Reason: trail.SealStop})
		})
	}},
}

// rechain does what only somebody can who knows how trails are made: it changes a
// record of a file, by one of two functions, and makes the chain anew from there
// on, through all files behind. The seals it leaves: it has no key.
func (f *forger) rechain(change func(*audit.Record), edit func([]*audit.Record, int) []*audit.Record) map[string][]byte {
	changed := map[string][]byte{}
	at := f.IntN(len(f.names))
	for len(f.lines[f.names[at]]) < 4 {
		at = f.IntN(len(f.names))
	}
	var value trail.Value
	var seq uint64
	for i, name := range f.names {
		var all []*audit.Record
		var format audit.Format
		for _, line := range f.lines[name] {
			r, form, err := audit.Parse(line)
			if err != nil {
				f.t.Fatal(err)
			}
			format = form
			all = append(all, &r)
		}
		if i == at {
			// Not the seal at the end: the tail behind the last seal is nobody's.
			which := 1 + f.IntN(len(all)-2)
			if change != nil {
				change(all[which])
			} else {
				all = edit(all, which)
			}
		}
		if i < at {
			last := all[len(all)-1]
			value, seq = trail.Value(last.Chain.Bytes()), last.Seq
			continue
		}
		var b []byte
		for _, r := range all {
			seq++
			r.Seq = seq
			if r.Event == audit.EventRotated {
				r.Prev = value.Digest()
			}
			b, value = value.AppendLine(b, r, format)
		}
		changed[name] = b
	}
	return changed
}

// Whatever is changed in the files of a trail is found.
func TestTampering(t *testing.T) {
	for _, format := range []audit.Format{audit.Text, audit.JSON} {
		t.Run(map[audit.Format]string{audit.Text: "text", audit.JSON: "json"}[format], func(t *testing.T) {
			r := newRig(t)
			r.config.Format, r.config.RotateSize, r.config.SealRecords = format, 6<<10, 7
			r.start()
			r.hand(0, 80, 5)
			r.mustStop()
			r.complete(r.records(), 80)
			f := newForger(t, r, rand.New(rand.NewPCG(21, long.Seed(t, 21))))
			state, err := trail.ReadKeyState(r.config.KeyFile)
			if err != nil {
				t.Fatal(err)
			}
			o := trail.Options{Keys: []trail.VerifyKey{r.verifyKey}, State: &state, Settled: true}
			if _, err := trail.Verify(f.put(nil), o); err != nil {
				t.Fatal(err)
			}
			n := long.Count(5000, 200000)
			undetected, tried := 0, 0
			kinds := map[string]int{}
			for tried < n {
				forged := forgeries[tried%len(forgeries)]
				changed := forged.forge(f)
				if f.untouched(changed) {
					continue
				}
				tried++
				paths := f.put(changed)
				if len(paths) == 0 {
					continue // nothing is left to look at
				}
				_, err := trail.Verify(paths, o)
				var problem *trail.Problem
				switch {
				case err == nil:
					undetected++
					t.Errorf("not detected: %s", forged.name)
				case !errors.As(err, &problem):
					t.Fatalf("%s: %v", forged.name, err)
				case problem.File == "" || problem.Line < 1 || problem.What == "":
					t.Fatalf("%s: %+v", forged.name, problem)
				default:
					kinds[problem.Kind]++
				}
			}
			t.Logf("%d files, %d seals, %d forgeries of %d sorts; found as %v", len(f.names), f.seals(), tried, len(forgeries), kinds)
			name := fmt.Sprintf("tampering/%s", map[audit.Format]string{audit.Text: "text", audit.JSON: "json"}[format])
			long.Report(t, figure(name, tried, "forgeries").AtLeast(5000), figure(name+"/undetected", undetected, "forgeries").AtMost(0))
			for _, kind := range []string{trail.Edited, trail.Deleted, trail.Reordered, trail.Truncated, trail.Missing, trail.BadSeal} {
				if kinds[kind] == 0 {
					t.Errorf("nothing was found to be %q", kind)
				}
			}
		})
	}
}

func (f *forger) untouched(changed map[string][]byte) bool {
	for name, b := range changed {
		if b == nil || !bytes.Equal(b, f.whole[name]) {
			return false
		}
	}
	return true
}

func (f *forger) seals() (n int) {
	for _, b := range f.whole {
		n += bytes.Count(b, []byte("mac"))
	}
	return n
}
