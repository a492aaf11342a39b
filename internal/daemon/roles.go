package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"

	"labelgate/internal/process"
)

// The roles of the processes that the keeper starts, and its own.
const (
	roleKeeper  = "keeper"
	roleJudge   = "judge"
	roleAuditor = "auditor"
	roleControl = "control"
)

// member is what a process of one role runs. args are what follows the role.
type member func(log *slog.Logger, args []string) error

var members = map[string]member{
	roleJudge:   runJudge,
	roleAuditor: runAuditor,
	roleControl: runControl,
}

// runMember runs a role and returns the exit code of its process.
func runMember(role string, args []string, stderr io.Writer) int {
	// Whoever starts one of these by hand has no socket there.
	if kind, err := unix.GetsockoptInt(process.First, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || kind != unix.AF_UNIX {
		return misused(stderr, "%s is started by labelgated itself", role)
	}
	// It was started by a link in /proc, whose name the kernel would show.
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.StringData("labelgated\x00"))), 0, 0, 0)
	// The keeper ends the others in its own order, by closing their channels.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE)
	log := slog.New(slog.NewTextHandler(stderr, nil)).With("process", role)
	if err := members[role](log, args); err != nil {
		log.Error(fmt.Sprintf("%s ends", role), "error", err)
		return 1
	}
	return 0
}

// inherited names what a process was given, from its first place on.
func inherited(names ...string) []*os.File {
	files := make([]*os.File, len(names))
	for i, name := range names {
		files[i] = process.Inherited(i, name)
	}
	return files
}
