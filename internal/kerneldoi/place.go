package kerneldoi

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// place is where the calling thread's network namespace is.
type place uint8

const (
	unknown place = iota
	initial
	elsewhere
)

// globals are settings for all network namespaces at once, which the kernel shows
// in the initial one alone. Two, because one of them might be divided up one day.
//
// The namespace of process 1 would be no answer: inside a container it is the
// container's, and it can be read by few.
var globals = []string{"ipv4/tcp_mem", "core/netdev_max_backlog"}

// here looks for the globals in sys, the directory /proc/sys/net. What it shows is
// that of the calling thread's namespace.
func here(sys string) place {
	if _, err := os.Stat(filepath.Join(sys, "ipv4")); err != nil {
		return unknown
	}
	found := 0
	for _, name := range globals {
		switch _, err := os.Stat(filepath.Join(sys, name)); {
		case err == nil:
			found++
		case !errors.Is(err, fs.ErrNotExist):
			return unknown
		}
	}
	switch found {
	case len(globals):
		return initial
	case 0:
		return elsewhere
	}
	return unknown
}
