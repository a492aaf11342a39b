package nft_test

import (
	"encoding/binary"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/mark"
	"labelgate/internal/queue"
)

// setOption sets an option of a UDP socket at the IP level.
func setOption(t *testing.T, c *net.UDPConn, option int, value string) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var e error
	if err := raw.Control(func(fd uintptr) { e = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, option, value) }); err != nil {
		t.Fatal(err)
	}
	if e != nil {
		t.Fatal(e)
	}
}

// Ten thousand packets of all sizes: those with options lose them on their way,
// those without get some, and each is answered exactly once.
func TestRewriteBothWays(t *testing.T) {
	const packets, window, largest = 10000, 32, 1400
	l := newLab(t)
	l.install()
	q, stop := l.listen(func(p *queue.Packet, v *queue.Verdict) {
		v.Accept = true
		if p.Hook != queue.Forward {
			return
		}
		v.SetMark, v.Mark = true, uint32(mark.ForZone(1, 2))
		if p.Payload[0]&15 > 5 {
			v.Payload = withOptions(p.Payload, nil)
		} else {
			v.Payload = withOptions(p.Payload, nops)
		}
	})
	plain, labeled := l.udp(l.src, srcIP, 5001), l.udp(l.src, srcIP, 5002)
	setOption(t, labeled, unix.IP_OPTIONS, string(nops))
	d := l.udp(l.dst, dstIP, testPort)
	if err := d.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	setOption(t, d, unix.IP_RECVOPTS, "\x01\x00\x00\x00")

	var received atomic.Int64
	done := make(chan struct{})
	seen := make([]int, packets)
	var short, wrong int
	go func() {
		defer close(done)
		b, oob := make([]byte, 2000), make([]byte, 200)
		for received.Load() < packets {
			_ = d.SetReadDeadline(time.Now().Add(2 * time.Second))
			n, on, _, from, err := d.ReadMsgUDPAddrPort(b, oob)
			if err != nil {
				return
			}
			received.Add(1)
			if hasOptions := on > 0; hasOptions != (from.Port() == 5001) {
				wrong++
			}
			if n < 4 {
				short++
				continue
			}
			i := int(binary.BigEndian.Uint32(b))
			if i >= packets || n != sizeOf(i, largest) || !slices.Equal(b[4:n], fill(i, n)[4:]) {
				wrong++
				continue
			}
			seen[i]++
		}
	}()
	wantShort := 0
	for i := range packets {
		size := sizeOf(i, largest)
		c := plain
		// The kernel does not take back less than the header that it gave:
		// what is cut off must be made up for by the layer-4 part.
		if i%2 == 1 && size >= 4 {
			c = labeled
		}
		if size < 4 {
			wantShort++
		}
		for wait := 0; int64(i)-received.Load() > window && wait < 2000; wait++ {
			time.Sleep(time.Millisecond)
		}
		if _, err := c.WriteToUDPAddrPort(fill(i, size), to(dstIP)); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	stop()
	for i, n := range seen {
		if n != 1 && sizeOf(i, largest) >= 4 {
			t.Errorf("packet %d of %d bytes arrived %d times", i, sizeOf(i, largest), n)
		}
	}
	if short != wantShort || wrong != 0 || received.Load() != packets {
		t.Errorf("%d arrived, %d of them short (want %d), %d wrong", received.Load(), short, wantShort, wrong)
	}
	// Packets with options are seen twice, at prerouting and at forward.
	s := q.Stats()
	if s.Rewritten != packets || s.Accepted != s.Received || s.Dropped != 0 || s.VerdictErrors != 0 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}
	t.Logf("%+v", s)
}

func sizeOf(i, largest int) int { return i % (largest + 1) }

func fill(i, size int) []byte {
	b := make([]byte, max(size, 4))
	for j := range b {
		b[j] = byte(i + j)
	}
	binary.BigEndian.PutUint32(b, uint32(i))
	return b[:size]
}
