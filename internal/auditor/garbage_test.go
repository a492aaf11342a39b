package auditor

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// soPassRights is SO_PASSRIGHTS of Linux 6.16.
const soPassRights = 83

// wire is a line as a Pipe sends it.
func wire(r audit.Record) string {
	if r.Time.IsZero() {
		r.Time, r.Mono = time.UnixMilli(1700000000000).UTC(), 7
	}
	return string(r.AppendJSON(nil)) + "\n"
}

// Whatever else than records comes, it ends neither the auditor nor a line, and is
// shown as digits.
func TestGarbage(t *testing.T) {
	good := wire(*record(0))
	long := strings.Repeat("x", 100<<10)
	for _, tt := range []struct {
		name     string
		datagram string
		garbage  uint64 // lines
		shown    string // first bytes
	}{
		{"nothing", "", 1, ""},
		{"a line end", "\n", 1, "\n"},
		{"text", good + "hello\nworld\n", 2, "hello\n"},
		{"no line end", good + "{", 1, "{"},
		{"escapes", good + "\x1b[2J\n", 1, "\x1b[2J\n"},
		{"a line that looks like one of the trail", good + "type=AVC msg=audit(1700000000.000:1): lsm=labelgate event=start\n", 1, "type=AVC"},
		{"a record in another order", good + `{"event":"start","seq":0}` + "\n", 1, `{"event"`},
		{"a seal", good + wire(audit.Record{Event: audit.EventSealed}), 1, `{"seq":0`},
		{"a sequence number", good + wire(audit.Record{Event: audit.EventStart, Seq: 7}), 1, `{"seq":7`},
		{"an unknown event", good + wire(audit.Record{Event: "party"}), 1, `{"seq":0`},
		{"the auditor itself", good + wire(audit.Record{Event: audit.EventAuditDegraded, Process: audit.ProcessAuditor}), 1, `{"seq":0`},
		{"too long", good + long, 1, good[:20]},
		{"many", good + strings.Repeat("\x00\n", 1000), 1000, "\x00\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.config.Sync = SyncNever
			r.resend([]byte(tt.datagram))
			r.hand(1, 2, 1)
			r.start()
			r.drained(2)
			r.mustStop()
			all := r.records()
			got := only(all, audit.EventGarbage)
			if len(got) != 1 {
				t.Fatalf("told %s", shown(got))
			}
			g := got[0]
			bytes, err := hex.DecodeString(g.Detail)
			if err != nil || !strings.HasPrefix(string(bytes), tt.shown) || len(bytes) > garbageShown {
				t.Errorf("shown %q: %v", bytes, err)
			}
			if g.Count != tt.garbage || g.PID != uint32(os.Getpid()) || !g.HasUID || g.Time.IsZero() || int(g.LengthIn) != len(tt.datagram) {
				t.Errorf("told %s", shown(got))
			}
			if status := r.auditor.Status(); status.Garbage != tt.garbage {
				t.Errorf("status %+v", status)
			}
			want := 1
			if strings.HasPrefix(tt.datagram, good) && tt.name != "too long" {
				want = 2
			}
			if n := len(only(all, audit.EventDecision)); n != want {
				t.Errorf("%d decisions, want %d", n, want)
			}
		})
	}
}

// Descriptors that somebody sends are not kept.
func TestSentDescriptors(t *testing.T) {
	r := newRig(t)
	// NewPair has the kernel refuse them where it can.
	unix.SetsockoptInt(int(r.consumer.Fd()), unix.SOL_SOCKET, soPassRights, 1)
	r.start()
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	r.hand(0, 1, 1)
	r.drained(1)
	before := count()
	fds := make([]int, 20)
	for i := range fds {
		fds[i] = int(r.producer.Fd())
	}
	const n = 50
	for range n {
		if err := unix.Sendmsg(int(r.producer.Fd()), []byte("x\n"), unix.UnixRights(fds...), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	r.drained(n + 1)
	if after := count(); after > before {
		t.Errorf("%d descriptors became %d", before, after)
	}
	r.mustStop()
}

// The end of the socket is the end, but an empty datagram is not.
func TestEndOfSocket(t *testing.T) {
	r := newRig(t)
	r.hand(0, 10, 5)
	for range 3 {
		r.resend(nil)
	}
	r.hand(10, 20, 5)
	r.start()
	r.producer.Close()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	all := r.records()
	r.complete(all, 20)
	if n := len(only(all, audit.EventGarbage)); n != 3 {
		t.Errorf("%d of 3 empty datagrams", n)
	}
}

func TestAlready(t *testing.T) {
	make := func(monos ...uint64) (all []audit.Record) {
		for _, m := range monos {
			r := *record(0)
			r.Mono = m
			all = append(all, r)
		}
		return all
	}
	for _, tt := range []struct {
		written, sent []audit.Record
		want          int
	}{
		{nil, make(1, 2), 0},
		{make(1, 2, 3), make(4, 5), 0},
		{make(1, 2, 3), make(3, 4), 1},
		{make(1, 2, 3), make(2, 3), 2},
		{make(1, 2, 3), make(1, 2, 3), 3},
		{make(1, 2, 3), make(0, 1, 2, 3), 0},
		{make(3), make(1, 2, 3), 0},
		{make(1, 2, 3), make(2, 3, 4), 2},
		{make(1, 2, 3), nil, 0},
	} {
		for i := range tt.written {
			tt.written[i].Seq = uint64(i + 9)
			tt.written[i].Chain = audit.MakeDigest([]byte{1})
		}
		if got := already(tt.written, tt.sent); got != tt.want {
			t.Errorf("%s are written, %s sent: %d, want %d", shown(tt.written), shown(tt.sent), got, tt.want)
		}
	}
}

// FuzzReader holds that every datagram becomes records that can be written, and
// that nothing of it ends a line or speaks to a terminal.
func FuzzReader(f *testing.F) {
	f.Add([]byte(wire(*record(1))))
	f.Add([]byte(wire(*record(1)) + "x\n" + wire(audit.Record{Event: audit.EventControl, Detail: "a\nb"})))
	f.Add([]byte("\n\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reader
		d := datagram{bytes: b, length: len(b), pid: 3, arrived: time.Unix(1700000000, 0)}
		all, garbage := r.read(&d)
		if len(all) == 0 {
			t.Fatalf("%q becomes nothing", b)
		}
		lines := uint64(bytes.Count(b, []byte("\n")))
		if len(b) > 0 && b[len(b)-1] != '\n' {
			lines++
		}
		records := uint64(len(all))
		if garbage > 0 {
			records += garbage - 1
		}
		if records != max(lines, 1) {
			t.Errorf("%d lines became %d records and %d of garbage", lines, len(all), garbage)
		}
		for i := range all {
			for _, format := range []audit.Format{audit.Text, audit.JSON} {
				line := all[i].Append(nil, format)
				for _, c := range line {
					if c < ' ' || c > '~' {
						t.Fatalf("byte %#x in %q", c, line)
					}
				}
				back, _, err := audit.Parse(line)
				if err != nil || !same(&back, &all[i]) {
					t.Fatalf("%q is read back as %+v: %v", line, back, err)
				}
			}
		}
		again, _ := new(reader).read(&d)
		if fmt.Sprint(again) != fmt.Sprint(all) {
			t.Error("a second look sees something else")
		}
	})
}
