package auditor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// resend puts a datagram into the socket as it was.
func (r *rig) resend(d []byte) {
	r.Helper()
	if err := unix.Send(int(r.producer.Fd()), d, 0); err != nil {
		r.Fatal(err)
	}
}

// received takes a datagram out of the socket.
func (r *rig) received() []byte {
	r.Helper()
	b := make([]byte, audit.MaxDatagram)
	n, err := unix.Read(int(r.consumer.Fd()), b)
	if err != nil {
		r.Fatal(err)
	}
	return b[:n]
}

// Wherever in a datagram the auditor was ended, the next one completes it.
func TestTorn(t *testing.T) {
	for _, format := range []audit.Format{audit.Text, audit.JSON} {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			r := newRig(t)
			r.config.Format, r.config.Sync, r.config.KeyFile = format, SyncNever, ""
			// Equal records but for their time, behind equal ones: nothing but that tells
			// them apart.
			same := func() {
				for range 2 {
					r.pipe.Add(record(0))
				}
				r.pipe.Add(&audit.Record{Event: audit.EventControl, Detail: "é\n", HasUID: true})
				r.flush()
			}
			same()
			r.start()
			r.drained(1)
			r.mustStop()
			before, err := os.ReadFile(r.config.Output)
			if err != nil {
				t.Fatal(err)
			}
			same()
			d := r.received()
			r.resend(d)
			r.start()
			r.drained(1)
			after, err := os.ReadFile(r.config.Output)
			if err != nil {
				t.Fatal(err)
			}
			r.mustStop()
			if !bytes.HasPrefix(after, before) || len(after) == len(before) {
				t.Fatal("nothing was written behind the first part")
			}
			for size := len(before); size <= len(after); size++ {
				if err := os.WriteFile(r.config.Output, after[:size], 0o600); err != nil {
					t.Fatal(err)
				}
				r.resend(d)
				r.start()
				r.mustStop()
				all := r.records()
				torn := after[size-1] != '\n'
				if got := only(all, audit.EventRecovered); torn != (len(got) == 1) || torn && got[0].LostBytes != uint64(size-1-bytes.LastIndexByte(after[:size], '\n')) {
					t.Fatalf("cut at %d: %s", size, shown(got))
				}
				if n, m := len(only(all, audit.EventDecision)), len(only(all, audit.EventControl)); n != 4 || m != 2 {
					t.Fatalf("cut at %d: %d and %d records", size, n, m)
				}
			}
		})
	}
}

// Even the first line of a trail can be torn.
func TestTornHeader(t *testing.T) {
	r := newRig(t)
	r.config.Sync = SyncNever
	r.start()
	r.mustStop()
	whole, err := os.ReadFile(r.config.Output)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n')
	for size := range first {
		r := newRig(t)
		if err := os.WriteFile(r.config.Output, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		r.hand(0, 3, 3)
		r.start()
		r.mustStop()
		all := r.records()
		r.complete(all, 3)
		if got := only(all, audit.EventRecovered); (size > 0) != (len(got) == 1) {
			t.Fatalf("cut at %d: %s", size, shown(got))
		}
	}
}

// A change of files that was not finished is.
func TestTornRotation(t *testing.T) {
	old := func(r *rig) string { return r.path("audit.log.000001") }
	next := func(r *rig) string { return r.path(".audit.log.next") }
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		after func(t *testing.T, r *rig) // makes of two files what an auditor left
		files int
	}{
		{"next is open", func(t *testing.T, r *rig) {
			must(t, os.Rename(old(r), r.config.Output))
			b, err := os.ReadFile(r.config.Output)
			must(t, err)
			// The seal that closes it is not there yet.
			cut := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
			must(t, os.WriteFile(r.config.Output, b[:cut], 0o600))
			must(t, os.WriteFile(next(r), nil, 0o600))
		}, 1},
		{"the old one is sealed", func(t *testing.T, r *rig) {
			must(t, os.Rename(old(r), r.config.Output))
			must(t, os.WriteFile(next(r), nil, 0o600))
		}, 2},
		{"the new one is torn", func(t *testing.T, r *rig) {
			b, err := os.ReadFile(r.config.Output)
			must(t, err)
			must(t, os.Rename(old(r), r.config.Output))
			must(t, os.WriteFile(next(r), b[:20], 0o600))
		}, 2},
		{"the new one has begun", func(t *testing.T, r *rig) {
			must(t, os.Rename(r.config.Output, next(r)))
			must(t, os.Rename(old(r), r.config.Output))
		}, 2},
		{"the old one has two names", func(t *testing.T, r *rig) {
			must(t, os.Rename(r.config.Output, next(r)))
			must(t, os.Link(old(r), r.config.Output))
		}, 2},
		{"the old one has its new name only", func(t *testing.T, r *rig) {
			must(t, os.Rename(r.config.Output, next(r)))
		}, 2},
		{"done", func(t *testing.T, r *rig) {}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			// Without a key, which has gone further than what is left.
			r.config.KeyFile = ""
			rotate := make(chan struct{})
			r.config.Rotate = rotate
			r.hand(0, 10, 5)
			r.start()
			r.drained(2)
			rotate <- struct{}{}
			r.eventually("two files", func() bool { return r.auditor.Status().Files == 2 })
			r.eventually("the names of two files", func() bool { return len(r.files()) == 2 })
			// Nothing but its beginning is in the second file: end the auditor without
			// a seal.
			r.cancel()
			<-r.ended
			b, err := os.ReadFile(r.config.Output)
			must(t, err)
			must(t, os.WriteFile(r.config.Output, b[:bytes.IndexByte(b, '\n')+1], 0o600))
			tt.after(t, r)
			r.hand(10, 20, 5)
			r.config.Rotate = nil
			r.start()
			r.mustStop()
			r.complete(r.records(), 20)
			if n := len(r.files()); n != tt.files {
				t.Errorf("%d files, want %d", n, tt.files)
			}
			if hidden, _ := filepath.Glob(r.path(".*")); len(hidden) > 0 {
				t.Errorf("%v is left", hidden)
			}
		})
	}
}

// What is no trail is left alone.
func TestForeignFile(t *testing.T) {
	for _, tt := range []struct{ name, content string }{
		{"a log", "something happened\nand something else\n"},
		{"a line", "something"},
		{"records without a chain", "type=AVC msg=audit(1700000000.000:1): lsm=labelgate event=decision fn=a\n"},
		{"zeros", string(make([]byte, 5000))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			if err := os.WriteFile(r.config.Output, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			fd, err := unix.FcntlInt(r.consumer.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			r.config.Socket = fd
			if _, err := Open(r.config); err == nil {
				t.Fatal("opened")
			}
			if b, _ := os.ReadFile(r.config.Output); string(b) != tt.content {
				t.Error("changed")
			}
		})
	}
}

// One auditor writes a file, and one seals with a key.
func TestLocked(t *testing.T) {
	r := newRig(t)
	r.start()
	for _, change := range []func(c *Config){
		func(c *Config) { c.KeyFile = "" },
		func(c *Config) { c.Output = r.path("other.log") },
	} {
		c := r.config
		change(&c)
		var err error
		if c.Socket, err = unix.FcntlInt(r.consumer.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(c); !errors.Is(err, trail.ErrLocked) {
			t.Errorf("two at a time: %v", err)
		}
	}
	// Who has the patience gets it in the end.
	r.config.LockWait = time.Minute
	second := &rig{T: r.T, dir: r.dir, config: r.config, producer: r.producer, consumer: r.consumer, pipe: r.pipe, verifyKey: r.verifyKey}
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		second.start()
	}()
	r.hand(0, 10, 5)
	r.drained(2)
	r.mustStop()
	<-opened
	second.hand(10, 20, 5)
	second.mustStop()
	second.complete(second.records(), 20)
}

// The file is nobody else's to read.
func TestMode(t *testing.T) {
	r := newRig(t)
	r.start()
	r.mustStop()
	info, err := os.Stat(r.config.Output)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := os.Chmod(r.config.KeyFile, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := trail.OpenKeyFile(r.config.KeyFile); err == nil {
		t.Error("a key that others may read was taken")
	}
}
