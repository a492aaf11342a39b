package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capabilities is a set of them, as in /proc/self/status.
type capabilities uint64

func (c capabilities) has(number int) bool { return c>>number&1 == 1 }

func set(numbers ...int) (c capabilities) {
	for _, n := range numbers {
		c |= 1 << n
	}
	return c
}

// keeps is what the role keeps of what it has.
func (p *Profile) keeps() capabilities {
	var c capabilities
	if p.Role.starts() {
		c |= set(unix.CAP_NET_ADMIN)
	}
	if p.AuditWrite && (p.Role.starts() || p.Role == Auditor) {
		c |= set(unix.CAP_AUDIT_WRITE)
	}
	return c
}

// noRoot makes uid 0 a user like others: programs it executes get no capability
// for that. So what a keeper starts has none from its first instruction.
const noRoot = 1<<0 | 1<<1 // SECBIT_NOROOT, SECBIT_NOROOT_LOCKED

// narrow empties the sets that say what could be got back, while the right to do
// so is still there, and makes keep inheritable, which takes a bounding set that
// has it.
func (t threads) narrow(have status, keep capabilities) error {
	if err := t.prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	if !have.effective.has(unix.CAP_SETPCAP) {
		return nil // whoever took it has set these himself
	}
	if err := t.capset(have.effective, have.permitted, keep); err != nil {
		return err
	}
	if err := t.prctl(unix.PR_SET_SECUREBITS, noRoot, 0); err != nil {
		return fmt.Errorf("secure bits: %w", err)
	}
	for n := range 64 {
		if !have.bounding.has(n) {
			continue
		}
		if err := t.prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0); err != nil {
			return fmt.Errorf("bounding set: %w", err)
		}
	}
	return nil
}

// drop leaves nothing but keep. A unit may deny capset to all of its processes, and
// that is no harm: one that was executed without ambient capabilities has none, and
// one that enters is executed with those alone that it keeps.
func (t threads) drop(have status, keep capabilities) error {
	err := t.capset(keep, keep, keep)
	if errors.Is(err, unix.EPERM) && (t == this || (have.permitted|have.effective)&^keep == 0) {
		return nil
	}
	return err
}

// capset sets the three sets. What a keeper keeps is inheritable and not ambient,
// so that Exec can hand it to a new image of a keeper and nobody else gets it.
func (t threads) capset(effective, permitted, inheritable capabilities) error {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for i := range data {
		half := func(c capabilities) uint32 { return uint32(c >> (32 * i)) }
		data[i] = unix.CapUserData{Effective: half(effective), Permitted: half(permitted), Inheritable: half(inheritable)}
	}
	err := t.call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(&data)), 0, 0, 0)
	if err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// handOn makes c survive the execution of a program by this thread.
func handOn(c capabilities) error {
	for n := range 64 {
		if !c.has(n) {
			continue
		}
		if err := this.prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n)); err != nil {
			return fmt.Errorf("ambient capabilities: %w", err)
		}
	}
	return nil
}
