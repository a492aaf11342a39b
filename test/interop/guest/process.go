package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"labelgate/test/interop/orders"
	"labelgate/test/interop/talk"
)

// The words by which the program starts itself again.
const (
	become  = "become"
	process = "process"
)

// nobody is the user of every process with a label: Smack knows no privilege on
// the network, and so none is left that could make a difference.
const nobody = 65534

// labeled gives this thread its label and becomes the process anew: what runs
// then, whatever its threads, has that label and no other.
func labeled(label, port string) error {
	if err := os.WriteFile("/proc/self/attr/current", []byte(label), 0); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{"guest", process, port}, nil)
}

// work is a process with a label.
func work(port string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	out := &speaker{json: json.NewEncoder(os.Stdout)}
	_, err = talk.Open(uint16(number), func(h talk.Heard) { out.say(orders.Event{Heard: &h}) })
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxOrder)
	for lines.Scan() {
		var o orders.Order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		switch {
		case o.Do == orders.Start:
			if own := talk.Own(); own != o.Label {
				return fmt.Errorf("the kernel says that this process is labeled %q, not %q", own, o.Label)
			}
			out.say(orders.Event{ID: o.ID})
		case o.Do == orders.Talk && o.Send != nil:
			go func() {
				a := o.Send.Do()
				out.say(orders.Event{ID: o.ID, Answer: &a})
			}()
		default:
			return fmt.Errorf("unknown order %q", o.Do)
		}
	}
	return lines.Err()
}
