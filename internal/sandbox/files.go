package sandbox

import "golang.org/x/sys/unix"

// What a list of a profile stands for.
const (
	reads    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	executes = reads | unix.LANDLOCK_ACCESS_FS_EXECUTE
	writes   = reads | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REFER
	null = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE
)

// Files that a role reads on any machine where they are.
var (
	// keeperReads: /proc as a whole, because the kernel's account of the queues is
	// below a directory of each thread, and threads come and go. What is in there
	// about processes that the keeper did not start, but for their names and
	// sizes, the domain keeps from it nevertheless. The others are for the
	// runtime, which sizes itself by them.
	keeperReads = []string{"/proc", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage", "/etc/localtime", "/usr/share/zoneinfo"}
	// controlReads: who is in which group.
	controlReads = []string{"/etc/passwd", "/etc/group"}
)

// files gives the threads what the profile lists and takes all else.
func (p *Profile) files(t threads, l landlock) (missing []string, err error) {
	missing = l.missing(t)
	if l.abi == 0 {
		return missing, nil
	}
	r, err := newRuleset(l.handled(t))
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := p.rules(r); err != nil {
		return nil, err
	}
	return missing, r.enforce(t)
}

func (p *Profile) rules(r *ruleset) error {
	always := func(names []string, rights uint64) error {
		for _, name := range names {
			if err := r.path(name, rights); err != nil {
				return err
			}
		}
		return nil
	}
	if p.Role.starts() {
		for _, name := range keeperReads {
			if err := r.mayPath(name, reads); err != nil {
				return err
			}
		}
		if err := r.mayPath("/dev/null", null); err != nil {
			return err
		}
	}
	if p.Role.starts() || p.Role == Control {
		for _, name := range controlReads {
			if err := r.mayPath(name, reads); err != nil {
				return err
			}
		}
	}
	if p.Role == Control { // whose metrics tell of itself
		if err := r.itself(reads); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		names  []string
		rights uint64
	}{{p.Read, reads}, {p.Write, writes}, {p.Execute, executes}} {
		if err := always(l.names, l.rights); err != nil {
			return err
		}
	}
	return always(targets(p.Read), reads)
}
