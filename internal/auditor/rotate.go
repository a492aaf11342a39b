package auditor

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// begin writes the first record of the file that is open, whose number is set.
func (w *file) begin(reason string) error {
	r := audit.Record{Event: audit.EventRotated, Reason: reason, Trail: audit.Trail{
		BootID: w.config.bootID, File: w.number, Prev: w.value.Digest(), HasSeal: true, Seal: w.seal,
	}}
	if w.key != nil {
		r.Key, r.Seal = w.key.ID(), w.key.Number()
	}
	w.stamp(&r)
	w.born, w.closed = r.Mono, false
	if err := w.append([]audit.Record{r}); err != nil {
		return err
	}
	w.header = w.seq
	w.meter.files.Add(1)
	return w.sync()
}

// rotate changes files for a reason. The next file is open before this one is
// sealed: when there is no room for it, or no descriptor, this one goes on.
func (w *file) rotate(reason string) error {
	next, err := w.openNext()
	if err != nil {
		if w.stuck != err.Error() {
			w.stuck = err.Error()
			w.degraded("no new audit file can be begun, and the old one goes on: " + w.stuck)
		}
		_, mono := w.config.Now()
		w.again = mono + uint64(longestTick)
		w.asked = reason == trail.FileAsked
		return nil
	}
	w.stuck = ""
	if err := w.makeSeal(trail.SealRotated); err != nil {
		next.Close()
		return err
	}
	w.closed = true
	return w.change(reason, next)
}

// openNext opens the next file, by the spare descriptor when there is no other.
func (w *file) openNext() (*os.File, error) {
	f, err := w.place.prepareNext()
	if (errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)) && w.spare != nil {
		w.spare.Close()
		w.spare = nil
		f, err = w.place.prepareNext()
	}
	return f, err
}

// change goes on in the next file; the current one is closed by a seal. The next
// one gets its name when it has a beginning.
func (w *file) change(reason string, next *os.File) error {
	before := w.f
	defer before.Close()
	w.use(next)
	w.size, w.number, w.since = 0, w.number+1, 0
	if err := w.begin(reason); err != nil {
		return err
	}
	if err := w.until("naming files", func() error { return w.place.advance(w.number - 1) }); err != nil {
		return err
	}
	before.Close()
	old := filepath.Join(filepath.Dir(w.config.Output), w.place.old(w.number-1))
	w.meter.closed.Store(&old)
	err := w.removeOld()
	if w.spare == nil {
		w.spare, _ = os.Open(os.DevNull) // without one the next change may have to wait
	}
	return err
}

// use makes f the file that is written.
func (w *file) use(f *os.File) {
	w.f, w.writer = f, f
	if w.config.wrap != nil {
		w.writer = w.config.wrap(f)
	}
}

// removeOld removes the oldest files, if the settings ask for that, and records
// it. It leaves what is not sealed.
func (w *file) removeOld() error {
	if w.config.RotateKeep <= 0 {
		return nil
	}
	all, err := w.place.numbers()
	if err != nil {
		w.degraded("old audit files cannot be listed: " + err.Error())
		return w.tell()
	}
	slices.Sort(all)
	for _, n := range all[:max(0, len(all)-w.config.RotateKeep)] {
		name := w.place.old(n)
		if err := w.removeSealed(name); err != nil {
			w.degraded(name + " stays: " + err.Error())
			continue
		}
		w.recorded = append(w.recorded, audit.Record{Event: audit.EventRotated, Reason: trail.FileRemoved, Detail: name})
	}
	return w.tell()
}

func (w *file) removeSealed(name string) error {
	f, err := w.place.root.Open(name)
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
		return err
	}
	if !end.Closed() || end.Size != info.Size() {
		return errors.New("it does not end with a seal that closes it")
	}
	return w.place.root.Remove(name)
}
