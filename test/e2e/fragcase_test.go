package e2e

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// fragPart is one fragment of a case.
type fragPart struct {
	of       int // which of the case's datagrams it is a part of
	from, to int // its bytes, counted from the layer-4 header on
	last     bool
	says     wording
	lies     bool   // its bytes are others than the datagram's
	alien    bool   // a machine of another zone sends it under the same address
	id       uint16 // how much its identification is beyond the usual one of the case
	tos      byte
	hops     byte   // less in its TTL
	flags    uint16 // besides "more fragments"
	pad      int    // bytes that the link put behind it
}

// wording is what stands in a fragment's option area.
type wording byte

const (
	usual   wording = iota // the sender's own label, nothing if it has none
	bare                   // nothing
	another                // another label that may pass as well
	foreign                // one of a domain that nobody here speaks
	unnamed                // one that the policy has no name for
	mute                   // one that no rule lets through
	broken                 // an option that breaks the format
	twice                  // two labels
	rfc1108                // a label of another scheme beside it
	hidden                 // a second label behind the end of the options

	// What does not change what is said.
	nopsBefore
	nopsBehind
	alertBefore // router alert (RFC 2113)
	alertBehind
)

// meaning returns the plainest wording that says the same.
func (w wording) meaning(labeled bool) wording {
	switch {
	case w >= nopsBefore, w == bare && !labeled:
		return usual
	}
	return w
}

const routerAlert = "\x94\x04\x00\x00"

// area returns the option area that says it, where the usual is label, nil at a
// host that has none.
func (w wording) area(label []byte) []byte {
	nops := []byte{1, 1, 1}
	foo, bar := tag1(3, 10, 1, 3), tag1(3, 11, 2)
	switch w {
	case bare:
		return nil
	case another:
		return bar
	case foreign:
		return tag1(5, 10, 1, 3)
	case unnamed:
		return tag1(3, 14, 6)
	case mute:
		return tag1(3, 13, 5)
	case broken:
		foo[7] = 30
		return foo
	case twice:
		return slices.Concat(foo, foo)
	case rfc1108:
		return slices.Concat([]byte{130, 4, 0x96, 0}, label)
	case hidden:
		return slices.Concat(label, []byte{0}, bar)
	case nopsBefore:
		return slices.Concat(nops, label)
	case nopsBehind:
		return slices.Concat(label, nops)
	case alertBefore:
		return slices.Concat([]byte(routerAlert), label)
	case alertBehind:
		return slices.Concat(label, []byte(routerAlert))
	}
	return label
}

// fragCase is a series of fragments, and what is to become of them.
type fragCase struct {
	name  string
	parts fragParts
	// heard are the numbers of the datagrams that the receiver hears, in order;
	// each once. on says otherwise for some ways, also for "strip, tracked" and the like.
	heard string
	on    map[string]string
	// forgets says that the receiver has thrown away a part of what it was given, so
	// that what is whole on the cable is not heard.
	forgets bool
	// why are the reasons for which fragments may be dropped.
	why string
	// only names the ways that the case makes sense on, each with a semicolon behind; all
	// when empty.
	only string
}

// fragParts are fragments in the order in which they are sent.
type fragParts []fragPart

// cutAt cuts a datagram; the last number is its length.
func cutAt(ends ...int) (all fragParts) {
	from := 0
	for i, to := range ends {
		all = append(all, fragPart{from: from, to: to, last: i == len(ends)-1})
		from = to
	}
	return all
}

// evenly cuts a datagram into n fragments.
func evenly(size, n int) fragParts {
	var ends []int
	for i := 1; i < n; i++ {
		ends = append(ends, size*i/n&^7)
	}
	return cutAt(append(ends, size)...)
}

func (all fragParts) reversed() fragParts {
	slices.Reverse(all)
	return all
}

// order returns some of them in another order; some may come more than once.
func (all fragParts) order(as ...int) (o fragParts) {
	for _, i := range as {
		o = append(o, all[i])
	}
	return o
}

// shuffled puts them in an order that a number stands for.
func (all fragParts) shuffled(seed uint64) fragParts {
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// with changes some of them, all when none are named.
func (all fragParts) with(change func(*fragPart), which ...int) fragParts {
	for i := range all {
		if len(which) == 0 || slices.Contains(which, i) {
			change(&all[i])
		}
	}
	return all
}

// saying has some of them say something.
func (all fragParts) saying(w wording, which ...int) fragParts {
	return all.with(func(p *fragPart) { p.says = w }, which...)
}

// alien has some of them come from another zone.
func (all fragParts) alien(which ...int) fragParts {
	return all.with(func(p *fragPart) { p.alien = true }, which...)
}

// second makes them parts of a second datagram with the same identification.
func (all fragParts) second() fragParts { return all.with(func(p *fragPart) { p.of = 1 }) }

// then sends others behind them.
func (all fragParts) then(others ...fragPart) fragParts { return slices.Concat(all, others) }

// bytesAt is a fragment with more to follow, lastBytes one without.
func bytesAt(from, to int) fragPart   { return fragPart{from: from, to: to} }
func lastBytes(from, to int) fragPart { return fragPart{from: from, to: to, last: true} }

// lying returns a fragment with other bytes than its datagram has there.
func (p fragPart) lying() fragPart {
	p.lies = true
	return p
}

// sizes are how long the datagrams of a case are: as far as what is true of them
// goes.
func (c *fragCase) sizes() (n [2]int) {
	for _, p := range c.parts {
		if !p.lies {
			n[p.of] = max(n[p.of], p.to)
		}
	}
	return n
}

// mixed reports whether the parts of one datagram say different things, sent by a
// host that labels its packets or by one that does not.
func (c *fragCase) mixed(labeled bool) bool {
	for _, p := range c.parts {
		for _, q := range c.parts {
			if p.of == q.of && p.says.meaning(labeled) != q.says.meaning(labeled) {
				return true
			}
		}
	}
	return false
}

// fragContent is a datagram from its layer-4 header on: its payload tells it from
// every other, and has no byte that an option could begin with.
func fragContent(proto byte, size, of int, id uint16, port uint16) []byte {
	b := make([]byte, max(size, 8))
	for i := 8; i < len(b); i++ {
		b[i] = 'a' + byte((i*7+i/26+of*5+int(id))%26)
	}
	if proto == protoUDP {
		copy(b, udp(port, fragmentPort, nil))
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
		return b
	}
	b[0] = 8 // echo request
	binary.BigEndian.PutUint16(b[4:], port)
	binary.BigEndian.PutUint16(b[6:], uint16(of))
	binary.BigEndian.PutUint16(b[2:], ^sum(b))
	return b
}

// fragmentPort is where receivers listen for the datagrams of these tests.
const fragmentPort = 7778

// packet makes the fragment's packet. Bytes that are not in the datagram, or are to
// be others, are capital letters.
func (p *fragPart) packet(src, dst netip.Addr, proto byte, id uint16, whole, label []byte) []byte {
	h := header{src: src, dst: dst, proto: proto, options: p.says.area(label), flags: p.flags, ttl: 64 - p.hops}
	h.flags |= uint16(p.from / 8)
	if !p.last {
		h.flags |= 0x2000
	}
	h.body = make([]byte, p.to-p.from)
	for i := range h.body {
		if at := p.from + i; p.lies || at >= len(whole) {
			h.body[i] = 'A' + byte(at%26)
		} else {
			h.body[i] = whole[at]
		}
	}
	b := h.bytes()
	b[1] = p.tos
	binary.BigEndian.PutUint16(b[4:], id+p.id)
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:headerLen(b)]))
	return append(b, bytes.Repeat([]byte{'Z'}, p.pad)...)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
