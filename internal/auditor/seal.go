package auditor

import (
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// makeSeal seals everything that was written. The key of the next seal is made
// when this one is on disk: were it the other way round, a loss of power could
// leave a trail that looks as if it had been cut.
func (w *file) makeSeal(reason string) error {
	r := audit.Record{Event: audit.EventSealed, Reason: reason, Count: w.since, Seq: w.seq + 1}
	w.stamp(&r)
	b, value := w.value.AppendSeal(w.buffer[:0], &r, w.config.Format, w.key, w.seal)
	w.buffer = b
	if err := w.patience.write(w.writer, "writing", b); err != nil {
		return err
	}
	w.value, w.seq, w.size, w.since = value, r.Seq, w.size+int64(len(b)), 0
	w.seal = r.Seal + 1
	w.meter.written.Add(1)
	w.meter.seq.Store(w.seq)
	w.meter.seals.Add(1)
	if w.config.Sync != SyncNever {
		w.sync()
	}
	if w.key != nil {
		if err := w.until("noting a seal", w.key.Advance); err != nil {
			return err
		}
	}
	w.config.copySeal(b)
	return nil
}

// tick does what is due: seals, new files, what is to be synced.
func (w *file) tick() error {
	_, mono := w.config.Now()
	if w.since > 0 && (w.since >= w.config.SealRecords || mono >= w.first+uint64(w.config.SealInterval)) {
		if err := w.makeSeal(trail.SealInterval); err != nil {
			return err
		}
	}
	if w.config.Sync == SyncBatch && w.dirty != 0 && mono >= w.dirty+uint64(batchInterval) {
		w.sync()
	}
	reason := ""
	switch {
	case w.config.RotateSize > 0 && w.size >= w.config.RotateSize:
		reason = trail.FileSize
	case w.config.RotateAge > 0 && mono >= w.born+uint64(w.config.RotateAge) && w.seq > w.header:
		reason = trail.FileAge
	case w.asked:
		reason = trail.FileAsked
	}
	if reason != "" && mono >= w.again {
		w.asked = false
		if err := w.rotate(reason); err != nil {
			return err
		}
	}
	return w.tell()
}

// wait is how long tick may wait.
func (w *file) wait() time.Duration {
	_, mono := w.config.Now()
	next := mono + uint64(longestTick)
	if w.since > 0 {
		next = min(next, w.first+uint64(w.config.SealInterval))
	}
	if w.config.Sync == SyncBatch && w.dirty != 0 {
		next = min(next, w.dirty+uint64(batchInterval))
	}
	return time.Duration(next - min(next, mono))
}

// stop seals the end.
func (w *file) stop() error {
	if err := w.tell(); err != nil || w.since == 0 {
		return err
	}
	return w.makeSeal(trail.SealStop)
}

func (w *file) rotateAsked() { w.asked = true }

func (w *file) note(r audit.Record) { w.recorded = append(w.recorded, r) }
