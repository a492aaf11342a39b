package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func handle(w *world) error {
	h, mount, err := unix.NameToHandleAt(unix.AT_FDCWD, w.path, 0)
	if err != nil {
		return err
	}
	w.page, w.other = h.Bytes(), int(h.Type())
	_ = mount
	w.fd, err = unix.Open(w.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return err
}

func ownFile(w *world) (err error) {
	w.fd, err = unix.Open(w.dir+"/own", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	return err
}

func unixSocket(w *world) (err error) {
	w.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return err
}

func tcpSocket(w *world) (err error) {
	w.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	return err
}

// netfilterSocket makes one whose namespace is nobody else's: what is flushed there
// is missed by nobody.
func netfilterSocket(w *world) (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	w.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	return unix.Bind(w.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// flush deletes all tables, in one transaction, and returns the kernel's answer.
func flush(w *world) error {
	message := func(kind, flags uint16, sequence uint32, resource uint16) []byte {
		b := binary.NativeEndian.AppendUint32(nil, 20)
		b = binary.NativeEndian.AppendUint16(b, kind)
		b = binary.NativeEndian.AppendUint16(b, flags)
		b = binary.NativeEndian.AppendUint32(b, sequence)
		b = binary.NativeEndian.AppendUint32(b, 0)
		return binary.BigEndian.AppendUint16(append(b, unix.AF_UNSPEC, 0), resource)
	}
	const deleteTable = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE
	b := message(unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, 1, unix.NFNL_SUBSYS_NFTABLES)
	b = append(b, message(deleteTable, unix.NLM_F_REQUEST|unix.NLM_F_ACK, 2, 0)...)
	b = append(b, message(unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, 3, unix.NFNL_SUBSYS_NFTABLES)...)
	if err := unix.Sendto(w.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(w.fd, answer, 0)
	if err != nil {
		return err
	}
	if n < 20 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("no answer but %x", answer[:n])
	}
	return syscallError(syscall.Errno(-int32(binary.NativeEndian.Uint32(answer[16:]))))
}

// memoryProgram makes memory with a program in it.
func memoryProgram(flags int) func(*world) error {
	return func(w *world) (err error) {
		if w.fd, err = unix.MemfdCreate("escape", unix.MFD_CLOEXEC|flags); err != nil {
			return err
		}
		program, err := os.ReadFile("/bin/true")
		if err != nil {
			program = nil // a keeper's Landlock; the kernel refuses before it looks
		}
		for len(program) > 0 {
			n, err := unix.Write(w.fd, program)
			if err != nil {
				return err
			}
			program = program[n:]
		}
		return nil
	}
}

func executeMemory(w *world) error {
	return syscall.Exec("/proc/self/fd/"+strconv.Itoa(w.fd), []string{"true"}, nil)
}

func page(w *world) (err error) {
	w.page, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

// fork makes a process that ends at once.
func fork(flags uintptr) error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		for {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return syscallError(errno)
}

func parentFD(w *world) (err error) {
	w.fd, err = unix.PidfdOpen(w.parent, 0)
	return err
}

// theirMemory reads or writes the parent's victim, which is where one's own is.
func theirMemory(w *world, call uintptr) error {
	var mine [8]byte
	local := unix.Iovec{Base: &mine[0], Len: 8}
	remote := unix.RemoteIovec{Base: uintptr(unsafe.Pointer(&victim)), Len: 8}
	return try(call, uintptr(w.parent), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
}

func bpfMap(*world) error {
	attribute := [8]uint32{2, 4, 4, 1} // an array of one
	return try(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attribute)), unsafe.Sizeof(attribute))
}
