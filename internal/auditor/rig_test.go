package auditor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// rig is a socket with an auditor at one end.
type rig struct {
	*testing.T
	dir       string
	producer  *os.File
	consumer  *os.File
	pipe      *audit.Pipe
	config    Config
	auditor   *Auditor
	ended     chan error
	cancel    context.CancelFunc
	verifyKey trail.VerifyKey
}

// newRig returns a rig with a sealed file as output. The auditor does not run yet.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir()}
	r.buffer(audit.DefaultBuffer)
	var file []byte
	r.verifyKey, file = trail.NewKeys()
	if err := os.WriteFile(r.path("key"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	r.config = Config{Output: r.path("audit.log"), KeyFile: r.path("key"), Errorf: t.Logf}
	return r
}

// buffer makes a new socket.
func (r *rig) buffer(bytes int) {
	var err error
	if r.producer, r.consumer, err = audit.NewPair(bytes); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { r.producer.Close(); r.consumer.Close() })
	r.pipe = audit.NewPipe(int(r.producer.Fd()), audit.PipeOptions{})
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) open() {
	r.Helper()
	fd, err := unix.FcntlInt(r.consumer.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.config.Socket = fd
	if r.auditor, err = Open(r.config); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) start() {
	r.Helper()
	r.open()
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.ended = make(chan error, 1)
	go func() { r.ended <- r.auditor.Serve(ctx) }()
	r.Cleanup(r.cancel)
}

// stop ends the auditor and returns what Serve did.
func (r *rig) stop() error {
	r.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(time.Minute):
		r.Fatal("the auditor does not end")
		return nil
	}
}

func (r *rig) mustStop() {
	r.Helper()
	if err := r.stop(); err != nil {
		r.Fatal(err)
	}
}

// record is a decision that is told apart by a number.
func record(i int) *audit.Record {
	return &audit.Record{
		Event: audit.EventDecision, Fn: "gw_forward", Action: audit.Denied, Subject: "Pop", Object: "Snap", Requested: "w",
		Reason: "no-rule", Generation: uint32(i + 1), LengthIn: 60, Verdict: "drop", Zone: "inside",
	}
}

// hand hands over records from..to, one batch at a time.
func (r *rig) hand(from, to, batch int) {
	r.Helper()
	for i := from; i < to; i++ {
		r.pipe.Add(record(i))
		if (i+1-from)%batch == 0 || i == to-1 {
			r.flush()
		}
	}
}

// flush sends what was added, however long that takes.
func (r *rig) flush() {
	r.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		err := r.pipe.Flush()
		if err == nil {
			return
		}
		if err != audit.ErrFull || time.Now().After(end) {
			r.Fatal(err)
		}
	}
}

// eventually waits for a condition.
func (r *rig) eventually(what string, is func() bool) {
	r.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("%s: not within a minute; status %+v", what, r.auditor.Status())
		}
	}
}

// drained waits until the auditor has taken n datagrams.
func (r *rig) drained(n uint64) {
	r.Helper()
	r.eventually(fmt.Sprintf("%d datagrams", n), func() bool { return r.auditor.Status().Datagrams >= n })
}

// files lists the files of the trail.
func (r *rig) files() []string {
	r.Helper()
	all, err := filepath.Glob(r.path("audit.log*"))
	if err != nil {
		r.Fatal(err)
	}
	return all
}

// records reads the whole trail, checked.
func (r *rig) records() []audit.Record {
	r.Helper()
	r.verify()
	files := r.files()
	slices.SortFunc(files, func(a, b string) int { // the current one is the last
		return strings.Compare(a+"~", b+"~")
	})
	var all []audit.Record
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			r.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			record, _, err := audit.Parse([]byte(line))
			if err != nil {
				r.Fatalf("%s: %q: %v", path, line, err)
			}
			all = append(all, record)
		}
	}
	for i := 1; i < len(all); i++ {
		if all[i].Seq != all[i-1].Seq+1 {
			r.Fatalf("record %d follows %d", all[i].Seq, all[i-1].Seq)
		}
	}
	return all
}

// verify holds the trail against its key.
func (r *rig) verify() trail.Report {
	r.Helper()
	o := trail.Options{}
	if r.config.KeyFile != "" {
		state, err := trail.ReadKeyState(r.config.KeyFile)
		if err != nil {
			r.Fatal(err)
		}
		o.Keys, o.State = []trail.VerifyKey{r.verifyKey}, &state
	}
	report, err := trail.Verify(r.files(), o)
	if err != nil {
		r.Fatalf("%v\n%+v", err, report)
	}
	return report
}

// complete checks that the decisions 0..n-1 are there, each once and in order.
func (r *rig) complete(all []audit.Record, n int) {
	r.Helper()
	i := 0
	for _, record := range all {
		if record.Event != audit.EventDecision {
			continue
		}
		if int(record.Generation) != i+1 {
			r.Fatalf("decision %d where %d is due, seq %d", record.Generation-1, i, record.Seq)
		}
		i++
	}
	if i != n {
		r.Fatalf("%d decisions of %d", i, n)
	}
}

// only returns the records of an event.
func only(all []audit.Record, event string) []audit.Record {
	return slices.DeleteFunc(slices.Clone(all), func(r audit.Record) bool { return r.Event != event })
}

// shown shows records as they are written.
func shown(all []audit.Record) string {
	var b []byte
	for i := range all {
		b = append(all[i].AppendText(b), '\n')
	}
	return string(b)
}
