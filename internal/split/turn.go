package split

import (
	"bytes"
	"time"

	"labelgate/internal/queue"
)

// begin returns the judge to ask, nil when the queue is to end. It waits until there
// is one.
func (f *Front) begin(n int) *Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.held.Store(int64(n))
	if !f.waitForJudge() {
		return nil
	}
	return f.occupy()
}

// tryBegin does not wait.
func (f *Front) tryBegin(n int) *Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link == nil {
		return nil
	}
	f.progress.held.Store(int64(n))
	return f.occupy()
}

func (f *Front) occupy() *Link {
	f.reap()
	f.busy = true
	f.asked = f.link
	return f.asked
}

// end is called after each begin that returned a judge, with the judge when it
// answered; else it is given up.
func (f *Front) end(answered *Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.held.Store(0)
	f.busy = false
	if answered == nil {
		f.retire()
	} else {
		f.last = answered
	}
	switch {
	case f.next != nil:
		f.swap()
	case f.closed:
		f.signal()
	}
}

// Handle hands packets to the judge and returns its verdicts. While there is no
// judge it waits. Packets that a judge had and did not answer are dropped. It
// allocates nothing for up to Batch packets, which is what a queue collects.
func (f *Front) Handle(packets []queue.Packet, verdicts []queue.Verdict) {
	for len(packets) > Batch {
		f.batch(packets[:Batch], verdicts[:Batch])
		for i := range verdicts[:Batch] {
			// Another batch will use this memory before these are sent.
			verdicts[i].Payload = bytes.Clone(verdicts[i].Payload)
		}
		packets, verdicts = packets[Batch:], verdicts[Batch:]
	}
	f.batch(packets, verdicts)
}

func (f *Front) batch(packets []queue.Packet, verdicts []queue.Verdict) {
	for {
		l := f.begin(len(packets))
		if l == nil {
			f.lose(len(packets), ErrStopped)
			f.progress.held.Store(0)
			return
		}
		if f.give(l, packets) {
			f.Finish(verdicts)
			return
		}
	}
}

// give hands packets to the judge. It reports false when that was gone before it
// could see them: the next may have them.
func (f *Front) give(l *Link, packets []queue.Packet) bool {
	l.put(packets)
	f.since = time.Now()
	handed, err := l.hand(len(packets), packetBatch)
	if err == nil || handed {
		f.failed = err
		return true
	}
	f.giveUp(0, err)
	return false
}

// Begin hands packets to the judge, if there is one. It never waits for it.
func (f *Front) Begin(packets []queue.Packet) bool {
	if len(packets) > Batch {
		return false
	}
	l := f.tryBegin(len(packets))
	return l != nil && f.give(l, packets)
}

// Finish waits for the verdicts of what Begin took. They are drops when the judge had
// the packets and did not answer.
func (f *Front) Finish(verdicts []queue.Verdict) {
	l, n, err := f.asked, len(verdicts), f.failed
	if err == nil {
		err = l.await(n, packetBatch, f.since, f.timeout)
	}
	if err == nil {
		err = l.take(verdicts)
	}
	if err != nil {
		clear(verdicts)
		f.giveUp(n, err)
		return
	}
	f.end(l)
	f.progress.answered(f.start, n)
}

// giveUp ends with the judge that was asked, and tells of n packets that it had.
func (f *Front) giveUp(n int, why error) {
	f.lose(n, why)
	f.end(nil)
}

// lose tells of packets that will be dropped.
func (f *Front) lose(n int, why error) {
	f.progress.lost.Add(uint64(n))
	f.lost(n, why)
}
