package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/internal/queue"
)

// stream is a flow of numbered labeled datagrams from a host that sends what it
// likes, so that only the gateway stands between it and the receiver.
type stream struct {
	c    *lifecycle
	to   string
	port uint16

	begun, sent atomic.Int64 // numbers given, datagrams on the cable
	end         chan struct{}
	done        sync.WaitGroup
	err         error // valid after done

	forbidden [][2]int64
}

// streamPause is between two datagrams.
const streamPause = 500 * time.Microsecond

// stream begins to send datagrams labeled Foo from mallory.
func (c *lifecycle) stream(t *testing.T, to string) *stream {
	t.Helper()
	s := &stream{c: c, to: to, port: c.nextPort(), end: make(chan struct{})}
	h := header{src: c.address(t, "mallory", to), dst: c.address(t, to, "mallory"), proto: protoUDP, options: unhex(t, foo3)}
	s.done.Go(func() { s.err = s.run(h) })
	t.Cleanup(s.quit)
	return s
}

func (s *stream) run(h header) error {
	out, err := s.c.rawCable("mallory")
	if err != nil {
		return err
	}
	defer out.close()
	tick := time.NewTicker(streamPause)
	defer tick.Stop()
	for {
		select {
		case <-s.end:
			return nil
		case <-tick.C:
		}
		n := s.begun.Add(1) - 1
		h.body = udp(s.port, inboxPort, binary.BigEndian.AppendUint64(nil, uint64(n)))
		if err := out.send(h.bytes()); err != nil {
			return err
		}
		s.sent.Add(1)
	}
}

// during calls f, and says that no datagram that goes out meanwhile may pass. What
// f leaves in the queue has time to be judged before during returns.
func (s *stream) during(f func()) (n int) {
	from := s.begun.Load()
	f()
	to := s.sent.Load()
	time.Sleep(20 * time.Millisecond)
	s.judged()
	s.forbidden = append(s.forbidden, [2]int64{from, to})
	return int(to - from)
}

func (s *stream) numbers() (all []int64) {
	for _, p := range datagrams(s.c.cables[s.to], "", false, s.port) {
		all = append(all, int64(binary.BigEndian.Uint64(p[headerLen(p)+8:])))
	}
	return all
}

// passed counts what arrived behind the gateway so far.
func (s *stream) passed() int { return len(s.numbers()) }

func (s *stream) quit() {
	select {
	case <-s.end:
	default:
		close(s.end)
	}
	s.done.Wait()
}

// stop ends the stream and returns how many datagrams were sent, how many passed,
// and how many of those were forbidden.
func (s *stream) stop(t *testing.T) (sent, passed, wrong int) {
	t.Helper()
	s.quit()
	if s.err != nil {
		t.Fatal(s.err)
	}
	time.Sleep(20 * time.Millisecond)
	numbers := s.numbers()
	for _, n := range numbers {
		for _, i := range s.forbidden {
			if i[0] <= n && n < i[1] {
				wrong++
			}
		}
	}
	return int(s.sent.Load()), len(numbers), wrong
}

// judged waits until all that is in the gateway's queue now has been answered. A busy
// machine takes its time for that; where nobody answers there is nothing to wait for.
func (s *stream) judged() {
	d := s.c.Daemon(lab.GatewayName)
	look := func() (numbered, answered uint32, ok bool) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/netfilter/nfnetlink_queue", d.PID()))
		if err != nil {
			return 0, 0, false
		}
		all, err := queue.ParseKernelStats(text)
		for _, q := range all {
			if q.Sequence > 0 {
				return q.Sequence, q.Sequence - q.Depth, err == nil
			}
		}
		return 0, 0, false
	}
	mark, _, ok := look()
	eventually(func() bool {
		var answered uint32
		if ok {
			_, answered, ok = look()
		}
		return !ok || int32(answered-mark) >= 0
	})
}
