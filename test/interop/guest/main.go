// Guest is the only program of a Smack guest: process 1, which does what the
// test orders over the second console, and every process with a label.
package main

import (
	"fmt"
	"os"
	"runtime"
)

// A label belongs to a thread; what is done about labels is done by the first
// one.
func init() { runtime.LockOSThread() }

func main() {
	var err error
	switch {
	case os.Getpid() == 1:
		err = first()
	case len(os.Args) == 4 && os.Args[1] == become:
		err = labeled(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == process:
		err = work(os.Args[2])
	default:
		err = fmt.Errorf("this is the program of a User-Mode Linux guest, and does nothing else")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		if os.Getpid() == 1 {
			powerOff()
		}
		os.Exit(1)
	}
}
