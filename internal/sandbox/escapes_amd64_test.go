package sandbox

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// archEscapes are calls by other tables than the one of the filter.
var archEscapes = []escape{
	{name: "getpid of x32", probe: func(*world) error { return try(x32 | unix.SYS_GETPID) }, free: "ENOSYS"},
	{name: "getpid of i386", prepare: gate, probe: func(w *world) error {
		code := unsafe.Pointer(&w.page[0])
		closure := &code
		function := *(*func() int64)(unsafe.Pointer(&closure))
		return syscallError(syscall.Errno(min(0, function())))
	}},
}

// gate makes a function of code that calls the kernel as 32-bit programs do.
func gate(w *world) error {
	if err := page(w); err != nil {
		return err
	}
	copy(w.page, []byte{
		0xb8, 20, 0, 0, 0, // mov $20, %eax
		0xcd, 0x80, // int $0x80
		0xc3, // ret
	})
	return unix.Mprotect(w.page, unix.PROT_READ|unix.PROT_EXEC)
}
