package judge

import (
	"sync"
	"sync/atomic"
	"time"

	"labelgate/internal/memory"
)

// visit is a look at what is remembered of packets, which belongs to the goroutine
// of the handler. Whoever wants to look leaves a visit there, and the handler makes
// it between two batches.
type visit struct {
	// look goes on for at most so many places and reports whether it is through. It
	// is called by the handler only, allocates nothing and does not wait. It must not
	// keep m.
	look func(now moment, m *memory.Memory, places int) bool
	done chan struct{} // closed when it is through
}

// visits is where a visit waits for the handler.
type visits struct {
	patience time.Duration // for how long
	p        atomic.Pointer[visit]
	mu       sync.Mutex // one at a time
}

// perMillisecond is how many places are looked at between two batches, or for every
// millisecond between them: packets wait for a few microseconds at most while they
// come fast, and never for more than a hundredth of the time.
const perMillisecond = 256

// receive makes the visit that waits, if there is one.
func (h *Handler) receive(places int) {
	v := h.visits.p.Swap(nil)
	if v == nil {
		return
	}
	now := h.judge.live.moment(h.judge.links)
	now.wall, now.since = h.judge.time()
	m := h.judge.memory
	if h.judge.revision != now.revision {
		m = nil // it knows zones by numbers that stand for others now
	}
	if m == nil || v.look(now, m, places) {
		close(v.done)
		return
	}
	h.visits.p.CompareAndSwap(nil, v) // unless nobody waits for it any more
}

// allPlaces is for when no packets wait.
const allPlaces = 1 << 30

// due is how many places may be looked at after a batch.
func (j *judge) due() int {
	return perMillisecond * int(min(max(j.gap/time.Millisecond, 1), allPlaces/perMillisecond))
}

// visitPatience is how long a visit waits for the handler, which comes by with each
// batch of packets, or once a second with self-tests.
const visitPatience = 3 * time.Second

// make leaves a visit for the handler and waits until it is made. It reports false
// when it was not; what look has written must not be touched then.
func (s *visits) make(look func(now moment, m *memory.Memory, places int) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &visit{look: look, done: make(chan struct{})}
	s.p.Store(v)
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-v.done:
		return true
	case <-timer.C:
		s.p.CompareAndSwap(v, nil)
		return false
	}
}
