package auditor

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
)

func TestStream(t *testing.T) {
	for _, tt := range []struct {
		output string
		format audit.Format
	}{{Stdout, audit.Text}, {Stderr, audit.JSON}} {
		r := newRig(t)
		var out, errs bytes.Buffer
		var progress Progress
		r.config.Output, r.config.Format, r.config.KeyFile, r.config.Progress = tt.output, tt.format, "", &progress
		r.config.Stdout, r.config.Stderr = &out, &errs
		for round := range 3 {
			r.start()
			r.hand(round*50, (round+1)*50, 7)
			r.mustStop()
		}
		if tt.output == Stderr {
			out, errs = errs, out
		}
		if errs.Len() > 0 {
			t.Errorf("the other stream has %q", errs.String())
		}
		lines := strings.SplitAfter(out.String(), "\n")
		for i, line := range lines[:len(lines)-1] {
			record, format, err := audit.Parse([]byte(line))
			if err != nil || format != tt.format || record.Seq != uint64(i+1) || record.Generation != uint32(i+1) || len(record.Chain.Bytes()) != 0 {
				t.Fatalf("%s: line %d: %q: %v", tt.output, i+1, line, err)
			}
		}
		if len(lines) != 151 {
			t.Errorf("%d lines", len(lines))
		}
	}
}

// dying is a writer that ends the process, now and then, in the middle.
type dying struct {
	*bytes.Buffer
	random *rand.Rand
}

func (d *dying) Write(b []byte) (int, error) {
	if d.random.IntN(3) > 0 {
		return d.Buffer.Write(b)
	}
	d.Buffer.Write(b[:d.random.IntN(len(b)+1)])
	panic(errDied)
}

var errDied = os.ErrProcessDone

// An auditor that is ended while it writes to a stream goes on with the sequence
// number that is due. What it may have written comes again, under its number.
func TestStreamKilled(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	out := &dying{new(bytes.Buffer), random}
	c := Config{Output: Stdout, Socket: -1, Progress: new(Progress)}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	m := meter{now: c.Now}
	// try does one thing as a new auditor would, and reports whether it survived.
	var s *sender
	try := func(f func() error) (alive bool) {
		defer func() {
			if p := recover(); p != nil {
				if p != errDied {
					panic(p)
				}
				s, alive = nil, false
			}
		}()
		if s == nil {
			s = newStream(&c, out, patience{make(chan struct{}), &m})
		}
		if err := f(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	sent := 0
	for range 500 {
		var b []byte
		var records []audit.Record
		for range 1 + random.IntN(4) {
			r := *record(sent)
			r.Time, r.Mono = time.UnixMilli(1700000000000).UTC(), uint64(sent+1)
			records = append(records, r)
			b = append(b, wire(r)...)
			sent++
		}
		d := datagram{bytes: b, length: len(b)}
		for !try(func() error { return s.write(&d, records) }) {
		}
		if random.IntN(4) == 0 {
			s = nil // ended behind consuming
		}
		if random.IntN(4) == 0 {
			try(func() error { // or between writing and consuming
				s = newStream(&c, out, patience{make(chan struct{}), &m})
				return s.write(&d, records)
			})
		}
		if random.IntN(10) == 0 {
			try(func() error {
				s.note(audit.Record{Event: audit.EventClock})
				return s.tick()
			})
		}
	}
	seen := map[uint64]string{}
	var last uint64
	next := uint32(1)
	for line := range strings.Lines(out.String()) {
		record, err := audit.ParseText(strings.TrimSuffix(line, "\n"))
		if err != nil {
			continue // torn
		}
		if record.Event == audit.EventDecision {
			if was := seen[record.Seq]; was != "" && was != line {
				t.Fatalf("number %d is of two records:\n%s%s", record.Seq, was, line)
			}
			seen[record.Seq] = line
			if record.Generation > next || record.Generation < next-min(next-1, 4) {
				t.Fatalf("decision %d where %d is due", record.Generation, next)
			}
			next = max(next, record.Generation+1)
		}
		if record.Seq > last+1 {
			t.Fatalf("number %d follows %d", record.Seq, last)
		}
		last = max(last, record.Seq)
	}
	if int(next) != sent+1 {
		t.Errorf("decision %d is the last of %d", next-1, sent)
	}
}
