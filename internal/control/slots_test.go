package control

import (
	"testing"
	"time"
)

// Who may less cannot take the places of those who may more.
func TestSlots(t *testing.T) {
	s := newSlots(500)
	fill := func(first uint32, class Class) (taken int) {
		for uid := first; uid < first+10; uid++ {
			for s.take(uid, class) {
				taken++
			}
		}
		return taken
	}
	if n := fill(1000, Read); n != maxReaders {
		t.Errorf("readers have %d places, want %d", n, maxReaders)
	}
	if n := fill(2000, Admin); n != maxAdmins-maxReaders {
		t.Errorf("admins have %d further places, want %d", n, maxAdmins-maxReaders)
	}
	for i := range 3 {
		if !s.take(0, Admin) {
			t.Errorf("root finds no place %d", i)
		}
	}
	if !s.take(500, Admin) {
		t.Error("the gateway's own user finds no place")
	}
	if s.take(0, Admin) || s.clients() != MaxClients {
		t.Errorf("%d clients, more than %d", s.clients(), MaxClients)
	}
	s.give(1000)
	if s.take(1001, Read) {
		t.Error("a reader has taken one of the places kept for others")
	}
	if !s.take(0, Admin) {
		t.Error("a place that was given back is not there")
	}
}

func TestSlotsOfOneUser(t *testing.T) {
	s := newSlots(500)
	for range maxPerUser {
		if !s.take(0, Admin) {
			t.Fatal("no place")
		}
	}
	if s.take(0, Admin) {
		t.Errorf("one user has more than %d places", maxPerUser)
	}
	s.give(0)
	if !s.take(0, Admin) {
		t.Error("a place that was given back is not there")
	}
}

// A gateway that runs as nobody does not give root's places to everybody whom the
// kernel calls so.
func TestSlotsOfNobody(t *testing.T) {
	s := newSlots(Overflow)
	for uid := range uint32(maxReaders) {
		s.take(1000+uid, Read)
	}
	if s.take(Overflow, Read) {
		t.Error("everybody of another user namespace has root's places")
	}
}

func TestPace(t *testing.T) {
	s := newSlots(500)
	now := time.Unix(1000, 0)
	s.take(7, Read)
	for i := range paceBurst {
		if d := s.pace(7, now); d != 0 {
			t.Fatalf("request %d waits %v", i, d)
		}
	}
	if d := s.pace(7, now); d != paceInterval {
		t.Errorf("the first beyond the burst waits %v", d)
	}
	if d := s.pace(7, now.Add(time.Hour)); d != 0 {
		t.Errorf("after an hour one waits %v", d)
	}
	s.give(7)
	for range 2 * paceBurst {
		s.take(7, Read)
		s.pace(7, now.Add(time.Hour))
		s.give(7)
	}
	s.take(7, Read)
	if d := s.pace(7, now.Add(time.Hour)); d < paceInterval*paceBurst/2 {
		t.Errorf("who comes anew each time waits %v", d)
	}
	for range 2 * paceBurst {
		if d := s.pace(0, now); d != 0 {
			t.Errorf("root waits %v", d)
		}
	}
}

func TestVisitorsAreForgotten(t *testing.T) {
	s := newSlots(500)
	s.take(1, Read)
	for uid := range uint32(10 * maxVisitors) {
		if uid > 1 && s.take(uid, Read) {
			s.give(uid)
		}
	}
	if len(s.users) > maxVisitors {
		t.Errorf("%d users are remembered", len(s.users))
	}
	if v := s.users[1]; v == nil || v.clients != 1 {
		t.Error("one who is still here was forgotten")
	}
}
