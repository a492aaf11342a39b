package engine

// subjects lists the global rules of each subject: those of subject s are
// rules[start[s]:start[s+1]].
type subjects struct {
	start []uint32
	rules []int32
}

func newSubjects(rules []rule, labels int) subjects {
	s := subjects{start: make([]uint32, labels+1)}
	for i := range rules {
		if rules[i].layer == 0 {
			s.start[rules[i].subject+1]++
		}
	}
	for i := 1; i < len(s.start); i++ {
		s.start[i] += s.start[i-1]
	}
	s.rules = make([]int32, s.start[labels])
	next := append([]uint32(nil), s.start...)
	for i := range rules {
		if r := &rules[i]; r.layer == 0 {
			s.rules[next[r.subject]] = int32(i)
			next[r.subject]++
		}
	}
	return s
}

func (s *subjects) of(l Label) []int32 {
	if int(l)+1 >= len(s.start) {
		return nil
	}
	return s.rules[s.start[l]:s.start[l+1]]
}
