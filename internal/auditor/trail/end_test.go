package trail

import (
	"bytes"
	"testing"

	"labelgate/internal/audit"
)

func TestReadEnd(t *testing.T) {
	w := newBuilder(t)
	w.key = nil
	w.seal = 4
	w.begin()
	begun := bytes.Clone(w.b)
	w.records(3)
	w.sealed(SealInterval)
	w.records(2)
	behind := bytes.Clone(w.b)
	w.sealed(SealRotated)
	for _, tt := range []struct {
		name   string
		b      []byte
		size   int
		seq    uint64
		next   uint64
		since  uint64
		closed bool
	}{
		{"nothing", nil, 0, 0, 0, 0, false},
		{"torn at once", begun[:30], 0, 0, 0, 0, false},
		{"begun", begun, len(begun), 1, 4, 1, false},
		{"behind a seal", behind, len(behind), 7, 5, 2, false},
		{"torn", append(bytes.Clone(behind), "type=AVC msg"...), len(behind), 7, 5, 2, false},
		{"torn by zeros", append(bytes.Clone(behind), make([]byte, 5000)...), len(behind), 7, 5, 2, false},
		{"torn by lines that are none", append(bytes.Clone(behind), "\x00\x00\n\x00\n"...), len(behind), 7, 5, 2, false},
		{"closed", w.b, len(w.b), 8, 6, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ReadEnd(bytes.NewReader(tt.b), int64(len(tt.b)))
			if err != nil {
				t.Fatal(err)
			}
			if e.Size != int64(tt.size) || e.Last.Seq != tt.seq || e.Next != tt.next || e.Since != tt.since || e.Closed() != tt.closed || len(e.Recent) != int(tt.seq) {
				t.Errorf("got size %d, seq %d, next seal %d, %d since, closed %v, %d recent", e.Size, e.Last.Seq, e.Next, e.Since, e.Closed(), len(e.Recent))
			}
		})
	}
}

// The last seal is found however far back it is.
func TestReadEndLong(t *testing.T) {
	w := newBuilder(t)
	w.key = nil
	w.begin()
	w.records(10)
	w.sealed(SealInterval)
	for len(w.b) < 3*recentBytes {
		w.records(100)
	}
	behind := w.seq - 12
	e, err := ReadEnd(bytes.NewReader(w.b), int64(len(w.b)))
	if err != nil {
		t.Fatal(err)
	}
	if e.Since != behind || e.Next != 1 || e.Last.Seq != w.seq || e.Value != w.value || e.Seal.Seq != 12 {
		t.Errorf("got %d since, next seal %d, seq %d, last seal %d", e.Since, e.Next, e.Last.Seq, e.Seal.Seq)
	}
	if n := len(e.Recent); n < 1000 || n > recentBytes/100 || e.Recent[n-1].Seq != w.seq {
		t.Errorf("%d recent records", n)
	}
}

func TestCutLine(t *testing.T) {
	for _, format := range []audit.Format{audit.Text, audit.JSON} {
		line, value := Value{1}.AppendLine(nil, &audit.Record{Event: audit.EventDecision, Subject: "a"}, format)
		head, got, ok := cutLine(line)
		if !ok || got != value || (Value{1}).over(head) != value || (Value{2}).over(head) == value {
			t.Fatalf("%q: %q %x %v", line, head, got, ok)
		}
		// Every byte of the line counts.
		for i := range line {
			b := bytes.Clone(line)
			b[i] ^= 0x01
			if head, got, ok := cutLine(b); ok && (Value{1}).over(head) == got {
				t.Errorf("%q is taken for %q", b, line)
			}
		}
	}
}
