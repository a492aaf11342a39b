package audit

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a writer that waits until it is opened, and then fails as told.
type gate struct {
	bytes.Buffer
	open    chan struct{}
	entered chan struct{}
	fail    func(b []byte) (int, error)
}

func newGate() *gate {
	return &gate{open: make(chan struct{}), entered: make(chan struct{}, 1000)}
}

func (g *gate) Write(b []byte) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	if g.fail != nil {
		if n, err := g.fail(b); err != nil {
			g.Buffer.Write(b[:n])
			return n, err
		}
	}
	return g.Buffer.Write(b)
}

func clock() time.Time { return time.UnixMilli(1700000000000) }

func parseAll(t *testing.T, s string) []Record {
	t.Helper()
	var records []Record
	for line := range strings.Lines(s) {
		r, err := ParseText(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		records = append(records, r)
	}
	return records
}

func TestSinkWrites(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format Format
		want   string
	}{
		{name: "text", format: Text, want: "type=AVC msg=audit(1700000000.000:1): lsm=labelgate fn=a\ntype=AVC msg=audit(1700000000.000:2): lsm=labelgate fn=b\n"},
		{name: "json", format: JSON, want: `{"seq":1,"time":"2023-11-14T22:13:20Z","fn":"a"}` + "\n" + `{"seq":2,"time":"2023-11-14T22:13:20Z","fn":"b"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			s := NewSink(&out, Options{Format: tt.format, Now: clock})
			for _, fn := range []string{"a", "b"} {
				if !s.Write(&Record{Fn: fn}) {
					t.Error("lost")
				}
			}
			s.Close()
			s.Close()
			if out.String() != tt.want {
				t.Errorf("got %s", out.String())
			}
			if s.Write(&Record{}) {
				t.Error("a closed sink took a record")
			}
			if got, want := s.Stats(), (Stats{Written: 2, Lost: 1}); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		})
	}
}

// A writer that hangs holds nobody up; what is lost is admitted to, to the record.
func TestSinkOverflow(t *testing.T) {
	g := newGate()
	s := NewSink(g, Options{Capacity: 4, Now: clock})
	s.Write(&Record{Fn: "first"})
	<-g.entered // the flusher hangs with one record, four more have room
	for range 4 + 7 {
		s.Write(&Record{Fn: "more"})
	}
	close(g.open)
	s.Flush()
	s.Write(&Record{Fn: "last"})
	s.Close()
	records := parseAll(t, g.String())
	if len(records) != 1+4+1+1 {
		t.Fatalf("%d records:\n%s", len(records), g.String())
	}
	admission, last := records[5], records[6]
	if admission.Event != EventSuppressed || admission.Reason != ReasonOverflow || admission.Count != 7 || admission.Seq != 5+7+1 {
		t.Errorf("admission is %+v", admission)
	}
	if last.Seq != admission.Seq+1 {
		t.Errorf("sequence number %d follows %d", last.Seq, admission.Seq)
	}
	if got, want := s.Stats(), (Stats{Written: 7, Lost: 7}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// After a failed write the next record starts on a line of its own, and the
// sequence numbers that are missing are all admitted to.
func TestSinkWriteError(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(b []byte) (int, error)
	}{
		{name: "nothing taken", fail: func([]byte) (int, error) { return 0, io.ErrShortWrite }},
		{name: "half a line taken", fail: func(b []byte) (int, error) { return len(b) / 2, io.ErrShortWrite }},
		{name: "all but the line end taken", fail: func(b []byte) (int, error) { return len(b) - 1, io.ErrShortWrite }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate()
			close(g.open)
			g.fail = tt.fail
			var told error
			s := NewSink(g, Options{Now: clock, OnError: func(err error) { told = err }})
			for range 3 {
				s.Write(&Record{Fn: "lost"})
				s.Flush()
			}
			s.writing.Lock()
			g.fail = nil
			s.writing.Unlock()
			s.Write(&Record{Fn: "kept"})
			s.Close()
			lines := strings.Split(strings.TrimSuffix(g.String(), "\n"), "\n")
			kept, err := ParseText(lines[len(lines)-2])
			if err != nil || kept.Fn != "kept" {
				t.Errorf("no whole line: %+v, %v", kept, err)
			}
			admission, err := ParseText(lines[len(lines)-1])
			if err != nil || admission.Reason != ReasonWriteError || admission.Seq != admission.Count+2 {
				t.Errorf("admission is %+v, %v", admission, err)
			}
			if stats := s.Stats(); !errors.Is(told, io.ErrShortWrite) || stats.Failures == 0 || stats.Lost == 0 {
				t.Errorf("told %v, stats %+v", told, stats)
			}
		})
	}
}

func TestSinkConservation(t *testing.T) {
	const writers, each = 4, 2000
	var out bytes.Buffer
	s := NewSink(&out, Options{Capacity: 64, Now: clock})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				s.Write(&Record{Fn: "x"})
			}
		})
	}
	wg.Wait()
	s.Close()
	var next uint64 = 1
	for _, r := range parseAll(t, out.String()) {
		if next += r.Count; r.Seq != next {
			t.Fatalf("record %d where %d was due", r.Seq, next)
		}
		next++
	}
	if stats := s.Stats(); stats.Written+stats.Lost != next-1 || next-1 < writers*each {
		t.Errorf("stats %+v, last record %d", stats, next-1)
	}
}

func TestSinkWriteDoesNotAllocate(t *testing.T) {
	s := NewSink(io.Discard, Options{Now: clock})
	defer s.Close()
	r := full()
	s.Write(&r)
	s.Flush()
	s.writing.Lock() // the flusher's own work is not counted
	defer s.writing.Unlock()
	if n := testing.AllocsPerRun(100, func() { s.Write(&r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}
