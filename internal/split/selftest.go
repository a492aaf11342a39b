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
	l := f.begin(0)
	if l == nil {
		return
	}
	clear(f.testVerdicts)
	_, err := f.exchange(l, f.testPackets, f.testVerdicts, testBatch)
	if err == nil {
		err = f.untrue()
	}
	clear(f.testVerdicts)
	f.end(err != nil)
	if err != nil {
		f.lost(0, err)
		return
	}
	f.progress.tests.Add(1)
	f.progress.at.Store(int64(time.Since(f.start)))
}

func (f *Front) untrue() error {
	for i, t := range f.tests {
		if t.MustDrop && f.testVerdicts[i].Accept {
			return fmt.Errorf("%w: %s was let through", ErrUntrue, t.Name)
		}
	}
	return nil
}
