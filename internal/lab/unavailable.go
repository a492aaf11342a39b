package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// UnavailableError says that no lab can be built here, and why. A program that
// gets it can still replay a capture.
type UnavailableError struct {
	Why string // a sentence, with what could be done about it
	Err error  // may be nil
}

// Error says why.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return "no lab can be built here: " + e.Why
	}
	return fmt.Sprintf("no lab can be built here: %s: %v", e.Why, e.Err)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// run is the directory below which labs and the names of namespaces are kept.
const run = "/run"

// prepare sees to it that namespaces can be made and named. The error is an
// UnavailableError.
func prepare() error {
	if os.Geteuid() != 0 {
		return &UnavailableError{Why: "it needs root, or a user namespace of its own: unshare -Urnm labelgate lab ..."}
	}
	err := onThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) })
	if err != nil {
		return &UnavailableError{Why: "this root may not make network namespaces (a container without CAP_SYS_ADMIN?)", Err: err}
	}
	err = os.MkdirAll(namespaces, 0o755)
	if err == nil && writable(namespaces) {
		return nil
	}
	// The root of a user namespace owns nothing of the machine's /run, but may
	// have one of its own, if its mounts are its own as well.
	if !inUserNamespace() {
		return &UnavailableError{Why: namespaces + " cannot be written", Err: err}
	}
	if err := unix.Mount("tmpfs", run, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return &UnavailableError{Why: "this user namespace may not mount (the option -m of unshare gives it mounts of its own)", Err: err}
	}
	if err := os.MkdirAll(namespaces, 0o755); err != nil {
		return &UnavailableError{Why: namespaces + " cannot be written", Err: err}
	}
	return nil
}

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".labelgate-")
	if err != nil {
		return false
	}
	f.Close()
	os.Remove(f.Name())
	return true
}

// inUserNamespace reports whether root here is not the machine's.
func inUserNamespace() bool {
	data, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(data)), " ") != "0 0 4294967295"
}

// refusal words why a user namespace could not be made.
func refusal(err error) *UnavailableError {
	why := "it needs root, and this kernel refuses user namespaces to others"
	for _, s := range []struct{ name, value, why string }{
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor refuses user namespaces to programs without a profile (kernel.apparmor_restrict_unprivileged_userns)"},
		{"kernel/unprivileged_userns_clone", "0", "user namespaces are switched off (kernel.unprivileged_userns_clone)"},
		{"user/max_user_namespaces", "0", "user namespaces are switched off (user.max_user_namespaces)"},
	} {
		if data, readErr := os.ReadFile(filepath.Join("/proc/sys", s.name)); readErr == nil && strings.TrimSpace(string(data)) == s.value {
			why = "it needs root, because " + s.why
			break
		}
	}
	return &UnavailableError{Why: why, Err: err}
}
