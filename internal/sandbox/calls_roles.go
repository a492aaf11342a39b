//go:build amd64 || arm64

package sandbox

import (
	"errors"

	"golang.org/x/sys/unix"
)

// table lists the system calls of a profile's role, for the process pid.
func (p *Profile) table(pid int) []call {
	switch p.Role {
	case Judge:
		if len(p.Read) == 0 { // it is told what others read
			return union(always(), self(pid), files(), talk(), judges())
		}
		return union(always(), self(pid), files(), readFiles(), talk(), judges())
	case Auditor:
		return union(always(), self(pid), files(), readFiles(), talk(), writesFiles())
	case Control:
		return union(always(), self(pid), files(), readFiles(), talk(), serves())
	}
	// What a keeper has not, nobody has whom it starts.
	return union(keeps(), always(), files(), readFiles(), talk(), judges(), writesFiles(), serves(), archStart)
}

// endsForAll is shutdown(2) for who shares a socket with others: it would end the
// socket that all records go through for everybody, and for good. Libraries that call
// it are told that they may not.
var endsForAll = call{number: unix.SYS_SHUTDOWN, name: "shutdown", clauses: []clause{{nil, fails(unix.EPERM)}}}

// judges is what a judge does to the sockets that it has.
func judges() []call {
	return []call{
		endsForAll,
		{number: unix.SYS_GETSOCKNAME, name: "getsockname"}, // of the library that lists links
	}
}

// writesFiles is what an auditor does in its directory, and to the journal.
func writesFiles() []call {
	return []call{
		// A program that others may execute as its owner is what root's own
		// processes must not make.
		{number: unix.SYS_OPENAT, name: "openat", clauses: without(3, unix.S_ISUID|unix.S_ISGID)},
		{number: unix.SYS_PWRITE64, name: "pwrite64"},
		{number: unix.SYS_WRITEV, name: "writev"},
		{number: unix.SYS_FSYNC, name: "fsync"},
		{number: unix.SYS_FDATASYNC, name: "fdatasync"},
		{number: unix.SYS_FTRUNCATE, name: "ftruncate"},
		{number: unix.SYS_FALLOCATE, name: "fallocate"},
		{number: unix.SYS_FLOCK, name: "flock"},
		{number: unix.SYS_FCHMOD, name: "fchmod", clauses: without(1, unix.S_ISUID|unix.S_ISGID|0o022)},
		{number: unix.SYS_RENAMEAT, name: "renameat"},
		{number: unix.SYS_RENAMEAT2, name: "renameat2"},
		{number: unix.SYS_LINKAT, name: "linkat"},
		{number: unix.SYS_UNLINKAT, name: "unlinkat"},
		{number: unix.SYS_STATFS, name: "statfs"},
		{number: unix.SYS_FSTATFS, name: "fstatfs"},
		{number: unix.SYS_CONNECT, name: "connect"},
		{number: unix.SYS_GETSOCKOPT, name: "getsockopt"},
	}
}

// serves is what a control process does with connections.
func serves() []call {
	return []call{
		{number: unix.SYS_ACCEPT4, name: "accept4"},
		endsForAll,
		{number: unix.SYS_GETSOCKNAME, name: "getsockname"},
		{number: unix.SYS_GETPEERNAME, name: "getpeername"},
		{number: unix.SYS_GETSOCKOPT, name: "getsockopt"},
		{number: unix.SYS_SETSOCKOPT, name: "setsockopt", clauses: []clause{
			all(exactly(1, unix.SOL_SOCKET), exactly(2, unix.SO_KEEPALIVE)),
			all(exactly(1, unix.SOL_SOCKET), exactly(2, unix.SO_PASSCRED)),
			all(exactly(1, unix.IPPROTO_TCP)),
		}},
		{number: unix.SYS_WRITEV, name: "writev"},
		// Package os/user asks who itself is, whoever is looked up.
		{number: unix.SYS_GETUID, name: "getuid"},
		{number: unix.SYS_GETGID, name: "getgid"},
	}
}

// keeps is what a keeper does besides all that: sockets to the kernel, processes,
// and what those need to start and to confine themselves.
func keeps() []call {
	netlink := func(protocol uint64) clause { return all(exactly(0, unix.AF_NETLINK), exactly(2, protocol)) }
	fork := append(append([]clause(nil), threadOnly...), process...)
	calls := []call{
		{number: unix.SYS_SOCKET, name: "socket", clauses: []clause{
			all(exactly(0, unix.AF_UNIX)), netlink(unix.NETLINK_NETFILTER), netlink(unix.NETLINK_ROUTE),
			netlink(unix.NETLINK_GENERIC), netlink(unix.NETLINK_AUDIT),
		}},
		{number: unix.SYS_SOCKETPAIR, name: "socketpair", clauses: in(0, unix.AF_UNIX)},
		{number: unix.SYS_SETSOCKOPT, name: "setsockopt", clauses: in(1, unix.SOL_SOCKET, unix.SOL_NETLINK)},
		{number: unix.SYS_CLONE, name: "clone", clauses: fork},
		{number: unix.SYS_PRCTL, name: "prctl", clauses: in(0,
			unix.PR_SET_NO_NEW_PRIVS, unix.PR_GET_NO_NEW_PRIVS, unix.PR_CAPBSET_DROP, unix.PR_CAPBSET_READ, unix.PR_CAP_AMBIENT,
			unix.PR_SET_SECUREBITS, unix.PR_SET_KEEPCAPS, unix.PR_SET_DUMPABLE, unix.PR_SET_PDEATHSIG, unix.PR_SET_NAME)},
		{number: unix.SYS_SECCOMP, name: "seccomp", clauses: []clause{
			all(exactly(0, unix.SECCOMP_GET_ACTION_AVAIL)),
			all(exactly(0, unix.SECCOMP_SET_MODE_FILTER), condition{1, ^uint64(unix.SECCOMP_FILTER_FLAG_TSYNC), 0}),
		}},
		{number: unix.SYS_PRLIMIT64, name: "prlimit64", clauses: in(0, 0)},
		{number: unix.SYS_MEMFD_CREATE, name: "memfd_create", clauses: memory()},
		// Which programs take packets at an interface, and nothing else of bpf(2).
		{number: unix.SYS_BPF, name: "bpf", clauses: in(0, unix.BPF_PROG_QUERY)},
		// Positive process numbers: not everybody, and no groups.
		{number: unix.SYS_KILL, name: "kill", clauses: without(0, ^uint64(1<<31-1))},
		{number: unix.SYS_FCNTL, name: "fcntl", clauses: in(1, unix.F_DUPFD, unix.F_ADD_SEALS, unix.F_GET_SEALS)},
	}
	for _, c := range []struct {
		number uint32
		name   string
	}{
		{unix.SYS_TGKILL, "tgkill"},
		{unix.SYS_BIND, "bind"},
		{unix.SYS_SHUTDOWN, "shutdown"},
		{unix.SYS_LISTEN, "listen"},
		{unix.SYS_EXECVE, "execve"},
		{unix.SYS_WAIT4, "wait4"},
		{unix.SYS_WAITID, "waitid"},
		{unix.SYS_PIDFD_OPEN, "pidfd_open"},
		{unix.SYS_PIDFD_SEND_SIGNAL, "pidfd_send_signal"},
		{unix.SYS_PIPE2, "pipe2"},
		{unix.SYS_DUP3, "dup3"},
		{unix.SYS_EVENTFD2, "eventfd2"},
		{unix.SYS_EPOLL_CREATE1, "epoll_create1"},
		{unix.SYS_RECVMMSG, "recvmmsg"},
		{unix.SYS_SENDMMSG, "sendmmsg"},
		{unix.SYS_GETCWD, "getcwd"},
		{unix.SYS_CHDIR, "chdir"},
		{unix.SYS_SETSID, "setsid"},
		{unix.SYS_SETPGID, "setpgid"},
		{unix.SYS_UMASK, "umask"},
		{unix.SYS_UNAME, "uname"},
		{unix.SYS_GETEUID, "geteuid"},
		{unix.SYS_GETEGID, "getegid"},
		{unix.SYS_GETPPID, "getppid"},
		{unix.SYS_GETRUSAGE, "getrusage"},
		{unix.SYS_CAPGET, "capget"},
		{unix.SYS_CAPSET, "capset"},
		{unix.SYS_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset"},
		{unix.SYS_LANDLOCK_ADD_RULE, "landlock_add_rule"},
		{unix.SYS_LANDLOCK_RESTRICT_SELF, "landlock_restrict_self"},
	} {
		calls = append(calls, call{number: c.number, name: c.name})
	}
	return calls
}

// memory lets memory without a name be shared. The kernel executes such a file
// whatever Landlock says, unless it was sealed against that; kernels before 6.3
// cannot seal it.
func memory() []clause {
	fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err == nil {
		unix.Close(fd)
	}
	return []clause{all(condition{1, unix.MFD_NOEXEC_SEAL, unix.MFD_NOEXEC_SEAL})}
}
