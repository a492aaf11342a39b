package queue

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fakePipeline accepts all, marked with the packet's id, and notes what it is asked.
type fakePipeline struct {
	port    *fakePort
	asked   []byte        // one letter for each call
	away    []uint32      // ids that Begin took
	busy    bool          // between Begin and Finish
	sent    int           // datagrams that had been sent when Begin was called last
	begins  []func() bool // what the next calls of Begin do; then all take
	finish  func()        // called by Finish
	handles func()        // called by Handle
}

func (p *fakePipeline) Begin(packets []Packet) bool {
	p.asked = append(p.asked, 'b')
	p.sent = len(p.port.sent)
	if len(p.begins) > 0 {
		f := p.begins[0]
		p.begins = p.begins[1:]
		if !f() {
			return false
		}
	}
	if p.busy {
		panic("two batches at a time")
	}
	p.busy, p.away = true, p.away[:0]
	for _, one := range packets {
		p.away = append(p.away, one.ID)
	}
	return true
}

func (p *fakePipeline) Finish(verdicts []Verdict) {
	p.asked = append(p.asked, 'f')
	p.busy = false
	if p.finish != nil {
		p.finish()
	}
	if len(verdicts) != len(p.away) {
		panic("verdicts for another batch")
	}
	for i, id := range p.away {
		verdicts[i] = Verdict{Accept: true, SetMark: true, Mark: id}
	}
}

func (p *fakePipeline) Handle(packets []Packet, verdicts []Verdict) {
	p.asked = append(p.asked, 'h')
	if p.handles != nil {
		p.handles()
	}
	for i := range packets {
		verdicts[i] = Verdict{Accept: true, SetMark: true, Mark: packets[i].ID}
	}
}

func take() bool   { return true }
func refuse() bool { return false }

func TestPipeline(t *testing.T) {
	some := func(from, n int) step { return step{datagrams: packets(from, n, []byte("abc"))} }
	mixed := some(1, 3)
	mixed.datagrams = append(mixed.datagrams, nlMessage(typeNoop, 0, nil))
	many := step{datagrams: [][]byte{slices.Concat(packets(1, 150, []byte("abc"))...)}}
	tests := []struct {
		name   string
		steps  []step
		begins []func() bool
		panics string // in which call, once
		asked  string
		stats  Stats
	}{
		{"one batch", []step{some(1, 3)}, nil, "", "bf", Stats{Received: 3, Accepted: 3, Marked: 3}},
		{"three in a row", []step{some(1, 3), some(4, 2), some(6, 1)}, nil, "", "bfbfbf", Stats{Received: 6, Accepted: 6, Marked: 6}},
		{"nothing in between", []step{some(1, 3), {err: unix.EAGAIN}, some(4, 1)}, nil, "", "bfbf", Stats{Received: 4, Accepted: 4, Marked: 4}},
		{"no packets in between", []step{some(1, 3), {datagrams: [][]byte{errorMessage(0, 0)}}, some(4, 1)}, nil, "", "bfbf", Stats{Received: 4, Accepted: 4, Marked: 4}},
		{"interrupted", []step{some(1, 3), {err: unix.EINTR}, some(4, 1)}, nil, "", "bfbf", Stats{Received: 4, Accepted: 4, Marked: 4}},
		{"other messages", []step{mixed, some(4, 1)}, nil, "", "bfbf", Stats{Received: 4, Accepted: 4, Marked: 4}},
		{"more than a hand at once", []step{many}, nil, "", "bfbfbf", Stats{Received: 150, Accepted: 150, Marked: 150}},
		{"cannot take the first", []step{some(1, 3), some(4, 1)}, []func() bool{refuse}, "", "bhbf", Stats{Received: 4, Accepted: 4, Marked: 4}},
		{"cannot take the second", []step{some(1, 3), some(4, 1), some(5, 1)}, []func() bool{take, refuse}, "", "bfbhbf", Stats{Received: 5, Accepted: 5, Marked: 5}},
		{"Begin panics", []step{some(1, 3), some(4, 1), some(5, 1)}, []func() bool{take, func() bool { panic("test") }}, "", "bfbbf", Stats{Received: 5, Accepted: 4, Marked: 4, Dropped: 1, Panicked: 1}},
		{"Finish panics", []step{some(1, 3), some(4, 1)}, nil, "f", "bfbf", Stats{Received: 4, Accepted: 1, Marked: 1, Dropped: 3, Panicked: 3}},
		{"Handle panics", []step{some(1, 3), some(4, 1)}, []func() bool{refuse}, "h", "bhbf", Stats{Received: 4, Accepted: 1, Marked: 1, Dropped: 3, Panicked: 3}},
		{"socket gone", []step{some(1, 3), {err: unix.EBADF}}, nil, "", "bf", Stats{Received: 3, Accepted: 3, Marked: 3, ReceiveErrors: 1}},
		{"capability lost", []step{some(1, 3), {datagrams: [][]byte{errorMessage(unix.EPERM, 1)}}}, nil, "", "bf", Stats{Received: 3, Accepted: 3, Marked: 3, AcceptsRefused: 1, VerdictErrors: 1, VerdictsDenied: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakePort{steps: tt.steps}
			p := &fakePipeline{port: f, begins: tt.begins}
			once := func() {
				p.finish, p.handles = nil, nil
				panic("test")
			}
			switch tt.panics {
			case "f":
				p.finish = once
			case "h":
				p.handles = once
			}
			s, err := runFake(t, f, p)
			if wrong := tt.stats.ReceiveErrors+tt.stats.VerdictsDenied > 0; (err != nil) != wrong {
				t.Errorf("err = %v", err)
			}
			if string(p.asked) != tt.asked {
				t.Errorf("asked %s, want %s", p.asked, tt.asked)
			}
			if d := cmp.Diff(tt.stats, s); d != "" {
				t.Errorf("stats (-want +got):\n%s", d)
			}
			all := f.answers(t)
			onceEach(t, all, 1, int(tt.stats.Received))
			for _, a := range all {
				if a.Verdict == nfAccept && a.Mark != a.ID {
					t.Errorf("packet %d got the verdict of packet %d", a.ID, a.Mark)
				}
			}
		})
	}
}

// TestPipelineAnswersMeanwhile: what was judged is answered after the next packets were
// given away, and before the queue waits for anything.
func TestPipelineAnswersMeanwhile(t *testing.T) {
	f := &fakePort{steps: []step{{datagrams: packets(1, 3, nil)}, {datagrams: packets(4, 2, nil)}, {datagrams: packets(6, 1, nil)}}}
	p := &fakePipeline{port: f, begins: []func() bool{take, take, refuse}}
	var before int
	p.handles = func() { before = len(f.answers(t)) }
	if _, err := runFake(t, f, p); err != nil {
		t.Fatal(err)
	}
	if before != 5 {
		t.Errorf("%d packets were answered before Handle was called, want 5", before)
	}
	if p.sent != 1 {
		t.Errorf("%d datagrams were sent before the last Begin, want 1", p.sent)
	}
}

// TestPipelineNoAllocations: as without.
func TestPipelineNoAllocations(t *testing.T) {
	full := []step{{datagrams: packets(1, batchSize, make([]byte, 1400))}}
	f := &fakePort{room: sendRoom}
	p := &fakePipeline{port: f}
	l := newLoop(&Queue{socket: f, errorf: t.Logf}, p, newBatch())
	round := func() {
		f.steps = full
		if err := l.receive(); err != nil {
			t.Fatal(err)
		}
		for i := range l.in.count {
			l.collect(l.in.datagram(i), l.in.cut(i))
		}
		p.asked = p.asked[:0]
		l.decide()
	}
	round()
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations for %d packets, want none", n, batchSize)
	}
}

// gatedHandler waits at a gate and notes when it was idle.
type gatedHandler struct {
	handlerFunc
	waits, idles int
	idle         func()
}

func (g *gatedHandler) Wait(<-chan struct{}) { g.waits++ }

func (g *gatedHandler) Idle() {
	g.idles++
	if g.idle != nil {
		g.idle()
	}
}

func TestGateAndIdle(t *testing.T) {
	f := &fakePort{steps: []step{{err: unix.EAGAIN}, {datagrams: packets(1, 2, nil)}, {err: unix.EINTR}, {err: unix.EAGAIN}}}
	g := &gatedHandler{handlerFunc: acceptAll, idle: func() { panic("test") }}
	s, err := runFake(t, f, g)
	if err != nil || s.Accepted != 2 {
		t.Errorf("%v, %+v", err, s)
	}
	// The last call of receive, which ends the run, times out as well.
	if g.idles != 2 || g.waits != 5 {
		t.Errorf("idle %d times, waited %d times", g.idles, g.waits)
	}
}

// TestWants: what the machine is out of for a moment is waited for, without going
// round and round; when it does not come back, the queue ends.
func TestWants(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOMEM, unix.EMFILE, unix.ENFILE} {
		f := &fakePort{steps: []step{{err: errno}, {err: errno}, {datagrams: packets(1, 1, nil)}, {err: errno}}}
		start := time.Now()
		s, err := runFake(t, f, handlerFunc(acceptAll))
		if err != nil || s.Accepted != 1 || s.ReceiveErrors != 3 {
			t.Errorf("%v: %v, %+v", errno, err, s)
		}
		if d := time.Since(start); d < receivePauses[0]+receivePauses[1]+receivePauses[0] {
			t.Errorf("%v: tried again at once: %v", errno, d)
		}
	}
	f := &fakePort{room: sendRoom}
	for range 2 * len(receivePauses) {
		f.steps = append(f.steps, step{err: unix.ENOMEM})
	}
	q := &Queue{socket: f, errorf: t.Logf, stop: make(chan struct{})}
	close(q.stop) // pauses are cut short
	err := newLoop(q, handlerFunc(acceptAll), newBatch()).run()
	if s := q.Stats(); !errors.Is(err, unix.ENOMEM) || s.ReceiveErrors != uint64(len(receivePauses)+1) {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestSettingsRefused(t *testing.T) {
	f := &fakePort{steps: []step{{datagrams: [][]byte{errorAbout(typeConfig, unix.EPERM, 0)}}}}
	if _, err := runFake(t, f, handlerFunc(acceptAll)); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "settings") {
		t.Error(err)
	}
	f = &fakePort{steps: []step{{datagrams: [][]byte{errorAbout(typeVerdictBatch, unix.ENOENT, 0)}}}}
	if s, err := runFake(t, f, handlerFunc(acceptAll)); err != nil || s != (Stats{}) {
		t.Errorf("%v, %+v", err, s)
	}
}
