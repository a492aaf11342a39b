package auditor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// file writes a trail. What it is in the middle of when the process is ended, its
// successor finishes.
type file struct {
	patience
	config *Config
	place  place
	key    *trail.KeyFile // nil without seals by a key
	spare  *os.File       // closed to make room for a new file where descriptors are short

	f      *os.File
	writer io.Writer // f, but for tests
	size   int64
	number uint64 // of the file
	born   uint64 // CLOCK_MONOTONIC at its beginning
	value  trail.Value
	seq    uint64 // of the last record
	seal   uint64 // number of the next, without a key
	since  uint64 // records behind the last seal
	first  uint64 // CLOCK_MONOTONIC of the first of them
	closed bool   // the file ends with the seal that closes it
	dirty  uint64 // CLOCK_MONOTONIC since when there is something to sync

	recent   []audit.Record // end of the file before this process, until they are compared
	torn     int64          // bytes to cut off
	behind   bool           // the auditor before was ended between making a seal and noting that
	asked    bool           // to rotate
	header   uint64         // sequence number of the file's first record
	again    uint64         // CLOCK_MONOTONIC before which no change of files is tried
	stuck    string         // why the file cannot be rotated, as it was recorded
	buffer   []byte
	recorded []audit.Record // own records that are still to be written
}

// openFile opens the file of the settings and finds out where it ends. It writes
// nothing: the disk may be full.
func openFile(c *Config, p patience) (*file, error) {
	w := &file{patience: p, config: c}
	if err := w.open(); err != nil {
		w.close()
		return nil, fmt.Errorf("audit file %s: %w", c.Output, err)
	}
	return w, nil
}

func (w *file) open() (err error) {
	if w.config.KeyFile != "" {
		err := w.unlocked(func() (err error) {
			w.key, err = trail.OpenKeyFile(w.config.KeyFile)
			return err
		})
		if err != nil {
			return err
		}
	}
	if w.spare, err = os.Open(os.DevNull); err != nil {
		return err
	}
	if w.place, err = openPlace(filepath.Dir(w.config.Output), filepath.Base(w.config.Output)); err != nil {
		return err
	}
	err = w.unlocked(func() (err error) {
		w.f, err = w.place.openCurrent()
		return err
	})
	if err != nil {
		return err
	}
	w.use(w.f)
	info, err := w.f.Stat()
	if err != nil {
		return err
	}
	end, err := trail.ReadEnd(w.f, info.Size())
	if err != nil {
		return fmt.Errorf("%w; move it away, and a new one is begun", err)
	}
	w.size, w.torn = end.Size, info.Size()-end.Size
	if end.Empty() {
		return w.follow()
	}
	w.number, w.value, w.seq, w.header = end.Header.File, end.Value, end.Last.Seq, end.Header.Seq
	w.seal, w.since, w.closed = end.Next, end.Since, end.Closed()
	w.recent = written(end.Recent)
	_, mono := w.config.Now()
	w.born, w.first = w.birth(&end.Header, mono), mono
	w.catchUp(&end)
	return nil
}

// unlocked opens something, and waits while another auditor holds it: one that is
// about to end has much to write perhaps.
func (w *file) unlocked(open func() error) error {
	for end := time.Now().Add(w.config.LockWait); ; time.Sleep(shortestWait / 2) {
		if err := open(); !errors.Is(err, trail.ErrLocked) || !time.Now().Before(end) {
			return err
		}
	}
}

// written returns the records that came with datagrams.
func written(all []audit.Record) []audit.Record {
	kept := make([]audit.Record, 0, len(all))
	for i := range all {
		if !own(&all[i]) {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// follow finds out what a new file comes behind. Where there are older files the
// one that should be here was taken away: its number is left out, which Verify
// sees.
func (w *file) follow() error {
	last, err := w.place.newest()
	if err != nil || last == 0 {
		return err
	}
	f, err := w.place.root.Open(w.place.old(last))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end, err := trail.ReadEnd(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", w.place.old(last), err)
	}
	w.number, w.value, w.seq, w.seal = last+1, end.Value, end.Last.Seq, end.Next
	w.recent = written(end.Recent)
	w.degraded("the audit file is gone; the last one that is left is " + w.place.old(last))
	return nil
}

// birth returns when the file was begun. On another boot only the wall clock knows,
// which may have been set: the file is then neither younger than now nor older
// than it may become.
func (w *file) birth(header *audit.Record, mono uint64) uint64 {
	if header.BootID == w.config.bootID && header.Mono <= mono {
		return header.Mono
	}
	wall, _ := w.config.Now()
	age := min(max(wall.Sub(header.Time), 0), w.config.RotateAge)
	return mono - min(mono, uint64(age))
}

// catchUp holds the key against the last seal of the file.
func (w *file) catchUp(end *trail.End) {
	if w.key == nil {
		return
	}
	var made uint64 // by this key, as the file says
	switch id := w.key.ID(); id {
	case end.Seal.Key:
		made = end.Seal.Seal + 1
	case end.Header.Key:
		made = end.Header.Seal
	}
	switch {
	case made == w.key.Number()+1:
		w.behind = true
	case made != w.key.Number():
		w.degraded(fmt.Sprintf("the key has made %d seals, and the audit file ends with %d: something was cut off or put back", w.key.Number(), made))
	}
}

func (w *file) close() error {
	var all []error
	if w.key != nil {
		all = append(all, w.key.Close())
	}
	for _, f := range []*os.File{w.f, w.spare} {
		if f != nil {
			all = append(all, f.Close())
		}
	}
	w.place.close()
	return errors.Join(all...)
}

// start brings the file into order: what is torn is cut off, a file without a
// beginning gets one, a change of files that was not finished is.
func (w *file) start() error {
	if w.behind {
		if err := w.until("noting a seal", w.key.Advance); err != nil {
			return err
		}
	}
	if w.torn > 0 {
		if err := w.until("cutting off a torn line", func() error { return w.f.Truncate(w.size) }); err != nil {
			return err
		}
		w.recorded = append(w.recorded, audit.Record{Event: audit.EventRecovered, Trail: audit.Trail{LostBytes: uint64(w.torn)}})
		w.torn = 0
	}
	switch {
	case w.size == 0:
		w.number++
		if err := w.begin(trail.FileCreated); err != nil {
			return err
		}
	case w.closed:
		var next *os.File
		err := w.until("beginning a new file", func() (err error) {
			next, err = w.openNext()
			return err
		})
		if err != nil {
			return err
		}
		if err := w.change(trail.FileAsked, next); err != nil {
			return err
		}
	default:
		if err := w.place.removeNext(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return w.tell()
}

// degraded has it recorded that something is not as it should be.
func (w *file) degraded(detail string) {
	w.recorded = append(w.recorded, audit.Record{Event: audit.EventAuditDegraded, Process: audit.ProcessAuditor, Detail: detail})
}

// tell writes the auditor's own records.
func (w *file) tell() error {
	for len(w.recorded) > 0 {
		r := w.recorded[0]
		w.stamp(&r)
		if err := w.append([]audit.Record{r}); err != nil {
			return err
		}
		w.recorded = w.recorded[1:]
	}
	return nil
}

func (w *file) stamp(r *audit.Record) {
	wall, mono := w.config.Now()
	r.Time, r.Mono = writable(wall), mono
}

// writable returns a time that both forms can show.
func writable(t time.Time) time.Time {
	if y := t.Year(); y < 1970 || y > 9999 {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// write writes the records of a datagram, but those that are there.
func (w *file) write(_ *datagram, records []audit.Record) error {
	records = records[already(w.recent, records):]
	w.recent = nil
	if len(records) == 0 {
		return nil
	}
	if err := w.append(records); err != nil {
		return err
	}
	if w.config.Sync == SyncAlways {
		return w.sync()
	}
	return nil
}

// append writes records by one write, if the disk takes them so.
func (w *file) append(records []audit.Record) error {
	b, value, seq := w.buffer[:0], w.value, w.seq
	for i := range records {
		seq++
		records[i].Seq = seq
		b, value = value.AppendLine(b, &records[i], w.config.Format)
	}
	w.buffer = b
	if err := w.patience.write(w.writer, "writing", b); err != nil {
		return err
	}
	_, mono := w.config.Now()
	if w.since == 0 {
		w.first = mono
	}
	if w.dirty == 0 {
		w.dirty = mono
	}
	w.value, w.seq, w.since, w.size = value, seq, w.since+uint64(len(records)), w.size+int64(len(b))
	w.meter.written.Add(uint64(len(records)))
	w.meter.seq.Store(seq)
	return nil
}

// sync waits until the disk has what was written. What it says it has lost is
// lost; that is recorded.
func (w *file) sync() error {
	w.dirty = 0
	w.meter.trying()
	if err := unix.Fdatasync(int(w.f.Fd())); err != nil {
		w.meter.failed(err)
		w.degraded(fmt.Sprintf("the disk may have lost records up to %d: %v", w.seq, err))
	}
	w.meter.moved()
	return nil
}
