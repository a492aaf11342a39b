package icmp

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"time"
)

const (
	headerLen     = 20
	icmpHeaderLen = 8
	maxPacket     = 576
)

// lifetime is how long a message may take to come by.
const lifetime = 5 * time.Second

// ringSize is how many messages are kept: more than the default limits let out
// within their lifetime.
const ringSize = 1024

// buffer holds one packet from Send until it was written and either came by or
// grew too old. Once it was handed over nobody changes the bytes: Run and the
// judge may both read them.
type buffer struct {
	bytes  [maxPacket]byte
	length int // of the packet

	written atomic.Bool // Run is done with it

	// Only the judge's.
	index             int // in the ring
	at                time.Duration
	label, generation uint32
}

func (b *buffer) packet() []byte  { return b.bytes[:b.length] }
func (b *buffer) message() []byte { return b.bytes[headerLen:b.length] }
func (b *buffer) to() [4]byte     { return [4]byte(b.bytes[16:]) }

// ring is the buffers in the order in which they are used. Those from tail up to
// head are in use; the numbers count on and never wrap in practice.
type ring struct {
	head, tail uint64
	buffers    [ringSize]buffer
	keys       [ringSize]uint64 // of the messages that have not come by, else 0
}

// init writes what is the same in all headers: version 4 and no options, the type
// of service of a router's own errors (RFC 1812 section 4.3.2.5), the time to live
// and the protocol. Fragmenting is allowed. The kernel fills in what is left 0: the
// identification, the checksum, and the source address by the route.
func (r *ring) init() {
	for i := range r.buffers {
		b := &r.buffers[i]
		b.index = i
		b.bytes[0], b.bytes[1], b.bytes[8], b.bytes[9] = 0x45, 0xc0, 64, 1
	}
}

func (r *ring) full() bool { return r.head-r.tail == ringSize }

// add puts a message into a free buffer; there must be one.
func (r *ring) add(now time.Duration, to [4]byte, n *Notice) *buffer {
	b := &r.buffers[r.head%ringSize]
	r.head++
	b.length = headerLen + copy(b.bytes[headerLen:], n.Message)
	binary.BigEndian.PutUint16(b.bytes[2:], uint16(b.length))
	copy(b.bytes[16:headerLen], to[:])
	b.at, b.label, b.generation = now, n.Label, n.Generation
	b.written.Store(false)
	r.keys[b.index] = key(to, n.Message)
	return b
}

// find returns the oldest of the equal messages that have not come by, nil if
// there is none. The keys only save comparing; whoever chooses his messages to
// have the same gets no more of them in here than a limit lets through.
func (r *ring) find(now time.Duration, to [4]byte, message []byte) *buffer {
	k := key(to, message)
	for n := r.tail; n != r.head; n++ {
		if r.keys[n%ringSize] != k {
			continue
		}
		if b := &r.buffers[n%ringSize]; now-b.at <= lifetime && bytes.Equal(b.message(), message) {
			return b
		}
	}
	return nil
}

// forget ends the wait for a message.
func (r *ring) forget(b *buffer) { r.keys[b.index] = 0 }

// reclaim frees the oldest buffers that nobody needs.
func (r *ring) reclaim(now time.Duration) {
	for ; r.tail != r.head; r.tail++ {
		b := &r.buffers[r.tail%ringSize]
		if !b.written.Load() || r.keys[b.index] != 0 && now-b.at <= lifetime {
			return
		}
		r.keys[b.index] = 0
	}
}

// key is the receiver, the length and the checksum of a message. It is not 0, for
// no receiver is.
func key(to [4]byte, message []byte) uint64 {
	return uint64(binary.BigEndian.Uint32(to[:]))<<32 | uint64(binary.BigEndian.Uint16(message[2:]))<<16 | uint64(len(message))
}
