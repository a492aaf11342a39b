package sandbox

import (
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// closed is how a file is out of reach of those that read others.
var closed = map[Role]string{Keeper: "EACCES", Auditor: "EACCES", Control: "EACCES"}

// escapes are tried by TestEscapes.
var escapes = append(archEscapes, []escape{
	// Files.
	{name: "open /etc/shadow", probe: open("/etc/shadow", unix.O_RDONLY), denied: closed},
	{name: "open the root directory", probe: open("/", unix.O_RDONLY), denied: closed},
	{name: "open the memory of itself", probe: open("/proc/self/mem", unix.O_RDWR), denied: map[Role]string{Auditor: "EACCES", Keeper: "EACCES"}},
	{name: "open the environment of the parent", probe: func(w *world) error {
		return open("/proc/"+strconv.Itoa(w.parent)+"/environ", unix.O_RDONLY)(w)
	}, denied: closed},
	{name: "ask whether a file is there", probe: func(w *world) error {
		var s unix.Stat_t
		return unix.Fstatat(unix.AT_FDCWD, w.path, &s, 0)
	}, denied: map[Role]string{Auditor: itsWork, Control: itsWork, Keeper: itsWork}},
	{name: "open a sysctl for writing", probe: open("/proc/sys/kernel/domainname", unix.O_WRONLY), denied: map[Role]string{Auditor: "EACCES", Keeper: "EACCES"}},
	{name: "make a file in /tmp", probe: open("/tmp/labelgate-escaped", unix.O_CREAT|unix.O_WRONLY), denied: map[Role]string{Auditor: "EACCES", Keeper: "EACCES"}},
	{name: "remove a file", probe: func(w *world) error { return unix.Unlinkat(unix.AT_FDCWD, w.path, 0) },
		denied: map[Role]string{Auditor: "EACCES", Keeper: "EACCES"}},
	{name: "rename a file", probe: func(w *world) error {
		return unix.Renameat(unix.AT_FDCWD, w.path, unix.AT_FDCWD, w.path+"2")
	}, denied: map[Role]string{Auditor: "EACCES", Keeper: "EACCES"}},
	{name: "make a program that runs as its owner", probe: func(w *world) error {
		fd, err := unix.Open(w.dir+"/program", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o755|unix.S_ISUID)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{name: "let a file run as its owner", prepare: ownFile, probe: func(w *world) error { return unix.Fchmod(w.fd, 0o755|unix.S_ISUID) }},
	{name: "let others write a file", prepare: ownFile, probe: func(w *world) error { return unix.Fchmod(w.fd, 0o666) }},
	{name: "change modes of root's files", probe: func(w *world) error { return unix.Fchmodat(unix.AT_FDCWD, w.path, 0o666, 0) }},
	{name: "give a file away", probe: func(w *world) error { return unix.Fchownat(unix.AT_FDCWD, w.path, 1, 1, 0) }},
	{name: "open a file by its handle", prepare: handle, probe: func(w *world) error {
		fd, err := unix.OpenByHandleAt(w.fd, unix.NewFileHandle(int32(w.other), w.page), unix.O_RDONLY)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{name: "open by openat2", probe: func(*world) error {
		_, err := unix.Openat2(unix.AT_FDCWD, "/etc/shadow", &unix.OpenHow{})
		return err
	}},
	{name: "mount", prepare: func(*world) error { return unix.Unshare(unix.CLONE_NEWNS) }, probe: func(*world) error {
		return unix.Mount("none", "/mnt", "tmpfs", 0, "")
	}},
	{name: "change the root", probe: func(*world) error { return unix.Chroot("/") }},
	{name: "terminal input by ioctl", probe: func(*world) error { return try(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0) }, free: "ENOTTY"},

	// Sockets.
	{name: "socket AF_INET", probe: socket(unix.AF_INET, unix.SOCK_STREAM, 0)},
	{name: "socket AF_INET, datagrams", probe: socket(unix.AF_INET, unix.SOCK_DGRAM, 0)},
	{name: "socket AF_INET raw", probe: socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
	{name: "socket AF_PACKET", probe: socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
	{name: "socket AF_NETLINK, netfilter", probe: socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER), denied: map[Role]string{Keeper: itsWork}},
	{name: "socket AF_NETLINK, xfrm", probe: socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM)},
	{name: "socket AF_UNIX", probe: socket(unix.AF_UNIX, unix.SOCK_STREAM, 0), denied: map[Role]string{Keeper: itsWork}},
	{name: "connect to an abstract socket outside", prepare: unixSocket, probe: func(w *world) error {
		return unix.Connect(w.fd, &unix.SockaddrUnix{Name: "@" + w.name})
	}, denied: map[Role]string{Auditor: "EPERM", Keeper: "EPERM"}},
	{name: "connect by a TCP socket that was left open", prepare: tcpSocket, probe: func(w *world) error {
		return unix.Connect(w.fd, &unix.SockaddrInet4{Port: w.port, Addr: [4]byte{127, 0, 0, 1}})
	}, denied: map[Role]string{Auditor: "EACCES"}},
	{name: "flush nftables by a socket that was left open", prepare: netfilterSocket, probe: flush,
		denied: map[Role]string{Judge: "EPERM", Auditor: "EPERM", Control: "EPERM", Keeper: itsWork}},

	// Programs and memory.
	{name: "execute a program", probe: func(*world) error { return syscall.Exec("/bin/true", []string{"true"}, nil) }, denied: map[Role]string{Keeper: "EACCES"}},
	{name: "execute memory without a name", prepare: memoryProgram(0), probe: executeMemory},
	// The memory that a keeper may make is sealed against this, for everybody.
	{name: "execute sealed memory", prepare: memoryProgram(unix.MFD_NOEXEC_SEAL), probe: executeMemory, free: "EACCES", denied: map[Role]string{Keeper: "EACCES"}},
	{name: "execveat", prepare: memoryProgram(0), probe: func(w *world) error {
		empty, arguments := new(byte), [1]*byte{}
		return try(unix.SYS_EXECVEAT, uintptr(w.fd), uintptr(unsafe.Pointer(empty)), uintptr(unsafe.Pointer(&arguments)), 0, unix.AT_EMPTY_PATH)
	}},
	{name: "mmap of code", probe: func(*world) error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		return err
	}},
	{name: "mprotect of code", prepare: page, probe: func(w *world) error { return unix.Mprotect(w.page, unix.PROT_READ|unix.PROT_EXEC) }},
	{name: "pkey_mprotect of code", prepare: page, probe: func(w *world) error {
		return try(unix.SYS_PKEY_MPROTECT, uintptr(unsafe.Pointer(&w.page[0])), 4096, unix.PROT_READ|unix.PROT_EXEC, ^uintptr(0))
	}},
	{name: "fork", probe: func(*world) error { return fork(uintptr(unix.SIGCHLD)) }},
	{name: "clone into a user namespace", probe: func(*world) error { return fork(unix.CLONE_NEWUSER | uintptr(unix.SIGCHLD)) }},
	{name: "clone3", probe: func(*world) error { return try(unix.SYS_CLONE3, 0, 0) }, free: "EINVAL", denied: everywhere("ENOSYS")},

	// Other processes.
	{name: "signal to process 1", probe: func(*world) error { return unix.Kill(1, 0) }, denied: map[Role]string{Keeper: "EPERM"}},
	{name: "signal to the parent", probe: func(w *world) error { return unix.Kill(w.parent, 0) }, denied: map[Role]string{Keeper: "EPERM"}},
	{name: "signal to everybody", probe: func(*world) error { return unix.Kill(-1, 0) }},
	{name: "signal to a thread of the parent", probe: func(w *world) error { return unix.Tgkill(w.parent, w.parent, 0) }, denied: map[Role]string{Keeper: "EPERM"}},
	{name: "signal by pidfd", prepare: parentFD, probe: func(w *world) error { return unix.PidfdSendSignal(w.fd, 0, nil, 0) }, denied: map[Role]string{Keeper: "EPERM"}},
	{name: "descriptor of the parent by pidfd", prepare: parentFD, probe: func(w *world) error {
		_, err := unix.PidfdGetfd(w.fd, 0, 0)
		return err
	}},
	{name: "ptrace of the parent", probe: func(w *world) error { return try(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(w.parent), 0, 0) }},
	{name: "process_vm_readv", probe: func(w *world) error { return theirMemory(w, unix.SYS_PROCESS_VM_READV) }},
	{name: "process_vm_writev", probe: func(w *world) error { return theirMemory(w, unix.SYS_PROCESS_VM_WRITEV) }},
	{name: "limits of the parent", probe: func(w *world) error {
		return try(unix.SYS_PRLIMIT64, uintptr(w.parent), unix.RLIMIT_CORE, 0, 0)
	}},

	// The kernel.
	{name: "unshare the network", probe: func(*world) error { return unix.Unshare(unix.CLONE_NEWNET) }},
	{name: "setns", prepare: func(w *world) (err error) {
		w.fd, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY, 0)
		return err
	}, probe: func(w *world) error { return unix.Setns(w.fd, unix.CLONE_NEWNET) }},
	{name: "bpf", probe: bpfMap},
	{name: "io_uring_setup", probe: func(*world) error { return try(unix.SYS_IO_URING_SETUP, 0, 0) }, free: "EFAULT"},
	{name: "perf_event_open", probe: func(*world) error { return try(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0) }, free: "EFAULT"},
	{name: "userfaultfd", probe: func(*world) error { return try(unix.SYS_USERFAULTFD, 0) }},
	{name: "keyctl", probe: func(*world) error { return try(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(0), 0) }, free: "ENOKEY"},
	{name: "set the clock", probe: func(*world) error { return try(unix.SYS_SETTIMEOFDAY, 0, 0) }},
	{name: "reboot", probe: func(*world) error { return try(unix.SYS_REBOOT, 0, 0, 0, 0) }, free: "EINVAL"},
	{name: "become root again", probe: func(*world) error { return unix.Setresuid(0, 0, 0) }},
	{name: "take a capability back", probe: func(*world) error { return this.capset(set(unix.CAP_SYS_ADMIN), set(unix.CAP_SYS_ADMIN), 0) }, denied: map[Role]string{Keeper: "EPERM"}},
	{name: "be traceable again", probe: func(*world) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }, denied: map[Role]string{Keeper: itsWork}},
	{name: "a filter that somebody listens to", probe: func(*world) error {
		return try(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, 0)
	}, free: "EFAULT"},
}...)
