package process

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Disinherit keeps what this process was started with, besides its standard input,
// output and error, from those that it starts and from programs that take its place:
// whoever started it may have had a file open that is not for processes without
// rights. It is to be called before anything is to be handed on.
func Disinherit() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("descriptors of this process: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= First {
			unix.CloseOnExec(fd) // one that is not there any more is nobody's
		}
	}
	return nil
}
