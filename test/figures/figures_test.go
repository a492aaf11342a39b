package figures

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriter(t *testing.T) {
	root := t.TempDir()
	w, err := Create(root, "bench")
	if err != nil {
		t.Fatal(err)
	}
	w.Add(
		Figure{ID: "check/small", Value: 2.5, Unit: "ns"},
		Figure{ID: "check/small/ratio", Value: 80, Unit: "x", Against: "a list"}.AtLeast(100),
		Figure{ID: "allocations", Value: 0, Unit: "a packet"}.AtMost(0),
	)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "out", "figures", "bench.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"check/small","value":2.5,"unit":"ns","against":"","bar":"","pass":null}
{"id":"check/small/ratio","value":80,"unit":"x","against":"a list","bar":">= 100","pass":false}
{"id":"allocations","value":0,"unit":"a packet","against":"","bar":"<= 0","pass":true}
`
	if string(got) != want {
		t.Errorf("wrote\n%swant\n%s", got, want)
	}
	if m := w.Missed(); len(m) != 1 || m[0].ID != "check/small/ratio" {
		t.Errorf("missed %v", m)
	}
}

// TestWriterNotANumber: a value that JSON cannot hold is an error, not a hole in
// the file that nobody notices.
func TestWriterNotANumber(t *testing.T) {
	w, err := Create(t.TempDir(), "bench")
	if err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	w.Add(Figure{ID: "nothing", Value: 1 / zero, Unit: "x"})
	if err := w.Close(); err == nil {
		t.Error("no error")
	}
}
