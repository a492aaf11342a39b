package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/links"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// TestKeeper: it has the kernel's queue and the rules, shares memory, removes its
// socket, tells its service manager, and starts and stops others. All of that again
// after an upgrade.
func TestKeeper(t *testing.T) {
	needRoot(t)
	for _, role := range []Role{Keeper, Single} {
		t.Run(role.String(), func(t *testing.T) {
			dir := t.TempDir()
			manager := listenDatagrams(t, dir+"/notify")
			listenDatagrams(t, dir+"/control")
			p := &Profile{Role: role, Must: true, Execute: []string{executable(t)}, Write: []string{dir}}
			cmd := task{Enter: p, Do: "keeper", Args: []string{dir}}.command(t)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
			finish(t, cmd).ok(t)
			b := make([]byte, 64)
			if n, err := manager.Read(b); string(b[:n]) != "READY=1" {
				t.Errorf("notified %q, %v", b[:n], err)
			}
		})
	}
}

// listenDatagrams stands for the service manager, or the journal.
func listenDatagrams(tb testing.TB, name string) *net.UnixConn {
	tb.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	c.SetReadDeadline(waits())
	return c
}

func keeperDeed(t task) error {
	return errors.Join(netfilter(), sharing(), tellManager(t.Args[0]), children(), onlyNetAdmin())
}

// netfilter does what a keeper does in the network namespace of the test.
func netfilter() error {
	q, err := queue.Open(queue.Config{Number: 7})
	if err != nil {
		return err
	}
	defer q.Close()
	stats, err := queue.ReadKernelStats()
	if os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
		err, stats = nil, []queue.KernelStats{{Number: 7}} // the kernel shows it to root and root's group
	}
	if err != nil || len(stats) != 1 || stats[0].Number != 7 {
		return fmt.Errorf("queues: %v, %w", stats, err)
	}
	plan := nft.Plan{Queue: 7, Zones: []nft.Zone{{Index: 1, Name: "inside", Interfaces: []string{"lo"}}}}
	if _, err := nft.Install(plan); err != nil {
		return err
	}
	if err := nft.Check(plan); err != nil {
		return err
	}
	if err := nft.Remove(nft.DefaultTable, 0); err != nil {
		return err
	}
	w, err := links.Watch(links.Config{Zones: [][]string{{"lo"}}})
	if err != nil {
		return err
	}
	w.Close()
	return nil
}

// sharing is what a keeper and a judge share: memory, and descriptors.
func sharing() error {
	fd, err := unix.MemfdCreate("packets", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err != nil {
		return fmt.Errorf("shared memory: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 4096); err != nil {
		return err
	}
	m, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(m)
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_FUTURE_WRITE|unix.F_SEAL_SEAL); err != nil {
		return err
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	if err := unix.Sendmsg(ends[0], []byte("x"), unix.UnixRights(fd), nil, 0); err != nil {
		return err
	}
	oob := make([]byte, unix.CmsgSpace(4))
	_, _, _, _, err = unix.Recvmsg(ends[1], make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	return err
}

// tellManager removes the control socket, and tells the service manager.
func tellManager(dir string) error {
	if err := os.Remove(dir + "/control"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c, err := net.Dial("unixgram", dir+"/notify")
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("READY=1"))
	return err
}

// children starts one that ends with its parent, and ends it.
func children() error {
	p, err := startChild(task{Do: "sleep"}, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL})
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return err
	}
	state, err := p.Wait()
	if err != nil {
		return err
	}
	if w := state.Sys().(syscall.WaitStatus); !w.Signaled() || w.Signal() != syscall.SIGKILL {
		return fmt.Errorf("the child ended otherwise: %v", state)
	}
	return nil
}

func sleep(task) error {
	time.Sleep(patience / 2)
	return nil
}

func onlyNetAdmin() error {
	s, err := Current()
	if err != nil {
		return err
	}
	bounded := len(s.Bounding) == 0 || s.Filters > 1 // below a unit, which sets the bounding set
	if !slices.Equal(s.Capabilities, []string{"net_admin"}) || len(s.Ambient) != 0 || !bounded || !s.NoNewPrivileges || !s.Seccomp {
		return fmt.Errorf("state: %s, bounding %q, ambient %q", s, s.Bounding, s.Ambient)
	}
	return nil
}
