//go:build amd64 || arm64

package sandbox

import "golang.org/x/sys/unix"

// in makes a clause for each value that an argument may have.
func in(argument int, values ...uint64) []clause {
	all := make([]clause, len(values))
	for i, v := range values {
		all[i] = clause{[]condition{{argument, 1<<64 - 1, v}}, allow}
	}
	return all
}

// without makes a clause that an argument with one of the bits does not fulfil.
func without(argument int, bits uint64) []clause {
	return []clause{{[]condition{{argument, bits, 0}}, allow}}
}

// all makes a clause of several conditions.
func all(when ...condition) clause { return clause{when, allow} }

func exactly(argument int, value uint64) condition { return condition{argument, 1<<64 - 1, value} }

// What the runtime passes to clone for a thread. On amd64 it adds CLONE_SETTLS.
const (
	threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	threadMay   = unix.CLONE_SETTLS
)

// threadOnly lets clone make threads of the same process and nothing else.
var threadOnly = []clause{all(condition{0, ^uint64(threadMay), threadFlags})}

// process lets clone make what the standard library starts programs by: a process
// that borrows the memory until it executes one, in no new namespace.
var process = []clause{all(condition{0, ^uint64(unix.CLONE_PIDFD | 0xff), unix.CLONE_VFORK | unix.CLONE_VM})}

// always is what any Go program needs while it runs: memory, threads, timers,
// signals, and an end with a trace.
func always() []call {
	return []call{
		{number: unix.SYS_READ, name: "read"},
		{number: unix.SYS_WRITE, name: "write"},
		{number: unix.SYS_CLOSE, name: "close"},
		{number: unix.SYS_MMAP, name: "mmap", clauses: without(2, unix.PROT_EXEC)},
		{number: unix.SYS_MUNMAP, name: "munmap"},
		{number: unix.SYS_MADVISE, name: "madvise"},
		{number: unix.SYS_FUTEX, name: "futex"},
		{number: unix.SYS_NANOSLEEP, name: "nanosleep"},
		{number: unix.SYS_CLOCK_GETTIME, name: "clock_gettime"}, // where the vDSO has no clock
		{number: unix.SYS_GETRANDOM, name: "getrandom"},
		{number: unix.SYS_SCHED_YIELD, name: "sched_yield"},
		{number: unix.SYS_SCHED_GETAFFINITY, name: "sched_getaffinity"}, // the runtime asks again every second
		{number: unix.SYS_PREAD64, name: "pread64"},                     // and reads what its control group may use
		{number: unix.SYS_CLONE, name: "clone", clauses: threadOnly},
		// Its arguments are in memory, where a filter cannot see them.
		{number: unix.SYS_CLONE3, name: "clone3", clauses: []clause{{nil, fails(unix.ENOSYS)}}},
		{number: unix.SYS_EXIT, name: "exit"},
		{number: unix.SYS_EXIT_GROUP, name: "exit_group"},
		{number: unix.SYS_GETPID, name: "getpid"},
		{number: unix.SYS_GETTID, name: "gettid"},
		{number: unix.SYS_RT_SIGACTION, name: "rt_sigaction"},
		{number: unix.SYS_RT_SIGPROCMASK, name: "rt_sigprocmask"},
		{number: unix.SYS_RT_SIGRETURN, name: "rt_sigreturn"},
		{number: unix.SYS_SIGALTSTACK, name: "sigaltstack"},
		// What was interrupted by a stop goes on with this.
		{number: unix.SYS_RESTART_SYSCALL, name: "restart_syscall"},
		{number: unix.SYS_EPOLL_CTL, name: "epoll_ctl"},
		{number: unix.SYS_EPOLL_PWAIT, name: "epoll_pwait"},
		// The runtime names its memory, when there is more of it.
		{number: unix.SYS_PRCTL, name: "prctl", clauses: in(0, unix.PR_SET_VMA)},
	}
}

// self lets a process signal its own threads, as the runtime does.
func self(pid int) []call {
	return []call{{number: unix.SYS_TGKILL, name: "tgkill", clauses: in(0, uint64(pid))}}
}

const openWrites = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC

// files is what the standard library asks about descriptors that are there.
func files() []call {
	return []call{
		{number: unix.SYS_FSTAT, name: "fstat"},
		{number: unix.SYS_FCNTL, name: "fcntl", clauses: in(1, unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD_CLOEXEC)},
	}
}

// readFiles is what reading files and directories takes. Which ones, Landlock says.
func readFiles() []call {
	return []call{
		{number: unix.SYS_OPENAT, name: "openat", clauses: without(2, openWrites)},
		{number: unix.SYS_NEWFSTATAT, name: "newfstatat"},
		{number: unix.SYS_GETDENTS64, name: "getdents64"},
		{number: unix.SYS_READLINKAT, name: "readlinkat"},
		{number: unix.SYS_LSEEK, name: "lseek"},
	}
}

// talk is what sockets that are there already are used by.
func talk() []call {
	return append([]call{
		{number: unix.SYS_SENDTO, name: "sendto"},
		{number: unix.SYS_RECVFROM, name: "recvfrom"},
		{number: unix.SYS_SENDMSG, name: "sendmsg"},
		{number: unix.SYS_RECVMSG, name: "recvmsg"},
	}, archWait...)
}
