package talk

import (
	"bytes"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Values of Linux's socket interface that package unix does not name.
const (
	ipPassSec   = 18 // IP_PASSSEC: datagrams come with their label
	scmSecurity = 3  // SCM_SECURITY: the control message that has it
)

// Own returns the label of the calling thread, "" without Smack.
func Own() string {
	label, err := os.ReadFile("/proc/thread-self/attr/current")
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(label, "\x00\n"))
}

// passLabels has a socket's datagrams come with their labels.
func passLabels(c syscall.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_IP, ipPassSec, 1) })
	if err == nil {
		err = failed
	}
	return err
}

// labelOf returns the label that came with a datagram.
func labelOf(control []byte) string {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return ""
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_IP && m.Header.Type == scmSecurity {
			return string(bytes.TrimRight(m.Data, "\x00"))
		}
	}
	return ""
}

// peerLabel returns the label of a connection's other side.
func peerLabel(c syscall.Conn) (label string) {
	raw, err := c.SyscallConn()
	if err != nil {
		return ""
	}
	raw.Control(func(fd uintptr) {
		// Without Smack, or where it says nothing, this fails.
		label, _ = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_PEERSEC)
	})
	return label
}
