package links

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const confinedEnv = "LINKS_TEST_CONFINED"

// A process that may open nothing any more, neither a socket nor a file, follows
// the links all the same: whatever changes, and however many notices are lost. The
// kernel kills it if it tries.
func TestConfined(t *testing.T) {
	switch os.Getenv(confinedEnv) {
	case "follow":
		confined(t)
		return
	case "open": // what it would be like if something were opened
		openNothing(t)
		os.Open(os.DevNull)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	for _, tt := range []struct {
		what string
		ends bool
	}{{"follow", true}, {"open", false}} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestConfined$", "-test.v")
		cmd.Env = append(os.Environ(), confinedEnv+"="+tt.what)
		out, err := cmd.CombinedOutput()
		if passed := err == nil && strings.Contains(string(out), "--- PASS: TestConfined"); passed != tt.ends {
			t.Errorf("%s: %v\n%s", tt.what, err, out)
		}
	}
}

func confined(t *testing.T) {
	r := newRouter(t)
	own, err := newTalk(r.ns, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer own.close()
	var lost atomic.Int32
	w, err := Watch(Config{NetNS: int(r.ns), Zones: [][]string{{"left"}, {"right", "side", "late"}}, Errorf: func(format string, args ...any) {
		t.Logf(format, args...)
		if strings.Contains(fmt.Sprintf(format, args...), errLost.Error()) {
			lost.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	openNothing(t)

	far := netip.MustParseAddr("10.0.0.77")
	leaves := func(mtu int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			e, ok := w.Egress(0, netip.MustParseAddr("198.51.100.254"), far)
			if ok == (mtu != 0) && e.MTU == mtu {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v, %v; want an MTU of %d", e, ok, mtu)
			}
		}
	}
	leaves(0)
	for round := range 3 {
		r.must(t, r.h.LinkSetMTU(r.left, 1400))
		until(t, w, "MTU", mtus(1400, 1500))
		late := addDummy(t, r.h, "late", 0)
		until(t, w, "new link", in(index(late), 2))
		r.burstBy(t, own, unix.RTM_NEWROUTE, 77, 1, 1300)
		until(t, w, "route", mtus(1400, 1300))
		leaves(1300)

		// While nobody listens more is said than the sockets hold.
		before := lost.Load()
		w.mu.Lock()
		for i := range 3000 {
			r.must(t, r.h.LinkSetMTU(r.left, 1400+i%2))
		}
		r.must(t, r.h.LinkSetName(late, "other"))
		r.burstBy(t, own, unix.RTM_NEWROUTE, 1000, 20000, 1250)
		w.mu.Unlock()
		until(t, w, "everything", func(t *Table) bool { return mtus(1401, 1250)(t) && in(index(late), 0)(t) })
		if lost.Load() == before {
			t.Fatalf("round %d: no notice of a link was lost, so nothing is shown", round)
		}
		leaves(1300)
		r.burstBy(t, own, unix.RTM_DELROUTE, 77, 1, 0)
		leaves(0)
		r.burstBy(t, own, unix.RTM_DELROUTE, 1000, 20000, 0)
		r.must(t, r.h.LinkDel(late))
		r.must(t, r.h.LinkSetMTU(r.left, 1500))
		until(t, w, "as before", mtus(1500, 1500))
	}
	select {
	case err := <-w.Failed():
		t.Error(err)
	default:
	}
}

// patience is more than what shall come takes on the slowest machine: with the race
// detector, the follower of routes rests for seconds from reading twenty thousand.
const patience = 30 * time.Second

// openNothing has the kernel kill this process when any of its threads asks for a new
// socket or opens a file.
func openNothing(t *testing.T) {
	t.Helper()
	code := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for _, nr := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_DUP, unix.SYS_SETNS} {
		code = append(
			code,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		)
	}
	code = append(code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 || thread != 0 {
		t.Fatalf("seccomp: thread %d: %v", thread, errno)
	}
}
