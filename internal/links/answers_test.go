package links

import (
	"math/rand/v2"
	"testing"
	"time"
)

func (s *answers) put(q question, era uint64, now time.Duration, mtu int) {
	*s.place(q, era, now) = answer{q, true, era, now, Egress{MTU: mtu}}
}

func TestAnswersHold(t *testing.T) {
	q := question{in: 3, src: [4]byte{192, 0, 2, 1}, dst: [4]byte{192, 0, 2, 2}}
	tests := []struct {
		name string
		ask  question
		era  uint64
		now  time.Duration
		ok   bool
	}{
		{"same", q, 5, time.Second, true},
		{"last moment", q, 5, time.Second + answerTime - 1, true},
		{"too old", q, 5, time.Second + answerTime, false},
		{"after a change", q, 6, time.Second, false},
		{"by another interface", question{4, q.src, q.dst}, 5, time.Second, false},
		{"from another", question{3, q.dst, q.dst}, 5, time.Second, false},
		{"to another", question{3, q.src, q.src}, 5, time.Second, false},
		{"way back", question{3, q.dst, q.src}, 5, time.Second, false},
		{"empty", question{}, 5, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newAnswers()
			s.put(q, 5, time.Second, 1400)
			if a := s.find(tt.ask, tt.era, tt.now); (a != nil) != tt.ok {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

// Against a map: the table may have forgotten, but what it says is right.
func TestAnswersAgainstMap(t *testing.T) {
	type stamped struct {
		mtu int
		era uint64
		at  time.Duration
	}
	random := rand.New(rand.NewPCG(3, 4))
	s, twin := newAnswers(), make(map[question]stamped)
	era, found := uint64(1), 0
	for step := range 200000 {
		now := time.Duration(step) * time.Millisecond
		q := question{uint32(random.IntN(2)), [4]byte{3: byte(random.IntN(256))}, [4]byte{2: byte(random.IntN(32)), 3: 1}}
		if random.IntN(20000) == 0 {
			era++
		}
		a := s.find(q, era, now)
		if a == nil {
			twin[q] = stamped{step, era, now}
			s.put(q, era, now, step)
			continue
		}
		found++
		if want := twin[q]; a.egress.MTU != want.mtu || want.era != era || now-want.at >= answerTime {
			t.Fatalf("step %d: %+v, want %+v in era %d", step, a, want, era)
		}
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
}

// Among answers of which all hold, the oldest makes room.
func TestAnswersOldestGoes(t *testing.T) {
	s := newAnswers()
	first := question{in: 1}
	set := s.set(first)
	var same []question
	for i := uint32(1); len(same) < answerWays+1; i++ {
		if q := (question{in: i}); s.set(q) == set {
			same = append(same, q)
		}
	}
	for i, q := range same {
		s.put(q, 1, time.Duration(i), i)
	}
	for i, q := range same {
		if a := s.find(q, 1, answerWays); (a != nil) != (i > 0) {
			t.Errorf("answer %d: %+v", i, a)
		}
	}
}
