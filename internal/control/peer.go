package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxGroups is the most supplementary groups that Linux gives a process.
const maxGroups = 65536

// peer asks the kernel who opened the connection. That does not change, not even
// when the connection is handed on or its opener changes its user.
func peer(c *net.UnixConn) (Caller, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Caller{}, err
	}
	var caller Caller
	var asked error
	if err := raw.Control(func(fd uintptr) { caller, asked = peerOf(int(fd)) }); err != nil {
		return Caller{}, err
	}
	return caller, asked
}

func peerOf(fd int) (Caller, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Caller{}, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	groups, err := peerGroups(fd)
	if err != nil {
		return Caller{}, fmt.Errorf("SO_PEERGROUPS: %w", err)
	}
	return Caller{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid, Groups: groups}, nil
}

// peerGroups returns the supplementary groups that the opener had.
func peerGroups(fd int) ([]uint32, error) {
	for size := 64; ; size *= 8 {
		b := make([]byte, 4*size)
		length := uint32(len(b))
		// x/sys has no call for options that hold several numbers.
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&length)), 0)
		switch {
		case errno == unix.ERANGE && size < maxGroups:
			continue
		case errno != 0:
			return nil, errno
		}
		groups := make([]uint32, length/4)
		for i := range groups {
			groups[i] = binary.NativeEndian.Uint32(b[4*i:])
		}
		return groups, nil
	}
}

// nameSenders makes the kernel say of everything that comes in who sent it. A
// connection can be inherited or handed on, and then its opener says nothing
// about who uses it. Since Linux 6.16 a connection has this from its listener,
// which Listen has told, and then nothing is set here, where that may be forbidden.
func nameSenders(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		if is, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED); err != nil || is == 0 {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
		}
	}); err != nil {
		return err
	}
	return set
}

var (
	errOtherSender = errors.New("sent by another user than the one who opened the connection")
	errDescriptors = errors.New("descriptors are not taken")
)

// reader reads what one user sent, and fails at what anybody else did.
type reader struct {
	conn *net.UnixConn
	uid  uint32
	pid  int32 // of the last sender
	got  int   // bytes since it was last set to 0
	oob  [32]byte
}

// Read reads like the connection itself.
func (r *reader) Read(p []byte) (int, error) {
	// Room for the sender's name and nothing else: the kernel throws away
	// descriptors that find none, instead of filling our table with them.
	n, oobn, flags, _, err := r.conn.ReadMsgUnix(p, r.oob[:])
	switch {
	case errors.Is(err, io.EOF), err == nil && n == 0:
		return 0, io.EOF // as it is: net wraps it here
	case err != nil:
		return 0, err // net gives -1 bytes
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return 0, errDescriptors
	}
	messages, err := syscall.ParseSocketControlMessage(r.oob[:oobn])
	if err != nil || len(messages) != 1 {
		return 0, errOtherSender
	}
	sender, err := syscall.ParseUnixCredentials(&messages[0])
	if err != nil || sender.Uid != r.uid {
		return 0, errOtherSender
	}
	r.pid = sender.Pid
	r.got += n
	return n, nil
}
