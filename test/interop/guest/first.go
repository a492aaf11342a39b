package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"labelgate/test/interop/orders"
)

// console is the guest's second one: the kernel writes to the first.
const console = "/dev/tty1"

// maxOrder is the length of the longest order in bytes.
const maxOrder = 1 << 20

// first is process 1.
func first() error {
	if err := mounts(); err != nil {
		return err
	}
	tty, err := open(console)
	if err != nil {
		return err
	}
	out := &speaker{json: json.NewEncoder(tty)}
	if err := watchKernel(out); err != nil {
		return err
	}
	var version unix.Utsname
	if err := unix.Uname(&version); err != nil {
		return err
	}
	out.say(orders.Event{Ready: unix.ByteSliceToString(version.Release[:])})
	processes := staff{out: out, all: map[string]*employee{}}
	lines := bufio.NewScanner(tty)
	lines.Buffer(nil, maxOrder)
	for lines.Scan() {
		var o orders.Order
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			err = obey(&o, &processes)
		}
		if err != nil {
			out.say(orders.Event{ID: o.ID, Err: err.Error()})
		}
	}
	return errors.Join(lines.Err(), errors.New("the console has ended"))
}

func obey(o *orders.Order, processes *staff) error {
	switch o.Do {
	case orders.Setup:
		if o.Host == nil {
			return errors.New("an order without a host")
		}
		return processes.done(o, settle(o.Host))
	case orders.Quiet:
		return processes.done(o, put("logging", logRefused))
	case orders.Start:
		return processes.start(o)
	case orders.Talk:
		return processes.pass(o)
	case orders.PowerOff:
		powerOff()
	}
	return fmt.Errorf("unknown order %q", o.Do)
}

// speaker says events, whole lines, from any goroutine.
type speaker struct {
	mu   sync.Mutex
	json *json.Encoder
}

func (s *speaker) say(e orders.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.json.Encode(e); err != nil {
		fmt.Fprintln(os.Stderr, "guest: event:", err)
	}
}

// open opens a console so that bytes pass unchanged and nothing is echoed.
func open(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	mode.Iflag, mode.Oflag, mode.Lflag = 0, 0, 0
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, mode); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

func powerOff() {
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
