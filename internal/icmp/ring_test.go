package icmp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOwn(t *testing.T) {
	const sentAt = time.Minute
	other := netip.MustParseAddr("192.0.2.3")
	message := prohibited(1, 28)
	changed := append([]byte(nil), message...)
	changed[len(changed)-1] ^= 1 // the checksum stays: it is then wrong
	// Another message with the same checksum: two words changed places.
	twin := append([]byte(nil), message...)
	copy(twin[8:], []byte{message[10], message[11], message[8], message[9]})
	tests := []struct {
		name    string
		at      time.Duration
		to      netip.Addr
		message []byte
		ok      bool
	}{
		{"at once", sentAt, receiver, message, true},
		{"written as IPv6", sentAt, netip.MustParseAddr("::ffff:192.0.2.2"), message, true},
		{"in time", sentAt + lifetime, receiver, message, true},
		{"by a clock that went back", 0, receiver, message, true},
		{"too late", sentAt + lifetime + 1, receiver, message, false},
		{"to another", sentAt, other, message, false},
		{"to nobody", sentAt, netip.Addr{}, message, false},
		{"a bit changed", sentAt, receiver, changed, false},
		{"same checksum", sentAt, receiver, twin, false},
		{"shorter", sentAt, receiver, message[:len(message)-1], false},
		{"longer", sentAt, receiver, append(append([]byte(nil), message...), 0), false},
		{"no message", sentAt, receiver, nil, false},
		{"too short for one", sentAt, receiver, message[:3], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, written := range []bool{false, true} {
				s := newSender(unlimited, idlePort{})
				if !s.Send(sentAt, Notice{To: receiver, Message: message, Label: 5, Generation: 6}) {
					t.Fatal("refused")
				}
				// The kernel may bring the message by before the write returns.
				if written {
					s.drain()
				}
				label, generation, ok := s.Own(tt.at, tt.to, tt.message)
				if ok != tt.ok || ok && (label != 5 || generation != 6) || !ok && label+generation != 0 {
					t.Errorf("written %v: %d, %d, %v", written, label, generation, ok)
				}
				if label, _, again := s.Own(tt.at, tt.to, tt.message); again || label != 0 {
					t.Errorf("written %v: known twice", written)
				}
			}
		})
	}
}

func TestEqualMessages(t *testing.T) {
	tests := []struct {
		name   string
		second Notice
		taken  bool
	}{
		{"the same again", Notice{To: receiver, Label: 5, Generation: 6}, true},
		{"another label", Notice{To: receiver, Label: 4, Generation: 6}, false},
		{"another policy", Notice{To: receiver, Label: 5, Generation: 7}, false},
		{"another receiver", Notice{To: netip.MustParseAddr("192.0.2.3"), Label: 4, Generation: 7}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSender(unlimited, idlePort{})
			message := prohibited(1, 28)
			tt.second.Message = message
			if !s.Send(0, Notice{To: receiver, Message: message, Label: 5, Generation: 6}) {
				t.Fatal("refused")
			}
			s.drain()
			if ok := s.Send(1, tt.second); ok != tt.taken {
				t.Fatalf("Send = %v", ok)
			}
			if label, _, ok := s.Own(2, receiver, message); !ok || label != 5 {
				t.Errorf("the first: %d, %v", label, ok)
			}
			if tt.taken {
				if label, _, ok := s.Own(2, tt.second.To, message); !ok || label != tt.second.Label {
					t.Errorf("the second: %d, %v", label, ok)
				}
				return
			}
			if !s.Send(3, tt.second) {
				t.Error("refused although the first came by")
			}
		})
	}
}

// slowMemory is what Own is to know, written down plainly.
type slowMemory []slowNotice

type slowNotice struct {
	to      netip.Addr
	message []byte
	label   uint32
	at      time.Duration
}

func (m *slowMemory) own(now time.Duration, to netip.Addr, message []byte) (uint32, bool) {
	for i, n := range *m {
		if n.to == to && bytes.Equal(n.message, message) && now-n.at <= lifetime {
			*m = append((*m)[:i:i], (*m)[i+1:]...)
			return n.label, true
		}
	}
	return 0, false
}

// Random traffic, with a Run that writes meanwhile: what is known again is what
// the plain list knows, and what reaches the socket is what was taken.
func TestOwnIsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	f := &fakePort{}
	s := newSender(unlimited, f)
	run(t, s)
	var memory slowMemory
	var taken [][]byte
	var now time.Duration
	var known, unknown int
	for range 6000 {
		now += time.Duration(r.Int64N(int64(20 * time.Millisecond)))
		message := prohibited(uint32(r.IntN(8)), 4+r.IntN(3))
		to := netip.AddrFrom4(address(0, 1+r.IntN(3)))
		if r.IntN(2) == 0 {
			n := Notice{To: to, Message: message, Label: binary.BigEndian.Uint32(message[8:]) * 3, Generation: 9}
			if !s.Send(now, n) {
				// Run may be behind; but nothing is lost silently.
				until(t, "Run does not write", func() bool { return len(s.waiting) == 0 })
				continue
			}
			memory = append(memory, slowNotice{to, message, n.Label, now})
			taken = append(taken, message)
			continue
		}
		label, generation, ok := s.Own(now, to, message)
		want, wanted := memory.own(now, to, message)
		if ok != wanted || label != want || ok && generation != 9 {
			t.Fatalf("at %v: %d, %v, the twin says %d, %v", now, label, ok, want, wanted)
		}
		if ok {
			known++
		} else {
			unknown++
		}
	}
	if known < 500 || unknown < 100 {
		t.Errorf("%d known, %d unknown: this tests little", known, unknown)
	}
	until(t, "Run does not write", func() bool { return s.Stats().Sent == uint64(len(taken)) })
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.sent {
		if d := cmp.Diff(taken[i], p[headerLen:]); d != "" {
			t.Fatal(d)
		}
	}
}
