package auditor

import (
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// auditUserAVC is the type of a record about access that a program makes,
// AUDIT_USER_AVC of linux/audit.h.
const auditUserAVC = 1107

// kernelConn is a connection to the kernel's audit subsystem.
type kernelConn interface {
	Execute(netlink.Message) ([]netlink.Message, error)
	Close() error
}

func dialKernel() (kernelConn, error) { return netlink.Dial(unix.NETLINK_AUDIT, nil) }

// kernelCopy gives records to the kernel's audit subsystem as well. They stand in
// the auditor's own output by then.
type kernelCopy struct {
	conn   kernelConn
	failed string // what it said last
	buffer []byte
}

// send returns an error when the kernel takes no more records, and says so of each
// cause once: it may be for want of a capability, or because it does not audit.
func (k *kernelCopy) send(records []audit.Record) error {
	if k == nil || k.conn == nil {
		return nil
	}
	for i := range records {
		r := records[i]
		k.buffer = k.buffer[:0]
		if r.Seq != 0 {
			k.buffer = fmt.Appendf(k.buffer, "seq=%d ", r.Seq)
		}
		r.Seq, r.Time = 0, time.Time{} // the kernel has its own
		k.buffer = append(r.AppendText(k.buffer), 0)
		unquote(k.buffer)
		_, err := k.conn.Execute(netlink.Message{
			Header: netlink.Header{Type: auditUserAVC, Flags: netlink.Request | netlink.Acknowledge},
			Data:   k.buffer,
		})
		switch {
		case err == nil:
			k.failed = ""
		case hopeless(err):
			k.conn.Close()
			k.conn = nil
			return fmt.Errorf("the kernel's audit takes no records of this process: %w", err)
		case k.failed != err.Error():
			k.failed = err.Error()
			return fmt.Errorf("the kernel's audit did not take a record: %w", err)
		}
	}
	return nil
}

// unquote replaces what would end the message: the kernel puts it between single
// quotes and escapes none in it.
func unquote(b []byte) {
	for i, c := range b {
		if c == '\'' {
			b[i] = '`'
		}
	}
}

// hopeless reports whether it is of no use to try again.
func hopeless(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.ECONNREFUSED, unix.EPROTONOSUPPORT, unix.EINVAL, unix.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (k *kernelCopy) close() {
	if k != nil && k.conn != nil {
		k.conn.Close()
	}
}
