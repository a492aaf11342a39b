package sandbox

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// newestABI is the newest version of Landlock whose restrictions are asked for.
// Newer kernels do what this one does; what they could deny besides is no surprise
// to a gateway in service.
const newestABI = 7

// scopedThreads is the bit of the correction after which threads of one process may
// signal each other from different domains. Go's runtime does so all the time.
const scopedThreads = 1 << 1

// landlock is what the kernel offers.
type landlock struct {
	abi    int // 0: nothing
	errata int
}

func askLandlock() landlock {
	ask := func(what uintptr) int {
		n, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, what)
		if errno != 0 {
			return 0
		}
		return int(n)
	}
	return landlock{ask(unix.LANDLOCK_CREATE_RULESET_VERSION), ask(unix.LANDLOCK_CREATE_RULESET_ERRATA)}
}

// handled is everything that this kernel can deny, for these threads.
func (l landlock) handled(t threads) (a unix.LandlockRulesetAttr) {
	abi := min(l.abi, newestABI)
	switch {
	case abi >= 5:
		a.Handled_access_fs = 1<<16 - 1
	case abi >= 3:
		a.Handled_access_fs = 1<<15 - 1
	case abi >= 2:
		a.Handled_access_fs = 1<<14 - 1
	case abi >= 1:
		a.Handled_access_fs = 1<<13 - 1
	}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		if t == this || l.errata&scopedThreads != 0 {
			a.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL
		}
	}
	return a
}

// missing says what this kernel cannot deny.
func (l landlock) missing(t threads) (all []string) {
	if l.abi == 0 {
		return []string{"Landlock is not in this kernel, or off: files are not denied"}
	}
	a := l.handled(t)
	if a.Handled_access_fs&unix.LANDLOCK_ACCESS_FS_TRUNCATE == 0 {
		all = append(all, fmt.Sprintf("Landlock of this kernel (ABI %d, 3 is needed) does not deny all that changes files", l.abi))
	}
	if a.Handled_access_net == 0 {
		all = append(all, fmt.Sprintf("Landlock of this kernel (ABI %d, 4 is needed) does not deny TCP", l.abi))
	}
	if a.Scoped == 0 {
		all = append(all, fmt.Sprintf("Landlock of this kernel (ABI %d, 6 is needed) does not deny abstract sockets", l.abi))
	}
	if a.Scoped&unix.LANDLOCK_SCOPE_SIGNAL == 0 {
		all = append(all, fmt.Sprintf("Landlock of this kernel (ABI %d, 6 with its corrections is needed) does not deny signals", l.abi))
	}
	return all
}
