package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// become gives up the user and all groups. Permitted capabilities stay, which the
// kernel would take with uid 0.
func (t threads) become(who Identity) error {
	if who.UID <= 0 || who.GID <= 0 {
		return fmt.Errorf("sandbox: user %d, group %d: neither may be root", who.UID, who.GID)
	}
	if err := t.prctl(unix.PR_SET_KEEPCAPS, 1, 0); err != nil {
		return err
	}
	uid, gid := uintptr(who.UID), uintptr(who.GID)
	if err := t.call(unix.SYS_SETGROUPS, 0, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("supplementary groups: %w", err)
	}
	if err := t.call(unix.SYS_SETRESGID, gid, gid, gid, 0, 0); err != nil {
		return fmt.Errorf("group %d: %w", gid, err)
	}
	if err := t.call(unix.SYS_SETRESUID, uid, uid, uid, 0, 0); err != nil {
		return fmt.Errorf("user %d: %w", uid, err)
	}
	return t.prctl(unix.PR_SET_KEEPCAPS, 0, 0)
}
