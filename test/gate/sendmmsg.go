//go:build linux && (amd64 || arm64)

package gate

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr as it is on 64-bit machines.
type mmsghdr struct {
	header unix.Msghdr
	_      uint32 // bytes sent
	_      [4]byte
}

// outbox collects the frames of one interface and puts them on its cable in one
// system call.
type outbox struct {
	fd      int
	headers [outboxLen]mmsghdr
	vectors [outboxLen]unix.Iovec
	frames  [outboxLen][]byte // the buffers, as long as the frame in each
	kinds   [outboxLen]*Kind
	n       int
	last    int // how many were sent last
}

const (
	outboxLen   = 64
	maxFrameLen = 256
)

// newOutbox opens a packet socket in the calling thread's namespace.
func newOutbox(ifindex int) (*outbox, error) {
	// Protocol 0: it sends, and hears nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	o := &outbox{fd: fd}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifindex}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	store := make([]byte, outboxLen*maxFrameLen)
	for i := range o.headers {
		o.frames[i] = store[i*maxFrameLen : i*maxFrameLen : (i+1)*maxFrameLen]
		o.vectors[i].Base = &store[i*maxFrameLen]
		o.headers[i].header.Iov = &o.vectors[i]
		o.headers[i].header.SetIovlen(1)
	}
	return o, nil
}

// add copies a frame of a kind and returns the copy, which may be changed until
// flush.
func (o *outbox) add(k *Kind, frame []byte) []byte {
	b := append(o.frames[o.n][:0], frame...)
	o.frames[o.n], o.kinds[o.n] = b, k
	o.vectors[o.n].SetLen(len(b))
	o.n++
	return b
}

// flush sends what was added. refused is called with each frame that the kernel
// did not take.
func (o *outbox) flush(refused func(*Kind)) {
	for at := 0; at < o.n; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(o.fd), uintptr(unsafe.Pointer(&o.headers[at])), uintptr(o.n-at), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			refused(o.kinds[at]) // the first of them
			at++
		default:
			at += int(n)
		}
	}
	if o.n > 0 {
		o.n, o.last = 0, o.n
	}
}

func (o *outbox) close() { unix.Close(o.fd) }
