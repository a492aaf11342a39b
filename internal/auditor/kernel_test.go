package auditor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// fakeKernel is an audit subsystem that answers as told.
type fakeKernel struct {
	got    []netlink.Message
	err    error
	closed bool
}

func (f *fakeKernel) Execute(m netlink.Message) ([]netlink.Message, error) {
	m.Data = append([]byte(nil), m.Data...)
	f.got = append(f.got, m)
	return nil, f.err
}

func (f *fakeKernel) Close() error {
	f.closed = true
	return nil
}

func TestKernelCopy(t *testing.T) {
	r := newRig(t)
	f := &fakeKernel{}
	r.config.Kernel, r.config.dialed.kernel = true, func() (kernelConn, error) { return f, nil }
	r.start()
	r.pipe.Add(&audit.Record{Event: audit.EventControl, Detail: "it's"})
	r.hand(0, 3, 3)
	r.mustStop()
	if len(f.got) != 4 || !f.closed {
		t.Fatalf("%d records, closed %v", len(f.got), f.closed)
	}
	for i, m := range f.got {
		text := string(m.Data)
		if m.Header.Type != 1107 || m.Header.Flags != netlink.Request|netlink.Acknowledge || !strings.HasSuffix(text, "\x00") {
			t.Errorf("message %+v", m)
		}
		want := "seq=" + string(rune('2'+i)) + " lsm=labelgate event="
		if !strings.HasPrefix(text, want) || strings.Contains(text, "'") {
			t.Errorf("record %q, want %s", text, want)
		}
	}
}

// A kernel that does not let us is told of once, and the trail goes on.
func TestKernelRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		dial error
		send error
		sent int
	}{
		{"dial", unix.EPROTONOSUPPORT, nil, 0},
		{"permission", nil, &netlink.OpError{Op: "receive", Err: os.NewSyscallError("recvmsg", unix.EPERM)}, 1},
		{"busy", nil, unix.ENOBUFS, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			f := &fakeKernel{err: tt.send}
			r.config.Kernel, r.config.dialed.kernel = true, func() (kernelConn, error) { return f, tt.dial }
			said := 0
			r.config.Errorf = func(format string, args ...any) { said++ }
			r.start()
			r.hand(0, 30, 1)
			r.mustStop()
			all := r.records()
			r.complete(all, 30)
			if got := only(all, audit.EventAuditDegraded); len(got) != 1 || said != 1 || len(f.got) != tt.sent {
				t.Errorf("said %d times, tried %d times, told %s", said, len(f.got), shown(got))
			}
		})
	}
}

// The machine's own kernel takes a record, or says why not.
func TestKernelHere(t *testing.T) {
	conn, err := dialKernel()
	if err != nil {
		t.Skipf("no audit subsystem here: %v", err)
	}
	k := kernelCopy{conn: conn}
	defer k.close()
	err = k.send([]audit.Record{*record(0)})
	t.Logf("the kernel says %v", err)
	if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
}
