package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// bootName is the name under which this program is the first process of a machine.
const bootName = "lgsupply-boot"

// A machine is this one's programs and libraries, read-only, under a root of its own
// in memory, with namespaces of its own for all else. Its first process is the
// systemd that is installed here.

// boot makes the directory a root and becomes systemd. What the test wants to be in
// the root is there already. It returns only when something failed.
func boot(dir string) error {
	// The control group namespace begins where the test has put this process.
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("control group namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("/: %w", err)
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	for _, step := range []func(string) error{programs, kernelFiles, devices} {
		if err := step(dir); err != nil {
			return err
		}
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("gateway")); err != nil {
		return err
	}
	// "container" keeps systemd from touching what belongs to the kernel as a whole.
	return unix.Exec("/usr/lib/systemd/systemd",
		[]string{"systemd", "--system", "--unit=multi-user.target", "--log-target=journal", "--show-status=no"},
		[]string{"container=lgsupply", "PATH=/usr/bin:/usr/sbin"})
}

// kept are the directories below usr/lib of which a machine has its own.
var kept = []string{"systemd/system", "systemd/catalog", "sysusers.d", "tmpfiles.d"}

// programs shows those of this machine. What is in usr/sbin stays the test's, and so
// do the directories that are kept.
func programs(dir string) error {
	aside, lib := filepath.Join(dir, "aside"), filepath.Join(dir, "usr/lib")
	for _, name := range kept {
		if err := bind(filepath.Join(lib, name), filepath.Join(aside, name), 0); err != nil {
			return err
		}
	}
	for _, name := range []string{"/usr/bin", "/usr/lib", "/usr/lib64", "/usr/share"} {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		if err := bind(name, filepath.Join(dir, name), unix.MS_RDONLY); err != nil {
			return err
		}
	}
	for _, name := range kept {
		if err := bind(filepath.Join(aside, name), filepath.Join(lib, name), 0); err != nil {
			return err
		}
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func kernelFiles(dir string) error {
	for _, m := range []struct {
		kind, at string
		flags    uintptr
	}{
		{"proc", "proc", 0},
		{"sysfs", "sys", unix.MS_RDONLY},
		{"cgroup2", "sys/fs/cgroup", 0},
		{"tmpfs", "run", 0},
		{"tmpfs", "tmp", 0},
	} {
		at := filepath.Join(dir, m.at)
		if err := os.MkdirAll(at, 0o755); err != nil && m.at != "sys/fs/cgroup" {
			return err
		}
		if err := unix.Mount(m.kind, at, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("%s at %s: %w", m.kind, m.at, err)
		}
	}
	// The settings of the kernel are this machine's, but for those of the network,
	// which are the namespace's. What the two mounts do not cover is read-only.
	settings := filepath.Join(dir, "proc/sys")
	if err := bind(filepath.Join(settings, "net"), filepath.Join(settings, "net"), 0); err != nil {
		return err
	}
	return bind(settings, settings, unix.MS_RDONLY)
}

func devices(dir string) error {
	dev := filepath.Join(dir, "dev")
	if err := os.MkdirAll(dev, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dev, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, name := range strings.Fields("null zero full random urandom tty") {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o666); err != nil {
			return err
		}
		if err := bind("/dev/"+name, filepath.Join(dev, name), 0); err != nil {
			return err
		}
	}
	for _, name := range []string{"shm", "pts"} {
		if err := os.Mkdir(filepath.Join(dev, name), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("devpts", filepath.Join(dev, "pts"), "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		return err
	}
	for name, target := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd"} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return nil
}

// bind shows a file or directory at another place.
func bind(from, to string, flags uintptr) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, to, err)
	}
	if flags == 0 {
		return nil
	}
	if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, to, err)
	}
	return nil
}
