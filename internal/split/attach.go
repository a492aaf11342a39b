package split

import (
	"errors"
	"fmt"
	"time"
)

// Attach gives the packets to a judge from the next batch on. It should be one that
// is ready: what it does before it answers counts as time taken for that batch. While
// there is another that works, that is given up between two batches and nothing is
// lost: it answers what it has, and then sees the end of its socket. Attach returns
// when that is so. It fails when the Front was closed; the link is then discarded.
func (f *Front) Attach(l *Link) error {
	l.Started()
	if err := l.line.limit(f.timeout); err != nil {
		l.abandon()
		return fmt.Errorf("time limit of the socket to the judge: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.next != nil && !f.closed {
		f.wait()
	}
	if f.closed {
		l.abandon()
		return errClosed
	}
	f.next = l
	if !f.busy {
		f.swap()
	}
	for f.next == l && !f.closed {
		f.wait()
	}
	if f.next == l { // Close discards it
		return errClosed
	}
	return nil
}

var errClosed = errors.New("judge not attached: the queue's front was closed")

// wait gives the lock up until something changed.
func (f *Front) wait() {
	c := f.changed
	f.mu.Unlock()
	<-c
	f.mu.Lock()
}

func (f *Front) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// swap makes the next judge the one that is asked.
func (f *Front) swap() {
	f.retire()
	f.link, f.next = f.next, nil
	f.progress.at.Store(int64(time.Since(f.start)))
	f.attached.Store(true)
	f.signal()
}

// retire gives the judge up. Its memory stays mapped: the queue may be sending what
// the last verdicts point to.
func (f *Front) retire() {
	if f.link == nil {
		return
	}
	f.link.line.hangUp()
	f.old = append(f.old, f.link)
	f.link = nil
	f.attached.Store(false)
}

// reap frees the links that were given up, all but the last: a judge that was
// replaced may still count the records that it sends at its end. The link that the
// queue has its last verdicts from stays too, for they point into it.
func (f *Front) reap() {
	for len(f.old) > 1 && f.old[0] != f.last {
		f.gone.add(&f.old[0].out)
		f.old[0].abandon()
		f.old = f.old[1:]
	}
}

// Wait returns when there is a judge, or when stop, which is remembered, is closed.
// The queue calls it before it takes packets from the kernel.
func (f *Front) Wait(stop <-chan struct{}) {
	f.stop = stop
	if f.attached.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitForJudge()
}

// waitForJudge reports whether there is one; else the queue is to end.
func (f *Front) waitForJudge() bool {
	for f.link == nil && !f.closed {
		c := f.changed
		f.mu.Unlock()
		select {
		case <-c:
		case <-f.stop:
			f.mu.Lock()
			return f.link != nil
		}
		f.mu.Lock()
	}
	return f.link != nil
}
