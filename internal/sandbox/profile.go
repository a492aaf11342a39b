package sandbox

import (
	"errors"
	"fmt"
)

// Identity is a user and a group.
type Identity struct{ UID, GID int }

// Profile says what a process keeps. Its lists hold absolute paths that exist;
// what is below a directory is included, also what comes there later. A file that
// others replace by renaming is another file afterwards, which only its directory
// includes.
//
// A keeper lists what its children list, too: they cannot get what it has not.
type Profile struct {
	Role Role
	// Read are files and directories whose content is read. A judge without any has
	// no system call that takes a file's name.
	Read []string
	// Write are directories in which files are made, written, renamed and removed,
	// and unix sockets removed.
	Write []string
	// Execute are programs that a keeper starts, or directories of them. A
	// package manager replaces a program by renaming.
	Execute []string
	// AuditWrite keeps CAP_AUDIT_WRITE, if the process has it: for the auditor,
	// and for the keeper that starts it.
	AuditWrite bool
	// Become, if not nil, is who the process is from then on. That needs
	// CAP_SETUID and CAP_SETGID.
	Become *Identity
	// Violation is Kill in service.
	Violation Violation
	// Must turns what the kernel cannot do into an error. Without it State says
	// what is missing.
	Must bool
}

func (p *Profile) check() error {
	if p.Role < Keeper || p.Role > Single {
		return errors.New("sandbox: a profile without a role")
	}
	if len(p.Execute) > 0 && !p.Role.starts() {
		return fmt.Errorf("sandbox: %s: only a keeper starts programs", p.Role)
	}
	if len(p.Write) > 0 && (p.Role == Judge || p.Role == Control) {
		return fmt.Errorf("sandbox: %s: writes no files", p.Role)
	}
	return nil
}
