package split

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memory is one mapped piece of shared memory. The words in it are only read
// atomically: the other process may change them at any moment, and what was read
// once must not be read again behind the program's back. Writing needs no such care:
// the message that says that something was written goes through the kernel after it.
type memory struct {
	bytes []byte
	words []uint32
}

// makeMemory makes shared memory of a fixed size, mapped to be written here, and
// the descriptor for the other side. With readOnly nobody can ever write it but
// through the mapping that was made here; the seal for that is Linux 5.1's.
//
// Without the seal against shrinking, the other side could take pages away under
// the mapping, and reading them would kill this process.
func makeMemory(name string, length int, readOnly bool) (m memory, fd int, err error) {
	// Nobody executes it; kernels before 6.3 cannot promise that.
	fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return m, -1, fmt.Errorf("shared memory: %w", err)
	}
	fail := func(what string, err error) (memory, int, error) {
		m.unmap()
		unix.Close(fd)
		return memory{}, -1, fmt.Errorf("shared memory: %s: %w", what, err)
	}
	if err := unix.Ftruncate(fd, int64(length)); err != nil {
		return fail("size", err)
	}
	if m, err = mapMemory(fd, length, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fail("map", err)
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if readOnly {
		seals |= unix.F_SEAL_FUTURE_WRITE
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return fail("seals", err)
	}
	return m, fd, nil
}

// openMemory maps what the other side made.
func openMemory(f *os.File, length, protection int) (memory, error) {
	info, err := f.Stat()
	if err != nil {
		return memory{}, fmt.Errorf("shared memory: %w", err)
	}
	if info.Size() != int64(length) {
		return memory{}, fmt.Errorf("shared memory has %d bytes, want %d: keeper and judge are of different versions; restart the gateway", info.Size(), length)
	}
	m, err := mapMemory(int(f.Fd()), length, protection)
	if err != nil {
		return memory{}, fmt.Errorf("shared memory: map: %w", err)
	}
	return m, nil
}

func mapMemory(fd, length, protection int) (memory, error) {
	b, err := unix.Mmap(fd, 0, length, protection, unix.MAP_SHARED)
	if err != nil {
		return memory{}, err
	}
	return memory{bytes: b, words: unsafe.Slice((*uint32)(unsafe.Pointer(&b[0])), len(b)/4)}, nil
}

func (m *memory) unmap() {
	if m.bytes != nil {
		_ = unix.Munmap(m.bytes)
	}
	*m = memory{}
}

func (m *memory) get(word int) uint32 { return atomic.LoadUint32(&m.words[word]) }

func (m *memory) set(word int, v uint32) { m.words[word] = v }

// counter returns the 64-bit word at a place that is a multiple of 8.
func (m *memory) counter(at int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&m.bytes[at]))
}

// offset tells where b lies in the memory, if the whole of it does.
func (m *memory) offset(b []byte) (at int, inside bool) {
	if len(b) == 0 {
		return 0, false
	}
	d := uintptr(unsafe.Pointer(&b[0])) - uintptr(unsafe.Pointer(&m.bytes[0]))
	if d >= uintptr(len(m.bytes)) || uintptr(len(b)) > uintptr(len(m.bytes))-d {
		return 0, false
	}
	return int(d), true
}
