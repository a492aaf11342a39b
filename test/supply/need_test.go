package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// needTool skips where a program is not installed. Where everything is checked, a
// skipped test is a failure.
func needTool(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s", name)
		}
	}
}

// needSystemd skips where no systemd can be booted in namespaces.
func needSystemd(t *testing.T) {
	t.Helper()
	needTool(t, "nsenter", "make", "systemctl", "systemd-sysusers", "systemd-tmpfiles")
	if _, err := os.Stat("/usr/lib/systemd/systemd"); err != nil {
		t.Skip("needs systemd, to boot it in namespaces")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: boots systemd in namespaces")
	}
}

// newCgroup makes a control group below this process's own, which systemd needs to
// be the first process of something.
func newCgroup(t *testing.T) string {
	t.Helper()
	own, err := ownCgroup()
	if err != nil {
		t.Skipf("needs a control group (version 2): %v", err)
	}
	dir, err := os.MkdirTemp(own, "lgsupply-")
	if err != nil {
		t.Skipf("needs a control group of its own: %v", err)
	}
	t.Cleanup(func() { removeCgroup(dir) })
	return dir
}

func ownCgroup() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	own := "/"
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			own = strings.TrimSpace(path)
		}
	}
	for _, at := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(at, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return filepath.Join(at, own), nil
		}
	}
	return "", unix.ENOTSUP
}

// removeCgroup removes what is empty. Whoever was inside is about to be gone.
func removeCgroup(dir string) {
	for range 100 {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		for i := len(all) - 1; i >= 0; i-- {
			_ = os.Remove(all[i])
		}
		if _, err := os.Stat(dir); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
