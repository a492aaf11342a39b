package supply

import (
	"net"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/unix"

	"labelgate/internal/control"
	"labelgate/internal/metrics"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// What a unit has to permit, and what not. What is not permitted is asked for in a
// form that would fail otherwise, or that does no harm in a machine of its own.

var keeperMay = map[string]func() error{
	"own a queue": func() error {
		q, err := queue.Open(queue.Config{Number: 100, Length: 16})
		if err == nil {
			err = q.Close()
		}
		return err
	},
	"read the netfilter rules": func() error { _, err := nft.ReadCounters("none", 0); return unlessMissing(err) },
	"send ICMP errors":         func() error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
	"ask for routes":           func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) },
	"name domains to the kernel": func() error {
		return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_GENERIC)
	},
	"see what the kernel dropped":    reads("/proc/thread-self/net/netfilter/nfnetlink_queue"),
	"see the tables of old iptables": unlessAbsent("/proc/thread-self/net/ip_tables_names"),
	"see whether paths are learnt":   reads("/proc/sys/net/ipv4/ip_forward_use_pmtu"),
	"see where it is":                reads("/proc/sys/net/ipv4/conf/all/forwarding"),
	"read its settings":              reads("/etc/labelgate/labelgate.toml"),
	"write records":                  inDirectory("/var/log/labelgate"),
	"keep state":                     inDirectory("/var/lib/labelgate"),
	"give the kernel a victim":       func() error { return os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0) },
	"serve a control socket": listen(func() (*os.File, error) {
		return control.Listen(control.Place{Path: "/run/labelgate/control", GID: -1})
	}),
	"serve metrics on a socket":       listen(func() (*os.File, error) { return metrics.Listen("unix", "/run/labelgate/metrics", -1) }),
	"serve metrics on a port":         listen(func() (*os.File, error) { return metrics.Listen("tcp", "127.0.0.1:9876", -1) }),
	"reach the journal":               dial("/run/systemd/journal/socket"),
	"share memory":                    share,
	"pass records between processes":  pair,
	"execute itself":                  execute,
	"confine itself by Landlock":      landlock,
	"confine itself by seccomp":       func() error { return call(unix.SYS_SECCOMP, 2, 0, ptr(new(uint32))) }, // SECCOMP_GET_ACTION_AVAIL
	"watch a process":                 pidfd,
	"make itself unreadable to peers": unreadable,
}

var keeperMayNot = map[string]func() error{
	"change its settings":            writes("/etc/labelgate/labelgate.toml"),
	"add to its settings":            creates("/etc/labelgate/more"),
	"replace its program":            creates("/usr/sbin/labelgated.new"),
	"change settings of the kernel":  writes("/proc/sys/net/ipv4/ip_forward"),
	"read passwords of others":       reads("/etc/shadow"),
	"see others' homes":              reads("/root/secret"),
	"see into other processes":       reads("/proc/1/environ"),
	"read memory":                    reads("/dev/mem"),
	"read the kernel's log":          reads("/dev/kmsg"),
	"see a device":                   reads("/dev/tty"),
	"read frames":                    func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"speak IPv6":                     func() error { return socket(unix.AF_INET6, unix.SOCK_DGRAM, 0) },
	"open an odd socket":             func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0) },
	"become root":                    func() error { return call(unix.SYS_SETUID, 0, 0, 0) },
	"become another group":           func() error { return call(unix.SYS_SETGROUPS, 0, 0, 0) },
	"own others' files":              func() error { return os.Chown("/var/lib/labelgate", 0, 0) },
	"leave a way to become it":       setuidFile,
	"make a user namespace":          func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"make a network namespace":       func() error { return unix.Unshare(unix.CLONE_NEWNET) },
	"mount":                          func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
	"change its root":                func() error { return unix.Chroot("/tmp") },
	"trace":                          func() error { return call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1, 0) },
	"read others' memory":            func() error { return call(unix.SYS_PROCESS_VM_READV, 1, 0, 0) },
	"load a module":                  func() error { return call(unix.SYS_FINIT_MODULE, ^uintptr(0), 0, 0) },
	"load a program into the kernel": func() error { return call(unix.SYS_BPF, 0, 0, 0) },
	"measure others":                 func() error { return call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0) },
	"boot":                           func() error { return call(unix.SYS_REBOOT, 0, 0, 0) },
	"set the clock":                  func() error { return call(unix.SYS_CLOCK_SETTIME, 0, 0, 0) },
	"go before others":               func() error { return call(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_RR, ptr(new([16]byte))) },
	"raise its limits":               func() error { return call(unix.SYS_SETRLIMIT, unix.RLIMIT_CORE, ptr(&unix.Rlimit{Cur: 1, Max: 1}), 0) },
	"read keys":                      func() error { return call(unix.SYS_KEYCTL, 0, 0, 0) },
	"have calls made by the kernel":  func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0, 0) },
	"handle page faults":             func() error { return call(unix.SYS_USERFAULTFD, 0, 0, 0) },
	"write code":                     writableCode,
}

var guardMay = map[string]func() error{
	"read the netfilter rules": keeperMay["read the netfilter rules"],
	"read the settings":        reads("/etc/labelgate/labelgate.toml"),
}

// The guard is root, which owns files; there is nothing that it may write to.
var guardMayNot = map[string]func() error{
	"change the settings":            keeperMayNot["change its settings"],
	"change settings of the kernel":  keeperMayNot["change settings of the kernel"],
	"read frames":                    keeperMayNot["read frames"],
	"reach other machines":           func() error { return socket(unix.AF_INET, unix.SOCK_STREAM, 0) },
	"make a network namespace":       keeperMayNot["make a network namespace"],
	"mount":                          keeperMayNot["mount"],
	"load a module":                  keeperMayNot["load a module"],
	"load a program into the kernel": keeperMayNot["load a program into the kernel"],
	"trace":                          keeperMayNot["trace"],
	"become another":                 func() error { return call(unix.SYS_SETUID, 990, 0, 0) },
	"write code":                     writableCode,
}

func reads(file string) func() error {
	return func() error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Read(make([]byte, 1))
		if err != nil && err.Error() == "EOF" {
			return nil
		}
		return err
	}
}

func unlessAbsent(file string) func() error {
	return func() error { return unlessMissing(reads(file)()) }
}

func unlessMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func writes(file string) func() error {
	return func() error {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		return err
	}
}

func creates(file string) func() error {
	return func() error { return os.WriteFile(file, nil, 0o600) }
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func call(number, a, b, c uintptr) error {
	if _, _, errno := unix.Syscall6(number, a, b, c, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func listen(open func() (*os.File, error)) func() error {
	return func() error {
		f, err := open()
		if err == nil {
			f.Close()
		}
		return err
	}
}

func dial(path string) func() error {
	return func() error {
		c, err := net.Dial("unixgram", path)
		if err == nil {
			c.Close()
		}
		return err
	}
}

func share() error {
	fd, err := unix.MemfdCreate("try", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 4096); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		return err
	}
	shared, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(shared)
}

func pair() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20); err != nil {
		return err
	}
	return unix.Sendmsg(fds[0], []byte("record"), unix.UnixRights(fds[1]), nil, 0)
}

func execute() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(program)
	c.Args = []string{standInName}
	if err := c.Run(); err != nil && c.ProcessState == nil {
		return err
	}
	return nil
}

func landlock() error {
	// LANDLOCK_CREATE_RULESET_VERSION; a kernel without it may say so.
	err := call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)
	if err == unix.ENOSYS || err == unix.EOPNOTSUPP {
		return nil
	}
	return err
}

// unreadable is taken back: what comes after it would find its own files in /proc closed.
func unreadable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

func pidfd() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func setuidFile() error {
	const name = "/var/lib/labelgate/setuid"
	defer os.Remove(name)
	if err := os.WriteFile(name, nil, 0o700); err != nil {
		return nil // is what is to be shown, so a failure of the test
	}
	return unix.Chmod(name, 0o4755)
}

func writableCode() error {
	_, err := unix.Mmap(-1, 0, 4096, unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}
