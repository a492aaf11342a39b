package trail

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"labelgate/internal/audit"
)

// FuzzVerify holds that no content of a file is taken for an intact trail but the
// one that was written.
func FuzzVerify(f *testing.F) {
	var good [][]byte
	for _, format := range []audit.Format{audit.Text, audit.JSON} {
		w := &builder{dir: f.TempDir(), format: format}
		k, content := NewKeys()
		at, err := parseKey(content)
		if err != nil {
			f.Fatal(err)
		}
		w.key, w.verify = &KeyFile{key: at}, k
		w.begin()
		w.records(2)
		r := w.stamp(&audit.Record{Reason: SealStop})
		w.b, _ = w.value.AppendSeal(w.b, r, format, w.key, 0)
		good = append(good, w.b)
		f.Add(w.b)
		f.Add(w.b[:len(w.b)/2])
	}
	path := filepath.Join(f.TempDir(), "audit.log")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := Verify([]string{path}, Options{Settled: true})
		if err == nil && report.Lines == 3 && report.Seals == 0 && !bytes.Equal(b, good[0]) && !bytes.Equal(b, good[1]) {
			// The fuzzer cannot compute a hash, but may cut behind a whole line.
			for _, whole := range good {
				if bytes.HasPrefix(whole, b) {
					return
				}
			}
			t.Errorf("taken for intact: %q", b)
		}
		if _, err := Verify([]string{path}, Options{SinceSeal: true, Settled: true}); err == nil && len(b) == 0 {
			t.Error("nothing is taken for a trail")
		}
	})
}

// FuzzReadEnd holds that the end of a file is found, whatever stands before.
func FuzzReadEnd(f *testing.F) {
	w := &builder{dir: f.TempDir()}
	w.begin()
	w.records(2)
	f.Add(w.b, []byte("tor"))
	f.Add([]byte("x\n"), []byte{})
	f.Add(bytes.Join(w.lines()[:1], nil), []byte("hello\n\x00"))
	f.Fuzz(func(t *testing.T, b, torn []byte) {
		all := append(bytes.Clone(b), torn...)
		end, err := ReadEnd(bytes.NewReader(all), int64(len(all)))
		if err != nil {
			return
		}
		if end.Size > int64(len(all)) || end.Empty() != (len(end.Recent) == 0) {
			t.Fatalf("%+v of %q", end, all)
		}
		if !end.Empty() {
			if end.Last.Chain != end.Value.Digest() || all[end.Size-1] != '\n' || end.Header.Event != audit.EventRotated {
				t.Fatalf("%+v of %q", end, all)
			}
		}
	})
}
