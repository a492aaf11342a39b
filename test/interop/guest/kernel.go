package main

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"labelgate/test/interop/orders"
)

// watchKernel tells of every audit record in which Smack judges a packet.
func watchKernel(out *speaker) error {
	log, err := os.Open("/dev/kmsg")
	if err != nil {
		return err
	}
	go func() {
		record := make([]byte, 1<<13) // one record a read
		for {
			n, err := log.Read(record)
			switch {
			case errors.Is(err, unix.EPIPE):
				out.say(orders.Event{Err: "records of the kernel were lost"})
			case err != nil:
				out.say(orders.Event{Err: err.Error()})
				return
			}
			_, text, _ := strings.Cut(string(record[:n]), ";")
			text, _, _ = strings.Cut(text, "\n")
			if strings.Contains(text, "lsm=SMACK") && strings.Contains(text, " saddr=") {
				out.say(orders.Event{Kernel: text[strings.Index(text, "lsm=SMACK"):]})
			}
		}
	}()
	return nil
}
