package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/icmp"
	"labelgate/internal/load"
	"labelgate/internal/process"
	"labelgate/internal/sandbox"
)

// confine takes over what the program before handed on, and is confined by the kernel
// from then on. At a start, the program before is this one: what needs a right that
// is given up is opened, and the program executed again inside.
func (d *daemon) confine(handed bool) (err error) {
	if d.program, err = os.Executable(); err != nil {
		return err
	}
	if signal := d.handover.DeathSignal; signal != 0 {
		if err := process.SetDeathSignal(signal, d.handover.Parent); err != nil {
			return fmt.Errorf("parent process: %w", err)
		}
	}
	if !handed {
		d.handover.Queue = descriptor(takeStored(storedQueue))
	}
	if !d.Confine {
		return nil
	}
	if !handed {
		raw, err := icmp.OpenSocket()
		if err != nil && !errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("ICMP errors: %w", err)
		}
		d.handover.DeathSignal, d.handover.Parent = process.DeathSignal(), os.Getppid()
		d.handover.Raw = descriptor(raw) // what is not permitted is said when all else is as it should be
	}
	d.sandbox, err = sandbox.Enter(d.profile(), func() error { return d.execute(d.program) })
	if err != nil {
		return fmt.Errorf("confinement: %w", err)
	}
	return nil
}

// execute runs a program in the place of this one. It returns only when that fails.
func (d *daemon) execute(program string) error {
	environment, err := d.handover.environment()
	if err != nil {
		return err
	}
	err = sandbox.Exec(program, os.Args, environment)
	d.handover.keep()
	return err
}

// profile is what this process and those that it starts keep.
func (d *daemon) profile() sandbox.Profile {
	p := sandbox.Profile{Role: sandbox.Keeper, Read: load.Directories(d.config), Execute: []string{filepath.Dir(d.program)}, AuditWrite: d.config.Audit.Kernel}
	for _, file := range load.Files(d.config) {
		// Editors put a new file in the place of an old one.
		p.Read = append(p.Read, filepath.Dir(file))
	}
	if d.config.Confinement == config.Single {
		p.Role = sandbox.Single
	}
	p.Write = trailDirectories(d.config.Audit)
	if state := d.config.Manifest.State; state != "" {
		p.Write = append(p.Write, filepath.Dir(state))
	}
	return p
}

// trailDirectories are where records are written, and the key that seals them: it is
// another after each seal.
func trailDirectories(a config.Audit) []string {
	var all []string
	for _, file := range []string{a.Output, a.SealKey} {
		if filepath.IsAbs(file) {
			all = append(all, filepath.Dir(file))
		}
	}
	return all
}

// confined is the record of what a process may still do.
func confined(role string, pid int, s sandbox.State) *audit.Record {
	return &audit.Record{Event: audit.EventSandbox, Process: role, PID: uint32(pid), Detail: s.String()}
}
