package gate

import (
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/lab"
)

// Load sends packets of kinds in a mixture by their shares. Its methods may be
// called from any goroutine, but Send and Start by one at a time.
type Load struct {
	kinds   []*Kind
	order   []*Kind // that many of each, shuffled
	at      int
	boxes   map[string]*outbox
	refused []atomic.Uint64 // by kind
	sent    []atomic.Uint64 // by kind
	number  atomic.Uint64   // the next one

	busy *Timeline
	log  []uint8 // number of the kind of each packet; valid while nothing is sent

	stop chan struct{}
	done chan struct{}
}

// maxRun bounds what is sent at once to catch up.
const maxRun = 512

// NewLoad prepares a load of these kinds, which are its own from now on. It ends
// with the test.
func NewLoad(t testing.TB, s *Site, seed uint64, kinds ...*Kind) *Load {
	t.Helper()
	l := &Load{kinds: kinds, boxes: make(map[string]*outbox), refused: make([]atomic.Uint64, len(kinds)), sent: make([]atomic.Uint64, len(kinds)), busy: NewTimeline()}
	for i, k := range kinds {
		k.number = i
		for range k.Share {
			l.order = append(l.order, k)
		}
		m := s.macs[k.From]
		for _, f := range k.Frames {
			if [6]byte(f) == ([6]byte{}) {
				copy(f, m.gateway[:])
			}
			copy(f[6:], m.host[:])
		}
		if l.boxes[k.From] == nil {
			l.boxes[k.From] = openBox(t, s, k.From)
		}
	}
	random := rand.New(rand.NewPCG(seed, seed))
	random.Shuffle(len(l.order), func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
	t.Cleanup(func() {
		l.Stop()
		for _, o := range l.boxes {
			o.close()
		}
	})
	return l
}

func openBox(t testing.TB, s *Site, host string) (o *outbox) {
	t.Helper()
	err := s.Do(host, func() error {
		here, err := net.InterfaceByName(lab.HostInterface)
		if err == nil {
			o, err = newOutbox(here.Index)
		}
		return err
	})
	if err != nil {
		t.Fatalf("packet socket of %s: %v", host, err)
	}
	return o
}

// Send sends n packets at a rate per second, and returns when they are on the
// cables. What it could not send in time, because the machine had no time for it,
// it sends later, at most maxRun at once.
func (l *Load) Send(n, rate int) {
	l.run(n, rate, nil)
}

// Start sends packets at a rate per second until Stop.
func (l *Load) Start(rate int) {
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(l.done)
		l.run(-1, rate, l.stop)
	}()
}

// Stop ends what Start began. Without that it does nothing.
func (l *Load) Stop() {
	if l.stop == nil {
		return
	}
	close(l.stop)
	<-l.done
	l.stop = nil
}

func (l *Load) run(n, rate int, stop <-chan struct{}) {
	begun, credit := time.Now(), 0.0
	for n != 0 {
		select {
		case <-stop:
			return
		default:
		}
		now := time.Now()
		credit = min(credit+now.Sub(begun).Seconds()*float64(rate), maxRun)
		begun = now
		whole := int(credit)
		if n > 0 {
			whole = min(whole, n)
			n -= whole
		}
		credit -= float64(whole)
		l.burst(whole, now)
		time.Sleep(time.Millisecond)
	}
}

// burst sends about n packets: a datagram in fragments is not torn.
func (l *Load) burst(n int, now time.Time) {
	for left := n; left > 0; l.at++ {
		left -= l.one(l.order[l.at%len(l.order)], now.UnixNano())
	}
	for _, o := range l.boxes {
		o.flush(l.refuse)
	}
	l.busy.Add(now.UnixNano(), n)
}

// one puts the frames of a kind into its host's outbox and returns how many.
func (l *Load) one(k *Kind, at int64) int {
	o := l.boxes[k.From]
	if o.n+len(k.Frames) > outboxLen {
		o.flush(l.refuse)
	}
	first := l.number.Add(uint64(len(k.Frames))) - uint64(len(k.Frames))
	for i, f := range k.Frames {
		b := o.add(k, f)
		tag{kind: k.number, frame: i, number: first + uint64(i), sent: at}.put(b)
		if k.Shape != nil {
			k.Shape(b, first)
		}
		l.log = append(l.log, uint8(k.number))
	}
	l.sent[k.number].Add(uint64(len(k.Frames)))
	return len(k.Frames)
}

func (l *Load) refuse(k *Kind) { l.refused[k.number].Add(1) }

// Again sends the last packets of a host once more, at most n, just as they were.
func (l *Load) Again(t testing.TB, host string, n int) {
	t.Helper()
	o := l.boxes[host]
	o.n = min(n, o.last)
	o.flush(func(k *Kind) { t.Errorf("%s: the kernel does not take it again", k.Name) })
}

// Sent returns how many packets of a kind are on the cable: those that the kernel
// of their host took.
func (l *Load) Sent(k *Kind) uint64 { return l.sent[k.number].Load() - l.refused[k.number].Load() }

// Total returns how many packets of all kinds are on the cables.
func (l *Load) Total() (n uint64) {
	for _, k := range l.kinds {
		n += l.Sent(k)
	}
	return n
}

// Kinds returns the kinds of the load.
func (l *Load) Kinds() []*Kind { return l.kinds }

// Kind returns the kind of the packet with a number, nil for a number that was not
// given. It must not be asked while packets are sent.
func (l *Load) Kind(number uint64) *Kind {
	if number >= uint64(len(l.log)) {
		return nil
	}
	return l.kinds[l.log[number]]
}

// Busy returns when how much was sent.
func (l *Load) Busy() *Timeline { return l.busy }
