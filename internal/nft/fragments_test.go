package nft_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"

	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// fragment makes a packet a fragment; offset is in bytes.
func fragment(packet []byte, id uint16, offset int, more bool) []byte {
	b := bytes.Clone(packet)
	binary.BigEndian.PutUint16(b[4:], id)
	field := uint16(offset / 8)
	if more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(b[6:], field)
	return b
}

// ask lets everything pass and says at which hook each packet was asked about, with
// how many bytes of options and in all.
func ask(l *lab) <-chan string {
	seen := make(chan string, 16)
	l.listen(func(p *queue.Packet, v *queue.Verdict) {
		seen <- fmt.Sprintf("%v %d+%d", p.Hook, int(p.Payload[0]&15)*4-20, len(p.Payload))
		v.Accept = true
		if p.Hook != queue.Prerouting {
			v.SetMark, v.Mark = true, uint32(mark.ForZone(1, 2))
		}
	})
	return seen
}

// Every fragment is queued at prerouting as it came, with options or without, and
// a packet that is none and has none is not. What went by there is queued again.
func TestFragmentsAreQueuedFirst(t *testing.T) {
	data := make([]byte, 24)
	plain, labeled := udpPacket(dstIP, nil, data), udpPacket(dstIP, nops, data)
	dontFragment := fragment(plain, 1, 0, false)
	dontFragment[6] = 0x40
	binary.BigEndian.PutUint16(dontFragment[10:], 0)
	tests := []struct {
		name   string
		packet []byte
		want   []string
	}{
		{"whole", plain, []string{"forward 0+52"}},
		{"whole, may not be fragmented", dontFragment, []string{"forward 0+52"}},
		{"whole with options", labeled, []string{"prerouting 12+64", "forward 12+64"}},
		{"first", fragment(plain, 2, 0, true), []string{"prerouting 0+52", "forward 0+52"}},
		{"middle", fragment(plain, 3, 32, true), []string{"prerouting 0+52", "forward 0+52"}},
		{"last", fragment(plain, 4, 8, false), []string{"prerouting 0+52", "forward 0+52"}},
		{"last, as far away as can be", fragment(plain[:27], 5, 65528, false), []string{"prerouting 0+27", "forward 0+27"}},
		{"first with options", fragment(labeled, 6, 0, true), []string{"prerouting 12+64", "forward 12+64"}},
		{"last with options", fragment(labeled, 7, 32, false), []string{"prerouting 12+64", "forward 12+64"}},
	}
	l := newLab(t)
	l.install()
	d := l.udp(l.dst, dstIP, testPort)
	seen := ask(l)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l.sendRaw(tt.packet)
			for _, want := range tt.want {
				if got := within(t, seen, want); got != want {
					t.Errorf("queued at %q, want %q", got, want)
				}
			}
			l.sendRaw(udpPacket(dstIP, nil, []byte("the one behind")))
			if !arrives(t, d, "the one behind", patience) {
				t.Fatal("the packet behind did not arrive")
			}
			if got := <-seen; got != "forward 0+42" || len(seen) != 0 {
				t.Errorf("queued once more, at %q", got)
			}
		})
	}
}

// track has connections tracked.
func (l *lab) track() {
	l.t.Helper()
	c := l.conn()
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "tracker"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "c", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Ct{Register: 1, Key: expr.CtKeySTATE}}})
	if err := c.Flush(); err != nil {
		l.t.Skipf("needs connection tracking: %v", err)
	}
}

// Where connections are tracked the kernel puts fragments together before FORWARD.
// All of them are seen apart before, and the whole once.
func TestFragmentsAreSeenApart(t *testing.T) {
	l := newLab(t)
	l.install()
	l.track()
	text := "a datagram in two fragments of its own"
	whole := udpPacket(dstIP, nil, []byte(text))
	first := fragment(withPayload(whole, whole[20:44]), 9, 0, true)
	last := fragment(withPayload(whole, whole[44:]), 9, 24, false)
	d := l.udp(l.dst, dstIP, testPort)
	seen := ask(l)
	l.sendRaw(first)
	l.sendRaw(last)
	if !arrives(t, d, text, patience) {
		t.Error("the datagram did not arrive")
	}
	want := []string{"prerouting 0+44", fmt.Sprintf("prerouting 0+%d", len(last)), fmt.Sprintf("forward 0+%d", len(whole))}
	for _, w := range want {
		if got := within(t, seen, w); got != w {
			t.Errorf("queued at %q, want %q", got, w)
		}
	}
	if len(seen) != 0 {
		t.Errorf("queued once more, at %q", <-seen)
	}
}

// The kernel puts fragments together by their addresses. What comes by an interface of
// no zone, which nobody judges, must not become a part of what a zone's host sends.
func TestFragmentsFromElsewhere(t *testing.T) {
	l := newLab(t)
	outside := newNamespace(t)
	l.cable(outside, "o0", "10.91.3.2", "fd91:3::2", l.gw, "g2", "10.91.3.1", "fd91:3::1")
	l.route(outside, "10.91.3.1")
	l.install()
	l.track()
	d := l.udp(l.dst, dstIP, testPort)
	ask(l)
	send := func(from netns.NsHandle, p []byte) {
		inside := *l
		inside.src = from
		inside.sendRaw(p)
	}
	whole := udpPacket(dstIP, nil, []byte("a datagram of two: who wrote it?"))
	first, last := withPayload(whole, whole[20:44]), withPayload(whole, whole[44:])
	for id, tt := range []struct {
		name                string
		firstFrom, lastFrom netns.NsHandle
		arrives             bool
	}{
		{"both of the zone", l.src, l.src, true},
		{"the first is made up", outside, l.src, false},
		{"the last is made up", l.src, outside, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			send(tt.firstFrom, fragment(first, uint16(id+1), 0, true))
			send(tt.lastFrom, fragment(last, uint16(id+1), 24, false))
			wait := patience
			if !tt.arrives {
				wait = soon
			}
			if got := arrives(t, d, "a datagram of two: who wrote it?", wait); got != tt.arrives {
				t.Errorf("arrived: %v", got)
			}
		})
	}
	if c, err := nft.ReadCounters(testTable, int(l.gw)); err != nil || c.Unjudged != 2 {
		t.Errorf("counters %+v, %v", c, err)
	}

	// Its own fragments are nobody's business here.
	own := l.udp(l.gw, "10.91.3.1", testPort)
	mine := udpPacket("10.91.3.1", nil, []byte("a datagram of two: who wrote it?"))
	copy(mine[12:], ip4("10.91.3.2"))
	send(outside, fragment(withPayload(mine, mine[20:44]), 9, 0, true))
	send(outside, fragment(withPayload(mine, mine[44:]), 9, 24, false))
	if !arrives(t, own, "a datagram of two: who wrote it?", patience) {
		t.Error("what is none of a zone's did not arrive")
	}
}

// Fragments with labels that contradict each other are seen one by one, too.
func TestFragmentsKeepTheirOptions(t *testing.T) {
	l := newLab(t)
	l.install()
	options := make(chan string, 4)
	l.listen(func(p *queue.Packet, _ *queue.Verdict) {
		if p.Hook == queue.Prerouting {
			options <- string(p.Payload[20 : int(p.Payload[0]&15)*4])
		}
	})
	other := bytes.Clone(unknownDOI)
	other[9] = 6
	l.sendRaw(fragment(udpPacket(gwDstIP, unknownDOI, make([]byte, 8)), 77, 0, true))
	l.sendRaw(fragment(udpPacket(gwDstIP, other, make([]byte, 8)), 77, 16, false))
	l.sendRaw(fragment(udpPacket(gwDstIP, nil, make([]byte, 8)), 77, 32, false))
	for _, want := range []string{string(unknownDOI), string(other), ""} {
		if got := within(t, options, "a fragment"); got != want {
			t.Errorf("options %x, want %x", got, want)
		}
	}
}

// withPayload returns a packet with the header of another.
func withPayload(header, payload []byte) []byte {
	b := append(bytes.Clone(header[:int(header[0]&15)*4]), payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}
