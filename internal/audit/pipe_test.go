package audit

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair returns a Pipe and a function that receives one datagram, "" for none.
func pair(t *testing.T, buffer int, o PipeOptions) (*Pipe, func() string) {
	t.Helper()
	producer, auditor, err := NewPair(buffer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { producer.Close(); auditor.Close() })
	b := make([]byte, MaxDatagram+1)
	fd := int(auditor.Fd())
	return NewPipe(int(producer.Fd()), o), func() string {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if err != nil {
			return ""
		}
		return string(b[:n])
	}
}

func records(t *testing.T, datagram string) []Record {
	t.Helper()
	var all []Record
	for line := range strings.Lines(datagram) {
		r, err := ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

func ticking() func() (time.Time, uint64) {
	mono := uint64(5_000_000_000)
	return func() (time.Time, uint64) {
		mono += 1000
		return clock(), mono
	}
}

func TestPipe(t *testing.T) {
	p, receive := pair(t, DefaultBuffer, PipeOptions{Now: ticking()})
	if err := p.Flush(); err != nil || receive() != "" {
		t.Errorf("an empty flush sent something: %v", err)
	}
	r := full()
	r.Seq = 0
	p.Add(&r)
	p.Add(&Record{Event: EventStart, Mono: 7, Time: clock(), Process: "judge", PID: 12, HasUID: true, Detail: "a\nb"})
	p.Add(&Record{Event: EventStop, Time: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)})
	if p.Len() != 3 {
		t.Errorf("%d wait", p.Len())
	}
	if err := p.Flush(); err != nil || p.Len() != 0 {
		t.Fatalf("%v, %d wait", err, p.Len())
	}
	got := records(t, receive())
	if len(got) != 3 || receive() != "" {
		t.Fatalf("%d records in the first datagram", len(got))
	}
	if got[0].Event != EventDecision || got[0].Mono != 5_000_001_000 || got[0].Subject != "Pop" {
		t.Errorf("first is %+v", got[0])
	}
	// The second said when; that is before the first, and no two share a time.
	if got[1].Mono != 5_000_001_001 || !got[1].HasUID || got[1].Detail != "a\nb" {
		t.Errorf("second is %+v", got[1])
	}
	if got[2].Time.Year() != 1970 || got[2].Mono != 5_000_002_000 {
		t.Errorf("third is %+v", got[2])
	}
}

// A Pipe that is full says so, keeps what it has, and owns up to what is given up.
func TestPipeFull(t *testing.T) {
	for _, tt := range []struct{ name, full string }{{"halt", ""}, {"degrade", FullDegrade}} {
		t.Run(tt.name, func(t *testing.T) {
			var outstanding atomic.Uint64
			p, receive := pair(t, 32<<10, PipeOptions{Now: ticking(), Full: tt.full, Outstanding: &outstanding})
			sent := 0
			r := full()
			for {
				p.Add(&r)
				if err := p.Flush(); err != nil {
					if !errors.Is(err, ErrFull) {
						t.Fatal(err)
					}
					break
				}
				sent++
			}
			p.Add(&r)
			p.add(&Record{Event: EventSuppressed, Count: 40}, 40)
			outstanding.Add(40) // as a Limiter does
			if err := p.Flush(); !errors.Is(err, ErrFull) || p.Len() != 3 {
				t.Fatalf("%v, %d wait", err, p.Len())
			}
			if n := p.Discard(); n != 3 || p.Lost() != 42 || outstanding.Load() != 42 {
				t.Fatalf("%d given up, %d lost, %d outstanding", n, p.Lost(), outstanding.Load())
			}
			p.Lose(8)
			if err := p.Flush(); !errors.Is(err, ErrFull) {
				t.Fatalf("a flush of nothing while something is owed: %v", err)
			}
			for range sent {
				if len(records(t, receive())) != 1 {
					t.Fatal("what was sent is gone")
				}
			}
			p.Add(&r)
			if err := p.Flush(); err != nil || p.Lost() != 0 || outstanding.Load() != 0 {
				t.Fatalf("%v, %d lost, %d outstanding", err, p.Lost(), outstanding.Load())
			}
			got := records(t, receive())
			want := tt.full
			if want == "" {
				want = FullHalt
			}
			if len(got) != 2 || got[0].Event != EventAuditRecovered || got[0].Count != 50 || got[0].Reason != want || got[1].Event != EventDecision {
				t.Fatalf("after recovery: %+v", got)
			}
			p.Lose(1)
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := records(t, receive()); len(got) != 1 || got[0].Count != 1 {
				t.Fatalf("nothing but the confession: %+v", got)
			}
		})
	}
}

// Nothing that waits grows without bound, and what finds no room is counted.
func TestPipeBounded(t *testing.T) {
	p, _ := pair(t, DefaultBuffer, PipeOptions{})
	for range maxPending + 10 {
		p.Add(&Record{Event: EventStart})
	}
	if p.Len() != maxPending || p.Lost() != 10 {
		t.Errorf("%d wait, %d are lost", p.Len(), p.Lost())
	}
}

func TestPipeGone(t *testing.T) {
	producer, auditor, err := NewPair(DefaultBuffer)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	auditor.Close()
	p := NewPipe(int(producer.Fd()), PipeOptions{})
	p.Add(&Record{Event: EventStart})
	if err := p.Flush(); !errors.Is(err, ErrGone) || p.Len() != 1 {
		t.Errorf("%v, %d wait", err, p.Len())
	}
}

// Records that are too long for one datagram come in several, whole and in order.
func TestPipeSplits(t *testing.T) {
	for _, tt := range []struct {
		name           string
		buffer, number int
	}{
		{name: "by length", buffer: DefaultBuffer, number: 700},
		{name: "by what the socket takes", buffer: 5 << 10, number: 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, receive := pair(t, tt.buffer, PipeOptions{Now: ticking()})
			r := full()
			for i := range tt.number {
				r.Generation = uint32(i + 1)
				p.Add(&r)
			}
			var got []Record
			datagrams := 0
			for {
				err := p.Flush()
				for d := receive(); d != ""; d = receive() {
					if len(d) > MaxDatagram {
						t.Fatalf("a datagram of %d bytes", len(d))
					}
					datagrams++
					got = append(got, records(t, d)...)
				}
				if err == nil {
					break
				}
				if !errors.Is(err, ErrFull) {
					t.Fatal(err)
				}
			}
			if len(got) != tt.number || datagrams < 2 {
				t.Fatalf("%d records in %d datagrams", len(got), datagrams)
			}
			for i := range got {
				if got[i].Generation != uint32(i+1) {
					t.Fatalf("record %d is %d", i, got[i].Generation)
				}
			}
		})
	}
}

// No record is too long to be sent, whatever its texts are.
func TestPipeLongTexts(t *testing.T) {
	p, receive := pair(t, DefaultBuffer, PipeOptions{})
	long := strings.Repeat("\x01", 9000)
	p.Add(&Record{Event: EventControl, Detail: strings.Repeat("d", 9000)})
	p.Add(&Record{Event: EventDecision, Subject: long, Object: long, Rule: long, SourceEntry: long, DestEntry: long, Detail: long, Zone: long, Step: long})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	got := records(t, receive())
	if len(got) != 2 || len(got[0].Detail) != MaxField || got[1].Subject != long[:shortField] {
		t.Fatalf("%+v", got)
	}
}

func TestPipeDoesNotAllocate(t *testing.T) {
	p, receive := pair(t, DefaultBuffer, PipeOptions{})
	r := full()
	r.Time, r.Rule, r.Subject, r.Detail = time.Time{}, "é😀", "a b", "\n"
	one := func() {
		for range 64 {
			p.Add(&r)
		}
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	one()
	if receive() == "" {
		t.Fatal("nothing was sent")
	}
	if n := testing.AllocsPerRun(20, one); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	p.Discard()
	p.Lose(1)
	if n := testing.AllocsPerRun(1, func() { p.Lose(1); one() }); n != 0 {
		t.Errorf("%v allocations when something is owned up to", n)
	}
}

func TestClock(t *testing.T) {
	c := NewClock()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	_, mono := c.Now()
	if late := int64(mono) - ts.Nano(); late < -int64(time.Minute) || late > int64(time.Minute) {
		t.Errorf("the clock is %v away from the machine's", time.Duration(late))
	}
}

func FuzzPipe(f *testing.F) {
	f.Add("Pop", "no-rule", "detail", uint16(3))
	f.Fuzz(func(t *testing.T, subject, rule, detail string, many uint16) {
		p, receive := pair(t, DefaultBuffer, PipeOptions{Now: ticking()})
		n := int(many%200) + 1
		for range n {
			p.Add(&Record{Event: EventDecision, Subject: subject, Rule: rule, Detail: detail})
		}
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		for d := receive(); d != ""; d = receive() {
			if len(d) > MaxDatagram || !bytes.HasSuffix([]byte(d), []byte("\n")) {
				t.Fatalf("a datagram of %d bytes", len(d))
			}
			for _, r := range records(t, d) {
				n--
				if !strings.HasPrefix(subject, r.Subject) || !strings.HasPrefix(detail, r.Detail) {
					t.Fatalf("%+v", r)
				}
			}
		}
		if n != 0 {
			t.Fatalf("%d records are missing", n)
		}
	})
}

func clock() time.Time { return time.UnixMilli(1700000000000) }
