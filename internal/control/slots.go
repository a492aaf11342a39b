package control

import (
	"sync"
	"time"
)

// How many callers are served at once. Those who may less leave room for those
// who may more, and root always finds some.
const (
	MaxClients  = 32
	maxAdmins   = 28
	maxReaders  = 24
	maxPerUser  = 8
	maxVisitors = 1024 // users whose pace is remembered
)

// The pace of one user's requests: so many at once, then one an interval. Root is
// not held to it.
const (
	paceBurst    = 100
	paceInterval = 4 * time.Millisecond
)

// slots are the places of callers.
type slots struct {
	owner uint32
	mu    sync.Mutex
	taken int
	users map[uint32]*visitor
}

type visitor struct {
	clients int
	next    time.Time // when the request after the last would be due at an even pace
}

func newSlots(owner uint32) *slots { return &slots{owner: owner, users: make(map[uint32]*visitor)} }

// take gives a caller a place. It reports false when there is none for such.
func (s *slots) take(uid uint32, class Class) bool {
	most := maxReaders
	switch {
	case uid == 0 || uid == s.owner && uid != Overflow:
		most = MaxClients
	case class == Admin:
		most = maxAdmins
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.visitor(uid)
	if s.taken >= most || v.clients >= maxPerUser {
		return false
	}
	s.taken++
	v.clients++
	return true
}

// give gives a place back.
func (s *slots) give(uid uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.users[uid].clients--
}

// clients returns how many places are taken.
func (s *slots) clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// pace counts a request of a user and returns how long it has to wait. The user
// has a place.
func (s *slots) pace(uid uint32, now time.Time) time.Duration {
	if uid == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.visitor(uid)
	if v.next.Before(now) {
		v.next = now
	}
	v.next = v.next.Add(paceInterval)
	return max(v.next.Sub(now)-paceBurst*paceInterval, 0)
}

// visitor returns what is known of a user. Who left is forgotten when there are
// many: a group may have any number of members.
func (s *slots) visitor(uid uint32) *visitor {
	v := s.users[uid]
	if v != nil {
		return v
	}
	if len(s.users) >= maxVisitors {
		for other, w := range s.users {
			if w.clients == 0 {
				delete(s.users, other)
			}
		}
	}
	v = &visitor{}
	s.users[uid] = v
	return v
}
