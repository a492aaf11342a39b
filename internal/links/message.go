package links

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// header is what a netlink message says of itself. Numbers of netlink are in the
// machine's own byte order, addresses in the network's.
type header struct {
	kind, flags uint16
	seq         uint32
}

// messages walks through the messages of a datagram. It ends where the datagram
// is cut off.
func messages(b []byte) iter.Seq2[header, []byte] {
	return func(yield func(header, []byte) bool) {
		for len(b) >= unix.NLMSG_HDRLEN {
			n := binary.NativeEndian.Uint32(b)
			if n < unix.NLMSG_HDRLEN || uint64(n) > uint64(len(b)) {
				return
			}
			h := header{binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), binary.NativeEndian.Uint32(b[8:])}
			if !yield(h, b[unix.NLMSG_HDRLEN:n]) {
				return
			}
			b = b[min(aligned(int(n)), len(b)):]
		}
	}
}

// attributes walks through attributes by their type. It ends where they are cut
// off.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&typeMask, b[unix.SizeofRtAttr:n]) {
				return
			}
			b = b[min(aligned(n), len(b)):]
		}
	}
}

// typeMask leaves an attribute's type without what says how it is written.
const typeMask = 1<<14 - 1

func aligned(n int) int { return (n + 3) &^ 3 }

// request is a message to the kernel that is written piece by piece.
type request []byte

func newRequest(kind, flags uint16, seq uint32, body ...byte) request {
	r := make(request, unix.NLMSG_HDRLEN, 64)
	binary.NativeEndian.PutUint16(r[4:], kind)
	binary.NativeEndian.PutUint16(r[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(r[8:], seq)
	return append(r, body...)
}

// with adds an attribute of four bytes.
func (r request) with(kind uint16, value [4]byte) request {
	r = binary.NativeEndian.AppendUint16(r, unix.SizeofRtAttr+4)
	r = binary.NativeEndian.AppendUint16(r, kind)
	return append(r, value[:]...)
}

// sealed writes the length.
func (r request) sealed() []byte {
	binary.NativeEndian.PutUint32(r, uint32(len(r)))
	return r
}

// number reads an attribute of four bytes, 0 if it is shorter.
func number(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}
