package gate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// Records follows the audit records of a gateway while they are written, and adds
// them up. It belongs to one goroutine.
type Records struct {
	path string
	from map[uint64]int64 // by inode: how far it was read

	Total      int
	Granted    uint64                     // decisions that let a packet pass
	Denied     map[netip.Addr]uint64      // decisions that dropped one, by source address
	Counted    map[string]uint64          // packets in records that stand for many, by "event/reason"
	Suppressed uint64                     // records that others say are missing
	Unrecorded uint64                     // decisions without a record while nothing was dropped for that
	Events     map[string]int             // records by "event/reason", other than decisions
	Reasons    map[string]uint64          // denied decisions by reason
	Each       func(record *audit.Record) // called with every one, nil for nothing
}

// NewRecords reads the records in a file, which need not be there yet.
func NewRecords(path string) *Records {
	return &Records{
		path: path, from: make(map[uint64]int64), Denied: make(map[netip.Addr]uint64), Counted: make(map[string]uint64),
		Events: make(map[string]int), Reasons: make(map[string]uint64),
	}
}

// Read takes up the records that have come since: of the file, and of those that
// were closed and have a number behind its name.
func (r *Records) Read(t testing.TB) {
	t.Helper()
	// The current file first: one that is closed meanwhile stays the same file.
	current, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer current.Close()
	closed, err := filepath.Glob(r.path + ".[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(closed)
	for _, name := range closed {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r.follow(t, f)
		f.Close()
	}
	r.follow(t, current)
}

// follow reads on in a file where it was left.
func (r *Records) follow(t testing.TB, f *os.File) {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		t.Fatal(err)
	}
	from := r.from[s.Ino]
	if from == s.Size {
		return
	}
	lines := bufio.NewReaderSize(io.NewSectionReader(f, from, 1<<50), 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			r.from[s.Ino] = from
			return // the rest of what is there of a line will be read again
		}
		from += int64(len(line))
		if r.quick(line) {
			continue
		}
		record, err := audit.ParseJSON(line)
		if err != nil {
			t.Errorf("record %q: %v", line, err)
			continue
		}
		r.add(&record)
	}
}

// checked is how many decisions there are to one that is read with all its fields:
// that takes a tenth of a millisecond, and they come by the hundred thousand.
const checked = 64

// quick takes up the record of a decision by the few fields that are added up. It
// reports false for one that has to be read as a whole.
func (r *Records) quick(line []byte) bool {
	if r.Total%checked == 0 || r.Each != nil || field(line, "event") != audit.EventDecision {
		return false
	}
	source, err := netip.ParseAddr(field(line, "saddr"))
	if err != nil {
		return false
	}
	r.add(&audit.Record{Event: audit.EventDecision, Action: field(line, "action"), Reason: field(line, "reason"), Saddr: source})
	return true
}

// field returns the text of a key, as it stands in a JSON object that was written
// without spaces.
func field(line []byte, key string) string {
	_, rest, ok := bytes.Cut(line, []byte(`"`+key+`":"`))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(value)
}

func (r *Records) add(record *audit.Record) {
	r.Total++
	switch {
	case record.Event == audit.EventDecision && record.Action == audit.Denied:
		r.Denied[record.Saddr]++
		r.Reasons[record.Reason]++
	case record.Event == audit.EventDecision:
		r.Granted++
	default:
		key := strings.TrimSuffix(record.Event+"/"+record.Reason, "/")
		r.Events[key]++
		switch {
		case record.Event == audit.EventSuppressed:
			r.Suppressed += record.Count
		case record.Verdict == "drop", key == halted:
			r.Counted[key] += record.Count
		case record.Event == audit.EventAuditRecovered:
			r.Unrecorded += record.Count
		}
	}
	if r.Each != nil {
		r.Each(record)
	}
}

// halted is the key of records that say how many packets were dropped because there
// was no room for their records.
const halted = audit.EventAuditRecovered + "/" + audit.FullHalt

// Dropped returns how many packets the records say were dropped, one by one and
// in numbers.
func (r *Records) Dropped() (n uint64) {
	for _, d := range r.Denied {
		n += d
	}
	for _, c := range r.Counted {
		n += c
	}
	return n
}
