package links

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

// The table of answers has a fixed size, however many hosts there are.
const (
	answerSets = 1024
	answerWays = 4
	// answerTime is how long an answer may be used: nothing says when a path's MTU
	// is learnt, or forgotten.
	answerTime = 5 * time.Second
)

// answer is what the kernel said to a question.
type answer struct {
	question question
	ok       bool
	era      uint64        // what was in force then; 0 for none
	at       time.Duration // when it was given, by the table's clock
	egress   Egress
}

// answers remembers answers. A sender chooses which addresses are asked for, so
// where they are kept depends on a seed that it does not know. It belongs to one
// goroutine at a time.
type answers struct {
	seed maphash.Seed
	sets [answerSets][answerWays]answer
}

func newAnswers() *answers { return &answers{seed: maphash.MakeSeed()} }

func (s *answers) set(q question) *[answerWays]answer {
	var b [12]byte
	binary.NativeEndian.PutUint32(b[:], q.in)
	copy(b[4:], q.src[:])
	copy(b[8:], q.dst[:])
	return &s.sets[maphash.Bytes(s.seed, b[:])%answerSets]
}

// find returns the answer to a question, nil if there is none that holds in this
// era at this time.
func (s *answers) find(q question, era uint64, now time.Duration) *answer {
	set := s.set(q)
	for i := range set {
		if a := &set[i]; a.question == q && a.holds(era, now) {
			return a
		}
	}
	return nil
}

// place returns where to write the answer to a question: over one that does not
// hold any more, else over the oldest.
func (s *answers) place(q question, era uint64, now time.Duration) *answer {
	set := s.set(q)
	oldest := &set[0]
	for i := range set {
		a := &set[i]
		if !a.holds(era, now) {
			return a
		}
		if a.at < oldest.at {
			oldest = a
		}
	}
	return oldest
}

func (a *answer) holds(era uint64, now time.Duration) bool {
	return a.era == era && now-a.at < answerTime
}
