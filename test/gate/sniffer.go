package gate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"labelgate/internal/lab"
)

// Sniffer looks at what reaches a host, and holds each packet of a load against
// what it may look like there.
type Sniffer struct {
	host    string
	load    *Load
	domains []uint32 // whose labels must not be on this cable; nil where they may
	ring    *ring
	passes  atomic.Uint64 // how often all that was there has been looked at
	end     chan struct{}
	done    chan struct{}

	mu    sync.Mutex
	seen  Bits
	tally Tally
	times *Timeline // of what was delivered
}

// Tally is what a sniffer has seen.
type Tally struct {
	Delivered []uint64 // by the number of the kind
	Wrong     Findings // of a kind that may not be here, or not with these options
	Leaked    Findings // labels on a cable on which there may be none
	Twice     Findings // packets that were here before
	Strange   Findings // IPv4 and IPv6 that the load has not sent
	Latency   Histogram
	Lost      int // by the sniffer itself, which is then no judge
}

// Findings are packets that should not be: their number, and the first few.
type Findings struct {
	Count uint64
	Shown []string
}

const maxShown = 5

func (f *Findings) add(why string, frame []byte) {
	f.Count++
	if len(f.Shown) < maxShown {
		f.Shown = append(f.Shown, fmt.Sprintf("%s: % x", why, frame))
	}
}

// NewSniffer begins to look at what reaches a host. Labels of the domains must not
// appear there. It ends with the test.
func NewSniffer(t testing.TB, s *Site, l *Load, host string, domains ...uint32) *Sniffer {
	t.Helper()
	n := &Sniffer{host: host, load: l, domains: domains, end: make(chan struct{}), done: make(chan struct{}), times: NewTimeline()}
	n.tally.Delivered = make([]uint64, len(l.kinds))
	err := s.Do(host, func() error {
		here, err := net.InterfaceByName(lab.HostInterface)
		if err == nil {
			n.ring, err = openRing(here.Index)
		}
		return err
	})
	if err != nil {
		t.Fatalf("sniffer at %s: %v", host, err)
	}
	go n.run()
	t.Cleanup(func() {
		close(n.end)
		<-n.done
		n.ring.close()
	})
	return n
}

func (n *Sniffer) run() {
	defer close(n.done)
	for {
		select {
		case <-n.end:
			return
		default:
		}
		if n.ring.wait() != nil {
			return
		}
		n.mu.Lock()
		for n.ring.take(n.frame) {
		}
		n.mu.Unlock()
		n.passes.Add(1)
	}
}

// frame judges one frame.
func (n *Sniffer) frame(b []byte, at int64) {
	if len(b) < ethernetLen {
		return
	}
	packet := b[ethernetLen:]
	ethertype := binary.BigEndian.Uint16(b[ethernetLen-2:])
	if ethertype == EthernetIPv4 && len(packet) >= ipv4Len {
		packet = packet[:min(len(packet), int(binary.BigEndian.Uint16(packet[2:])))]
	}
	if n.domains != nil && beginsLabel(packet, n.domains) {
		n.tally.Leaked.add("at "+n.host, b)
	}
	is, ok := readTag(packet)
	switch {
	case !ok && (ethertype == EthernetIPv4 || ethertype == EthernetIPv6):
		n.tally.Strange.add("at "+n.host, b)
		return
	case !ok:
		return // ARP and the like are the gateway's own
	case is.kind >= len(n.load.kinds):
		n.tally.Wrong.add("of no kind at "+n.host, b)
		return
	}
	k := n.load.kinds[is.kind]
	if why := n.wrong(k, &is, ethertype, packet); why != "" {
		n.tally.Wrong.add(fmt.Sprintf("%s at %s: %s", k.Name, n.host, why), b)
	}
	if !n.seen.Set(is.number) {
		n.tally.Twice.add(k.Name+" at "+n.host, b)
		return
	}
	n.tally.Delivered[is.kind]++
	n.tally.Latency.Add(at - is.sent)
	n.times.Add(at, 1)
}

// wrong says what of a packet is not as it may be here, "" for nothing.
func (n *Sniffer) wrong(k *Kind, is *tag, ethertype uint16, packet []byte) string {
	switch h := headerLen(packet); {
	case k.Apart && (is.frame > 0 && n.seen.Has(is.number-1) || is.frame+1 < len(k.Frames) && n.seen.Has(is.number+1)):
		return "together with another of its datagram"
	case k.To != n.host:
		return "may not be here"
	case ethertype != EthernetIPv4 || h == 0:
		return "no IPv4 packet"
	case sum(packet[:h]) != 0xffff:
		return "wrong checksum"
	default:
		for _, area := range k.Areas {
			if bytes.Equal(area, packet[ipv4Len:h]) {
				return ""
			}
		}
		return "other options"
	}
}

// Saw reports whether the packet with a number was here.
func (n *Sniffer) Saw(number uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen.Has(number)
}

// Host returns where the sniffer is.
func (n *Sniffer) Host() string { return n.host }

// Times returns when how much was delivered.
func (n *Sniffer) Times() *Timeline { return n.times }

// Sync returns when everything that is on the cable now has been looked at.
func (n *Sniffer) Sync() {
	// A block that is not full is handed over when its time is up.
	sleepMilliseconds(3 * retireTime)
	for want := n.passes.Load() + 2; n.passes.Load() < want; {
		select {
		case <-n.done:
			return
		default:
			sleepMilliseconds(1)
		}
	}
}

// Tally returns what was seen so far.
func (n *Sniffer) Tally() Tally {
	n.mu.Lock()
	defer n.mu.Unlock()
	lost, err := n.ring.lost()
	if err != nil {
		lost = 1 // who cannot tell has seen less than all
	}
	n.tally.Lost += lost
	t := n.tally
	t.Delivered = append([]uint64(nil), t.Delivered...)
	return t
}
