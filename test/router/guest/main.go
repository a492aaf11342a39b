// Guest is the first process of the kernel: it runs a program, says how that ended, and
// switches the machine off.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

func main() {
	err := first()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		fmt.Println("guest: exit code", exit.ExitCode())
	case err != nil:
		fmt.Println("guest:", err)
	default:
		fmt.Println("guest: exit code 0")
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func first() error {
	if os.Getpid() != 1 {
		return errors.New("this is the program of a User-Mode Linux guest, and does nothing else")
	}
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"}} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	cmd := exec.Command(os.Getenv("PROGRAM"), "-test.v", "-test.run="+os.Getenv("TESTS"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/run", os.Stdout, os.Stdout
	return cmd.Run()
}
