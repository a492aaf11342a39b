//go:build linux && (amd64 || arm64)

package queue

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many datagrams one system call reads. Above 64
	// nothing more was gained when it was measured.
	batchSize = 64

	// datagramLen holds the longest packet (64 KiB) and the attributes
	// beside it. Pages that no packet reaches are never touched.
	datagramLen = 1<<16 + 4096
)

// mmsghdr is struct mmsghdr as it is on 64-bit machines.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// batch is what one receive call returned: count datagrams, each in its own
// buffer, valid until the next call.
type batch struct {
	count   int
	headers [batchSize]mmsghdr
	vectors [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrNetlink
	buffers [batchSize][]byte
}

// newBatch makes the buffers. A batch must stay where it is: the kernel's
// structures in it point to one another.
func newBatch() *batch {
	b := new(batch)
	store := make([]byte, batchSize*datagramLen)
	for i := range b.buffers {
		b.buffers[i] = store[i*datagramLen : (i+1)*datagramLen : (i+1)*datagramLen]
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(datagramLen)
		b.headers[i].header.Iov = &b.vectors[i]
		b.headers[i].header.SetIovlen(1)
		b.headers[i].header.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	return b
}

// datagram returns what was received as number i.
func (b *batch) datagram(i int) []byte {
	return b.buffers[i][:min(b.headers[i].length, datagramLen)]
}

// cut reports whether the end of datagram i did not fit and was lost.
func (b *batch) cut(i int) bool { return b.headers[i].header.Flags&unix.MSG_TRUNC != 0 }

// fromKernel reports whether datagram i was sent by the kernel. A process with
// the right capability can send to any netlink socket.
func (b *batch) fromKernel(i int) bool { return b.names[i].Pid == 0 }

// recvmmsg takes the datagrams that are there. With MSG_WAITFORONE it waits for one,
// with MSG_DONTWAIT it does not.
func recvmmsg(fd int, b *batch, flags uintptr) error {
	b.count = 0
	for i := range b.headers {
		// The kernel writes these back shorter than it found them.
		b.headers[i].header.Namelen = unix.SizeofSockaddrNetlink
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])),
		batchSize, flags, 0, 0)
	if errno != 0 {
		return errno
	}
	b.count = int(n)
	return nil
}

// sendAll gives one datagram of messages to the kernel, which works through
// them before the call returns.
func sendAll(fd int, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
