package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// unwired is a gateway and four hosts around it that have nothing yet but their
// namespaces: what comes first on a machine that boots.
type unwired struct {
	gateway netns.NsHandle
	hosts   map[string]*neighbour
	config  string
	inboxes map[string]*net.UDPConn // by place, the gateway's by "gateway"
	number  int
}

// neighbour is a host, 10.5.n.2, on the gateway's interface of its name, 10.5.n.1.
type neighbour struct {
	ns netns.NsHandle
	n  byte
}

func newUnwired(t *testing.T, config string) *unwired {
	t.Helper()
	needLab(t)
	u := &unwired{gateway: emptyNamespace(t), hosts: map[string]*neighbour{}, config: config, inboxes: map[string]*net.UDPConn{}}
	for i, name := range []string{"left", "right", "other", "another"} {
		u.hosts[name] = &neighbour{ns: emptyNamespace(t), n: byte(i + 1)}
	}
	return u
}

// emptyNamespace makes one that ends with the test.
func emptyNamespace(t *testing.T) (made netns.NsHandle) {
	t.Helper()
	err := onThread(func() (err error) { made, err = netns.New(); return err })
	if err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

// onThread runs f on a thread of its own, which ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

func within(ns netns.NsHandle, f func() error) error {
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return f()
	})
}

// wire gives the gateway its interfaces, addresses and cables, and has it forward.
func (u *unwired) wire(t *testing.T) {
	t.Helper()
	must(t, within(u.gateway, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }))
	for name, h := range u.hosts {
		g, err := netlink.NewHandleAt(u.gateway, syscall.NETLINK_ROUTE)
		must(t, err)
		must(t, g.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: cablePrefix + name}, PeerName: "cable", PeerNamespace: netlink.NsFd(h.ns)}))
		address(t, g, cablePrefix+name, netip.AddrFrom4([4]byte{10, 5, h.n, 1}))
		g.Close()
		o, err := netlink.NewHandleAt(h.ns, syscall.NETLINK_ROUTE)
		must(t, err)
		address(t, o, "cable", netip.AddrFrom4([4]byte{10, 5, h.n, 2}))
		must(t, o.RouteAdd(&netlink.Route{Dst: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, Gw: net.IPv4(10, 5, h.n, 1)}))
		o.Close()
		u.listen(t, name, h.ns)
	}
	u.listen(t, "gateway", u.gateway)
}

func address(t *testing.T, h *netlink.Handle, device string, a netip.Addr) {
	t.Helper()
	link, err := h.LinkByName(device)
	must(t, err)
	must(t, h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(24, 32)}}))
	must(t, h.LinkSetUp(link))
}

func (u *unwired) listen(t *testing.T, place string, ns netns.NsHandle) {
	t.Helper()
	must(t, within(ns, func() (err error) {
		u.inboxes[place], err = net.ListenUDP("udp4", &net.UDPAddr{Port: inboxPort})
		return err
	}))
	t.Cleanup(func() { u.inboxes[place].Close() })
}

// passes sends datagrams from one place to another, "gateway" or a host, and returns
// how many arrive. It waits for all of some if they shall, and else for as long as a
// datagram takes that does.
func (u *unwired) passes(t *testing.T, from, to string, some int, shall bool) (arrived int) {
	t.Helper()
	n := byte(0)
	if to == "gateway" {
		n = u.hosts[from].n
	} else {
		n = u.hosts[to].n
	}
	dst := netip.AddrFrom4([4]byte{10, 5, n, 2})
	if to == "gateway" {
		dst = netip.AddrFrom4([4]byte{10, 5, n, 1})
	}
	u.number++
	text := fmt.Sprintf("%s to %s %d", from, to, u.number)
	for range some {
		// What is dropped at OUTPUT is refused.
		_, _ = u.inboxes[from].WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(dst, inboxPort))
	}
	wait := 100 * time.Millisecond
	if shall {
		wait = 3 * time.Second
	}
	must(t, u.inboxes[to].SetReadDeadline(time.Now().Add(wait)))
	b := make([]byte, 2000)
	for arrived < some {
		n, _, err := u.inboxes[to].ReadFromUDPAddrPort(b)
		if err != nil {
			return arrived
		}
		if string(b[:n]) == text {
			arrived++
		}
	}
	return arrived
}

// labelgated runs the program in the gateway to its end.
func (u *unwired) labelgated(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := command(filepath.Join(programs, "labelgated"), args...)
	var out []byte
	err := within(u.gateway, func() (err error) { out, err = cmd.CombinedOutput(); return err })
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// start starts the program in the gateway and waits until it is ready. The function
// that is returned ends it by a signal.
func (u *unwired) start(t *testing.T) (end func(syscall.Signal)) {
	t.Helper()
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	must(t, err)
	defer notices.Close()
	cmd := command(filepath.Join(programs, "labelgated"), "--config", u.config)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notices.LocalAddr().String())
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	started, ended := make(chan error, 1), make(chan struct{})
	go func() { // the process ends with the thread that started it
		defer close(ended)
		err := within(u.gateway, func() error {
			err := cmd.Start()
			started <- err
			if err != nil {
				return nil
			}
			return cmd.Wait()
		})
		if err != nil && cmd.Process == nil {
			started <- err
		}
	}()
	must(t, <-started)
	end = func(s syscall.Signal) {
		t.Helper()
		_ = cmd.Process.Signal(s)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("labelgated does not end at %v", s)
		}
		log.Close()
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	b := make([]byte, 1000)
	must(t, notices.SetReadDeadline(time.Now().Add(10*time.Second)))
	for {
		n, err := notices.Read(b)
		if err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("labelgated is not ready: %v\n%s", err, text)
		}
		if strings.Contains("\n"+string(b[:n]), "\nREADY=1") {
			return end
		}
	}
}
