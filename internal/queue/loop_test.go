package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func acceptAll(_ []Packet, vs []Verdict) {
	for i := range vs {
		vs[i].Accept = true
	}
}

func packets(from, n int, payload []byte) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, packetMessage(uint32(from+i), payload))
	}
	return all
}

// onceEach reports ids that were not answered exactly once.
func onceEach(t *testing.T, got []answer, from, n int) {
	t.Helper()
	count := make(map[uint32]int)
	for _, a := range got {
		count[a.ID]++
	}
	for i := range n {
		if c := count[uint32(from+i)]; c != 1 {
			t.Errorf("packet %d answered %d times", from+i, c)
		}
	}
	if len(got) != n {
		t.Errorf("%d answers to %d packets", len(got), n)
	}
}

func TestEveryPacketIsAnsweredOnce(t *testing.T) {
	tests := []struct {
		name    string
		room    int
		payload int
		handle  handlerFunc
	}{
		{"accepted", 0, 100, acceptAll},
		{"handler forgets", 0, 100, func([]Packet, []Verdict) {}},
		{"handler panics at once", 0, 100, func([]Packet, []Verdict) { panic("test") }},
		{"handler panics halfway", 0, 100, func(_ []Packet, vs []Verdict) {
			vs[0].Accept = true
			panic("test")
		}},
		{"more than one send", maxVerdictLen, 9000, func(ps []Packet, vs []Verdict) {
			for i := range vs {
				vs[i] = Verdict{Accept: true, Payload: ps[i].Payload}
			}
		}},
		{"each alone", maxVerdictLen, 65000, func(ps []Packet, vs []Verdict) {
			for i := range vs {
				vs[i] = Verdict{Accept: true, SetMark: true, Payload: ps[i].Payload[:len(ps[i].Payload)-i]}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := packets(1, 3*batchSize, make([]byte, tt.payload))
			f := &fakePort{room: tt.room, steps: []step{
				{datagrams: all[:batchSize]}, {datagrams: all[batchSize : 2*batchSize]}, {datagrams: all[2*batchSize:]},
			}}
			s, err := runFake(t, f, tt.handle)
			if err != nil {
				t.Fatal(err)
			}
			got := f.answers(t)
			onceEach(t, got, 1, len(all))
			var accepted uint64
			for _, a := range got {
				accepted += uint64(a.Verdict)
			}
			if s.Received != uint64(len(all)) || s.Accepted != accepted || s.Accepted+s.Dropped != s.Received {
				t.Errorf("%d accepted, %+v", accepted, s)
			}
			if strings.Contains(tt.name, "panics") && (s.Panicked != s.Received || accepted != 0) {
				t.Errorf("%d accepted, %+v", accepted, s)
			}
		})
	}
}

// More messages in one datagram than the handler is given at once.
func TestManyMessagesInOneDatagram(t *testing.T) {
	var one []byte
	for _, m := range packets(1, 3*batchSize/2, []byte("abc")) {
		one = append(one, m...)
	}
	f := &fakePort{steps: []step{{datagrams: [][]byte{one, one[:0]}}}}
	if _, err := runFake(t, f, handlerFunc(acceptAll)); err != nil {
		t.Fatal(err)
	}
	onceEach(t, f.answers(t), 1, 3*batchSize/2)
}

func TestWhatIsDropped(t *testing.T) {
	whole := packetMessage(1, []byte("abcdefgh"))
	tests := []struct {
		name   string
		step   step
		handle handlerFunc
		want   []answer
		stats  Stats
	}{
		{
			"cut datagram", step{datagrams: [][]byte{whole[:len(whole)-4]}, cut: true}, acceptAll,
			[]answer{{ID: 1}}, Stats{Received: 1, Dropped: 1, Truncated: 1, Malformed: 1},
		},
		{
			"part of the packet", step{datagrams: [][]byte{nlMessage(typePacket, 0, packetBody(packetHeader(1, Input), attr(attrPayload, []byte("abcd")), attr(attrCapLen, be32(5))))}}, acceptAll,
			[]answer{{ID: 1}}, Stats{Received: 1, Dropped: 1, Truncated: 1},
		},
		{
			"malformed after the id", step{datagrams: [][]byte{nlMessage(typePacket, 0, packetBody(packetHeader(1, Input), []byte{0, 0, 0, 0}))}}, acceptAll,
			[]answer{{ID: 1}}, Stats{Received: 1, Dropped: 1, Truncated: 1, Malformed: 1},
		},
		{
			"no id", step{datagrams: [][]byte{nlMessage(typePacket, 0, packetBody(attr(attrPayload, []byte("abcd"))))}}, acceptAll,
			nil, Stats{Malformed: 1},
		},
		{"not from the kernel", step{datagrams: [][]byte{whole}, foreign: true}, acceptAll, nil, Stats{Foreign: 1}},
		{"unknown message", step{datagrams: [][]byte{nlMessage(0x0a00, 0, nil)}}, acceptAll, nil, Stats{Malformed: 1}},
		{
			"empty payload", step{datagrams: [][]byte{whole}}, func(_ []Packet, vs []Verdict) { vs[0] = Verdict{Accept: true, Payload: []byte{}} },
			[]answer{{ID: 1}}, Stats{Received: 1, Dropped: 1, Refused: 1},
		},
		{
			"payload too long", step{datagrams: [][]byte{whole}}, func(_ []Packet, vs []Verdict) {
				vs[0] = Verdict{Accept: true, Payload: make([]byte, MaxPayload+1)}
			},
			[]answer{{ID: 1}}, Stats{Received: 1, Dropped: 1, Refused: 1},
		},
		{
			"unknown attribute does not matter", step{datagrams: [][]byte{nlMessage(typePacket, 0, packetBody(packetHeader(1, Input), attr(77, []byte("?"))))}}, acceptAll,
			[]answer{{ID: 1, Verdict: 1}}, Stats{Received: 1, Accepted: 1, Unknown: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakePort{steps: []step{tt.step}}
			s, err := runFake(t, f, tt.handle)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, f.answers(t)); d != "" {
				t.Errorf("answers (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.stats, s); d != "" {
				t.Errorf("stats (-want +got):\n%s", d)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	one := step{datagrams: packets(1, 1, []byte("abc"))}
	tests := []struct {
		name      string
		steps     []step
		sendFails []error
		answered  int
		stats     Stats
		err       error
	}{
		{"interrupted", []step{{err: unix.EINTR}, one}, nil, 1, Stats{Received: 1, Accepted: 1}, nil},
		{"buffer full", []step{{err: unix.ENOBUFS}, one}, nil, 1, Stats{Received: 1, Accepted: 1, Overruns: 1}, nil},
		{"overrun message", []step{{datagrams: [][]byte{nlMessage(typeOverrun, 0, nil)}}, one}, nil, 1, Stats{Received: 1, Accepted: 1, Overruns: 1}, nil},
		{"socket gone", []step{{err: unix.EBADF}, one}, nil, 0, Stats{ReceiveErrors: 1}, unix.EBADF},
		{"late verdict", []step{{datagrams: [][]byte{errorMessage(unix.ENOENT, 1)}}, one}, nil, 1, Stats{Received: 1, Accepted: 1, AcceptsRefused: 1, VerdictErrors: 1, VerdictsGone: 1}, nil},
		{"acknowledgement", []step{{datagrams: [][]byte{errorMessage(0, 0)}}, one}, nil, 1, Stats{Received: 1, Accepted: 1}, nil},
		{"short error", []step{{datagrams: [][]byte{nlMessage(typeError, 0, []byte{1, 2})}}}, nil, 0, Stats{Malformed: 1}, nil},
		{"capability lost", []step{{datagrams: [][]byte{errorMessage(unix.EPERM, 1), one.datagrams[0]}}, one}, nil, 1, Stats{Received: 1, Accepted: 1, AcceptsRefused: 1, VerdictErrors: 1, VerdictsDenied: 1}, unix.EPERM},
		{"no memory for a moment", []step{one}, []error{unix.ENOBUFS, unix.ENOMEM, unix.EINTR}, 1, Stats{Received: 1, Accepted: 1}, nil},
		{"verdicts refused", []step{one, one}, []error{unix.EMSGSIZE}, 0, Stats{Received: 1, Accepted: 1, VerdictErrors: 1}, unix.EMSGSIZE},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakePort{steps: tt.steps, sendFails: tt.sendFails}
			s, err := runFake(t, f, handlerFunc(acceptAll))
			if !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
			if n := len(f.answers(t)); n != tt.answered {
				t.Errorf("%d answers, want %d", n, tt.answered)
			}
			if d := cmp.Diff(tt.stats, s); d != "" {
				t.Errorf("stats (-want +got):\n%s", d)
			}
		})
	}
}

// One bad packet now and then does not stop the queue, a broken handler does.
func TestRepeatedPanics(t *testing.T) {
	f := &fakePort{}
	for i := range 4 * maxPanics {
		f.steps = append(f.steps, step{datagrams: packets(i, 1, nil)})
	}
	n := 0
	_, err := runFake(t, f, handlerFunc(func([]Packet, []Verdict) {
		if n++; n%2 == 0 {
			panic("now and then")
		}
	}))
	if err != nil {
		t.Errorf("panics now and then: %v", err)
	}
	f = &fakePort{}
	for i := range 4 * maxPanics {
		f.steps = append(f.steps, step{datagrams: packets(i, 1, nil)})
	}
	_, err = runFake(t, f, handlerFunc(func([]Packet, []Verdict) { panic("always") }))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxPanics)) || len(f.answers(t)) != maxPanics {
		t.Errorf("err = %v after %d answers", err, len(f.answers(t)))
	}
}

func TestLoopDoesNotAllocate(t *testing.T) {
	payload := make([]byte, 1400)
	full := step{datagrams: packets(1, batchSize, payload)}
	f := &fakePort{room: sendRoom}
	q := &Queue{socket: f, errorf: t.Logf}
	l := newLoop(q, handlerFunc(func(ps []Packet, vs []Verdict) {
		for i := range ps {
			vs[i] = Verdict{Accept: i%3 != 0, SetMark: true, Mark: uint32(i)}
			if i%2 == 0 {
				vs[i].Payload = ps[i].Payload
			}
		}
	}), newBatch())
	steps := []step{full, full}
	round := func() {
		f.steps = steps[:1]
		if err := l.receive(); err != nil {
			t.Fatal(err)
		}
		for i := range l.in.count {
			l.collect(l.in.datagram(i), l.in.cut(i))
		}
		l.decide()
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations for %d packets, want none", n, batchSize)
	}
	var p Packet
	message := full.datagrams[0]
	out := make([]byte, 0, maxVerdictLen)
	v := Verdict{Accept: true, SetMark: true, Payload: payload}
	if n := testing.AllocsPerRun(100, func() {
		m, _, _ := nextMessage(message)
		parsePacket(m.body, &p)
		out = appendVerdict(out[:0], 1, p.ID, &v)
	}); n != 0 {
		t.Errorf("%v allocations to parse and answer, want none", n)
	}
}

func BenchmarkLoop(b *testing.B) {
	f := &fakePort{room: sendRoom}
	l := newLoop(&Queue{socket: f, errorf: b.Logf}, handlerFunc(acceptAll), newBatch())
	steps := []step{{datagrams: packets(1, batchSize, make([]byte, 64))}}
	for b.Loop() {
		f.steps = steps
		_ = l.receive()
		for i := range l.in.count {
			l.collect(l.in.datagram(i), l.in.cut(i))
		}
		l.decide()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchSize, "ns/packet")
}
