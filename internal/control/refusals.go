package control

import (
	"sync"
	"time"
)

// Of refusals that are alike so many are told in a window; the others are counted
// and told together at its end.
const (
	refusalWindow = 10 * time.Second
	refusalsTold  = 5
	refusalKinds  = 256 // of which a count is kept at once; others share one
)

// refusals holds back what a caller could fill the audit trail with.
type refusals struct {
	mu    sync.Mutex
	kinds map[refusalKind]*tally
}

type refusalKind struct {
	kind string
	code Code
	uid  uint32
}

type tally struct {
	since time.Time
	told  int
	held  uint64
	last  Event // of those held
}

// admit reports whether an event is to be told now.
func (r *refusals) admit(e Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		r.kinds = make(map[refusalKind]*tally)
	}
	k := refusalKind{e.Kind, e.Code, e.UID}
	t := r.kinds[k]
	if t == nil {
		if len(r.kinds) >= refusalKinds {
			k = refusalKind{kind: e.Kind, uid: Overflow}
			t = r.kinds[k]
		}
		if t == nil {
			t = &tally{since: e.Time}
			r.kinds[k] = t
		}
	}
	if t.told < refusalsTold {
		t.told++
		return true
	}
	t.held++
	t.last = e
	return false
}

// sum returns what was held back in windows that are over, or in all of them, as
// one event a window.
func (r *refusals) sum(now time.Time, all bool) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []Event
	for k, t := range r.kinds {
		if !all && now.Sub(t.since) < refusalWindow {
			continue
		}
		delete(r.kinds, k)
		if t.held == 0 {
			continue
		}
		e := t.last
		e.Time, e.Kind, e.Count = now, EventSuppressed, t.held
		if k.uid != e.UID {
			e.UID, e.GID, e.PID = Overflow, Overflow, 0
		}
		events = append(events, e)
	}
	return events
}
