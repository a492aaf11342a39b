package control

import (
	"testing"
	"time"
)

// What is told and what is counted is everything, and little is told.
func TestRefusals(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, tt := range []struct {
		name       string
		events     int
		uids       int
		told, held int
		sums       int
	}{
		{name: "a few", events: 5, uids: 1, told: 5},
		{name: "many of one user", events: 1000, uids: 1, told: 5, held: 995, sums: 1},
		{name: "many of two", events: 1000, uids: 2, told: 10, held: 990, sums: 2},
		{name: "more users than are told apart", events: 10000, uids: 1000, told: 256*5 + 5, held: 10000 - 256*5 - 5, sums: 257},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r refusals
			told := 0
			for i := range tt.events {
				e := Event{Kind: EventRefused, Code: CodeForbidden, UID: uint32(i % tt.uids), PID: int32(i), Time: start}
				if r.admit(e) {
					told++
				}
			}
			if got := r.sum(start.Add(refusalWindow-1), false); len(got) != 0 {
				t.Errorf("told before the window is over: %v", got)
			}
			held := 0
			sums := r.sum(start.Add(refusalWindow), false)
			for _, e := range sums {
				held += int(e.Count)
				if e.Kind != EventSuppressed || e.Code != CodeForbidden && e.UID != Overflow {
					t.Errorf("sum %+v", e)
				}
			}
			if told != tt.told || held != tt.held || len(sums) != tt.sums {
				t.Errorf("told %d, held %d in %d, want %d, %d in %d", told, held, len(sums), tt.told, tt.held, tt.sums)
			}
			if len(r.kinds) != 0 || len(r.sum(start, true)) != 0 {
				t.Error("something is left")
			}
			if !r.admit(Event{Kind: EventRefused, Code: CodeForbidden, Time: start}) {
				t.Error("a new window does not tell")
			}
		})
	}
}

func TestRefusalsAtTheEnd(t *testing.T) {
	var r refusals
	for range refusalsTold + 3 {
		r.admit(Event{Kind: EventRefused, UID: 7, Time: time.Unix(1000, 0)})
	}
	if got := r.sum(time.Unix(1000, 0), true); len(got) != 1 || got[0].Count != 3 || got[0].UID != 7 {
		t.Errorf("at the end: %+v", got)
	}
}
