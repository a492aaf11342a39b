package split

import (
	"fmt"
	"time"

	"labelgate/internal/queue"
)

// Test is a packet that was made up to see whether the judge still judges.
type Test struct {
	// Name says what the packet is.
	Name string
	// Packet is handed to the judge; it does not change.
	Packet queue.Packet
	// MustDrop says that it must be dropped. Otherwise it need only be answered.
	MustDrop bool
}

// Idle asks the self-tests. The queue calls it when no packet came for a while, so
// that a judge that died or hangs is found before it is needed.
func (f *Front) Idle() {
	if len(f.tests) == 0 || !f.attached.Load() {
		return
	}
	l := f.tryBegin(0)
	if l == nil {
		return
	}
	err := f.ask(l)
	clear(f.testVerdicts)
	if err != nil {
		f.giveUp(0, err)
		return
	}
	f.end(l)
	f.progress.tests.Add(1)
	f.progress.at.Store(int64(time.Since(f.start)))
}

func (f *Front) ask(l *Link) error {
	n, start := len(f.tests), time.Now()
	l.put(f.testPackets)
	if _, err := l.hand(n, testBatch); err != nil {
		return err
	}
	if err := l.await(n, testBatch, start, f.timeout); err != nil {
		return err
	}
	if err := l.take(f.testVerdicts); err != nil {
		return err
	}
	return f.untrue()
}

func (f *Front) untrue() error {
	for i, t := range f.tests {
		if t.MustDrop && f.testVerdicts[i].Accept {
			return fmt.Errorf("%w: %s was let through", ErrUntrue, t.Name)
		}
	}
	return nil
}
