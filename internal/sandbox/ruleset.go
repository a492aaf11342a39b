package sandbox

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ruleset is a Landlock ruleset that is being made. The kernel keeps to it from the
// moment when enforce was called.
type ruleset struct {
	fd      int
	handled unix.LandlockRulesetAttr
}

func newRuleset(a unix.LandlockRulesetAttr) (*ruleset, error) {
	// Older kernels know a shorter attribute and take a longer one whose rest is 0.
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a), 0)
	if errno != 0 {
		return nil, fmt.Errorf("ruleset of Landlock: %w", errno)
	}
	return &ruleset{int(fd), a}, nil
}

func (r *ruleset) close() { unix.Close(r.fd) }

// onFiles are the rights that a rule about a file may give.
const onFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
	unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

// path gives rights to a file, or to all below a directory.
func (r *ruleset) path(name string, rights uint64) error {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(fd)
	return r.descriptor(fd, name, rights)
}

// itself gives rights to the process's own directory of /proc. The descriptor stays
// open: without it the kernel may forget the directory when it runs short of
// memory, and the next one of that name is another, to which the rule says nothing.
func (r *ruleset) itself(rights uint64) error {
	const name = "/proc/self"
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return r.descriptor(fd, name, rights)
}

func (r *ruleset) descriptor(fd int, name string, rights uint64) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= onFiles
	}
	// The kernel's structure is packed: no padding after the descriptor.
	rule := struct {
		rights uint64
		fd     int32
	}{rights & r.handled.Handled_access_fs, int32(fd)}
	if rule.rights == 0 {
		return nil
	}
	if err := r.add(unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&rule)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// mayPath is path for a name that a machine may lack.
func (r *ruleset) mayPath(name string, rights uint64) error {
	if err := r.path(name, rights); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		return err
	}
	return nil
}

func (r *ruleset) add(kind uintptr, rule unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), kind, uintptr(rule), 0, 0, 0); errno != 0 {
		return fmt.Errorf("rule of Landlock: %w", errno)
	}
	return nil
}

// enforce holds the threads to the rules. Each of them then has a domain of its own,
// of which none is above the others: what a thread starts, another one may
// not signal. This is why a keeper, which starts processes, is made from one.
func (r *ruleset) enforce(t threads) error {
	if err := t.call(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0, 0, 0); err != nil {
		if errors.Is(err, unix.E2BIG) {
			return fmt.Errorf("as many layers of Landlock as there can be: %w", err)
		}
		return fmt.Errorf("layer of Landlock: %w", err)
	}
	return nil
}
