package main

// The structures that Smack itself has kept its rules in, written after their
// published descriptions: Documentation/Smack.txt of Linux 2.6.25 (2008), and the
// change "Smack: Rule list lookup performance" of 2011. They get the best of
// conditions here: no locks, no reference counts, and nodes that lie side by side
// in memory. New rules go to the front, as they do there.

// list2008 is one list of all rules, searched by comparing the names of both
// labels.
type list2008 struct {
	first *rule2008
}

type rule2008 struct {
	subject, object string
	writes          bool
	next            *rule2008
}

func newList2008(s *set, names []string) *list2008 {
	l := &list2008{}
	nodes := make([]rule2008, len(s.pairs))
	for i, p := range s.pairs {
		nodes[i] = rule2008{names[p.subject], names[p.object], writes(i), l.first}
		l.first = &nodes[i]
	}
	return l
}

// check is the whole decision about a request for w.
func (l *list2008) check(subject, object string) bool {
	if allowed, decided := reserved2008(subject, object); decided {
		return allowed
	}
	for r := l.first; r != nil; r = r.next {
		if r.subject == subject && r.object == object {
			return r.writes
		}
	}
	return false
}

// reserved2008 decides what needs no rule.
func reserved2008(subject, object string) (allowed, decided bool) {
	switch {
	case subject == "*":
		return false, true
	case subject == "@" || object == "@" || object == "*" || subject == object:
		return true, true
	}
	return false, false
}

// list2011 is a list for each subject, searched by comparing numbers.
type list2011 struct {
	first []*rule2011 // by subject
}

type rule2011 struct {
	object uint32
	writes bool
	next   *rule2011
}

func newList2011(s *set) *list2011 {
	l := &list2011{first: make([]*rule2011, firstNumber+s.labels)}
	nodes := make([]rule2011, len(s.pairs))
	for i, p := range s.pairs {
		subject := p.subject + firstNumber
		nodes[i] = rule2011{p.object + firstNumber, writes(i), l.first[subject]}
		l.first[subject] = &nodes[i]
	}
	return l
}

// The numbers of the labels that need no rule.
const (
	star2011 = iota
	web2011
	firstNumber
)

// check is the whole decision about a request for w.
func (l *list2011) check(subject, object uint32) bool {
	switch {
	case subject == star2011:
		return false
	case subject == web2011 || object == web2011 || object == star2011 || subject == object:
		return true
	}
	for r := l.first[subject]; r != nil; r = r.next {
		if r.object == object {
			return r.writes
		}
	}
	return false
}
