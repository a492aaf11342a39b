package trail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"labelgate/internal/audit"
)

// builder writes a trail as an auditor would.
type builder struct {
	t      *testing.T
	dir    string
	key    *KeyFile
	verify VerifyKey
	format audit.Format
	value  Value
	seq    uint64
	file   uint64
	seal   uint64
	b      []byte
}

func newBuilder(t *testing.T) *builder {
	w := &builder{t: t, dir: t.TempDir()}
	w.keys("key")
	return w
}

// keys makes a new key and seals with it.
func (w *builder) keys(name string) {
	k, content := NewKeys()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	f, err := OpenKeyFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	w.key, w.verify = f, k
}

func (w *builder) stamp(r *audit.Record) *audit.Record {
	w.seq++
	r.Seq, r.Mono, r.Time = w.seq, w.seq, time.UnixMilli(1700000000000+int64(w.seq)).UTC()
	return r
}

func (w *builder) line(r audit.Record) { w.b, w.value = w.value.AppendLine(w.b, w.stamp(&r), w.format) }

func (w *builder) begin() {
	w.file++
	r := audit.Record{Event: audit.EventRotated, Reason: FileSize, Trail: audit.Trail{File: w.file, Prev: w.value.Digest(), HasSeal: true, Seal: w.seal}}
	if w.key != nil {
		r.Key, r.Seal = w.key.ID(), w.key.Number()
	}
	w.line(r)
}

func (w *builder) records(n int) {
	for range n {
		w.line(audit.Record{Event: audit.EventDecision, Action: audit.Denied, Subject: "Pop sealed rotated"})
	}
}

func (w *builder) sealed(reason string) {
	r := w.stamp(&audit.Record{Reason: reason})
	w.b, w.value = w.value.AppendSeal(w.b, r, w.format, w.key, w.seal)
	w.seal = r.Seal + 1
	if w.key != nil {
		if err := w.key.Advance(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// lines returns the lines of the file that is being built.
func (w *builder) lines() [][]byte {
	l := bytes.SplitAfter(w.b, []byte("\n"))
	return l[:len(l)-1]
}

// write writes the file and goes on with the next.
func (w *builder) write(name string) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, w.b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.b = nil
	return path
}

func (w *builder) options() Options {
	o := Options{Settled: true}
	if w.key != nil {
		state, err := ReadKeyState(filepath.Join(w.dir, "key"))
		if err != nil {
			w.t.Fatal(err)
		}
		o.Keys, o.State = []VerifyKey{w.verify}, &state
	}
	return o
}

// whole builds three files with two seals each.
func (w *builder) whole() []string {
	var paths []string
	for i := range 3 {
		w.begin()
		w.records(3)
		w.sealed(SealInterval)
		w.records(3)
		name := fmt.Sprintf("audit.log.%06d", i+1)
		if i == 2 {
			name = "audit.log"
			w.sealed(SealStop)
		} else {
			w.sealed(SealRotated)
		}
		paths = append(paths, w.write(name))
	}
	return paths
}
