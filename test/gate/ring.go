//go:build linux && (amd64 || arm64)

package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is a packet socket whose packets the kernel puts into memory that both
// share (packet(7), version 3): it takes no system call a packet, and counts what
// found the memory full.
type ring struct {
	fd     int
	memory []byte
	block  int // the next one to be read
}

const (
	blockLen   = 1 << 18
	blocks     = 128
	retireTime = 8 // milliseconds until a block is handed over that is not full

	// Offsets in struct tpacket_block_desc and tpacket3_hdr.
	blockStatus, blockPackets, blockFirst         = 8, 12, 16
	packetNext, packetSec, packetNsec, packetSnap = 0, 4, 8, 12
	packetLen, packetMAC                          = 16, 24
)

// openRing opens a ring of what comes in by an interface of the calling thread's
// namespace.
func openRing(ifindex int) (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	r := &ring{fd: fd}
	req := &unix.TpacketReq3{
		Block_size: blockLen, Block_nr: blocks, Frame_size: 2048, Frame_nr: blockLen / 2048 * blocks, Retire_blk_tov: retireTime,
	}
	for _, step := range []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3) },
		func() error { return unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, req) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1) },
		func() (err error) {
			r.memory, err = unix.Mmap(fd, 0, blockLen*blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		},
		func() error {
			all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifindex})
		},
	} {
		if err := step(); err != nil {
			r.close()
			return nil, fmt.Errorf("packet ring: %w", err)
		}
	}
	return r, nil
}

// status is the word by which the kernel and this program hand a block to each
// other.
func (r *ring) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.memory[r.block*blockLen+blockStatus]))
}

// take calls each with the frames of the next block, and reports false when there
// is none. at is when the frame came in, in nanoseconds since 1970. The frame is
// valid during the call.
func (r *ring) take(each func(frame []byte, at int64)) bool {
	if atomic.LoadUint32(r.status())&unix.TP_STATUS_USER == 0 {
		return false
	}
	b := r.memory[r.block*blockLen : (r.block+1)*blockLen]
	word := func(at uint32) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	at := word(blockFirst)
	for range word(blockPackets) {
		start := at + uint32(binary.NativeEndian.Uint16(b[at+packetMAC:]))
		each(b[start:start+word(at+packetSnap)], int64(word(at+packetSec))*1e9+int64(word(at+packetNsec)))
		at += word(at + packetNext)
	}
	atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
	r.block = (r.block + 1) % blocks
	return true
}

// wait returns when there is something to take, or after a while.
func (r *ring) wait() error {
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}, 2*retireTime)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

// lost returns how many packets found the ring full since it was asked before.
func (r *ring) lost() (int, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, err
	}
	return int(s.Drops), nil
}

func (r *ring) close() {
	if r.memory != nil {
		unix.Munmap(r.memory)
	}
	unix.Close(r.fd)
}
