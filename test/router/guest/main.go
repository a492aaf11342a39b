// Guest is the first process of the kernel: it runs a program, says how that ended, and
// switches the machine off.
package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if code, err := first(); err != nil {
		fmt.Println("guest:", err)
	} else {
		fmt.Println("guest: exit code", code)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func first() (code int, err error) {
	if os.Getpid() != 1 {
		return 0, errors.New("this is the program of a User-Mode Linux guest, and does nothing else")
	}
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"}} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return 0, fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	program := os.Getenv("PROGRAM")
	p, err := os.StartProcess(program, []string{program, "-test.v", "-test.run=" + os.Getenv("TESTS")}, &os.ProcAttr{
		Dir: "/run", Files: []*os.File{nil, os.Stdout, os.Stdout},
	})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	if err != nil {
		return 0, err
	}
	return state.ExitCode(), nil
}
