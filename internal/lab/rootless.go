package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// again is set in the environment of a program that runs itself again in a user
// namespace, so that it does so only once. It decides nothing else.
const again = "LABELGATE_LAB_AGAIN"

// ExitError says that this program has run itself again in a user namespace, and
// how that ended. It has already said what there was to say.
type ExitError struct{ Code int }

// Error names the code.
func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// rerun runs this very program once more as root of a user namespace that owns
// its mounts and networks, and waits for its end.
func rerun(ctx context.Context, argv []string) error {
	if os.Getenv(again) != "" {
		return errors.New("already in a user namespace of its own")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = argv
	cmd.Env = append(os.Environ(), again+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	// The child ends with the thread that starts it; it must not do so early.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return refusal(err)
	}
	// Ctrl-C reaches the child by itself; what only this process was told is
	// passed on. Either way the child cleans up, and that is waited for.
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{Code: max(exit.ExitCode(), 1)}
	}
	return err
}
