package audit

// list is a chain of buckets by their indices. A bucket is in a list at most
// once.
type list struct{ first, last int16 }

// links are a bucket's neighbours in a list.
type links struct{ before, behind int16 }

const none = -1

func newList() list { return list{none, none} }

func recentLinks(b *bucket) *links  { return &b.recent }
func waitingLinks(b *bucket) *links { return &b.waiting }

// push puts i in front.
func (l *list) push(all []bucket, i int16, of func(*bucket) *links) {
	*of(&all[i]) = links{none, l.first}
	if l.first != none {
		of(&all[l.first]).before = i
	} else {
		l.last = i
	}
	l.first = i
}

// remove takes i out, which is in the list.
func (l *list) remove(all []bucket, i int16, of func(*bucket) *links) {
	at := *of(&all[i])
	if at.before != none {
		of(&all[at.before]).behind = at.behind
	} else {
		l.first = at.behind
	}
	if at.behind != none {
		of(&all[at.behind]).before = at.before
	} else {
		l.last = at.before
	}
}
