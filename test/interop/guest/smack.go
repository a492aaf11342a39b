package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"labelgate/test/interop/orders"
)

const smackfs = "/sys/fs/smackfs"

// What the kernel records: what it refuses, or what it allows as well. The records
// say for every packet which label the kernel took it to have.
const (
	logRefused = "1"
	logBoth    = "3"
)

// put writes to one of Smack's files.
func put(name, value string) error {
	if err := os.WriteFile(filepath.Join(smackfs, name), []byte(value), 0); err != nil {
		return fmt.Errorf("%q: %w", value, err)
	}
	return nil
}

// policy gives the kernel its labels, rules and numbers. No socket may exist
// yet: a change does not reach those that do.
func policy(h *orders.Host) error {
	if err := put("doi", strconv.FormatUint(uint64(h.DOI), 10)); err != nil {
		return err
	}
	for _, r := range h.Rules {
		if err := put("load2", r); err != nil {
			return err
		}
	}
	for _, m := range h.Mappings {
		if err := put("cipso2", columns(m)); err != nil {
			return err
		}
	}
	for _, l := range h.Hosts {
		if err := put("netlabel", l); err != nil {
			return err
		}
	}
	if err := put("ambient", h.Ambient); err != nil {
		return err
	}
	return put("logging", logBoth)
}

// columns is a mapping as cipso2 reads it: after the label every number has four
// columns, and the categories are counted.
func columns(m orders.Mapping) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-4d%-4d", m.Label, m.Level, len(m.Categories))
	for _, c := range m.Categories {
		fmt.Fprintf(&b, "%-4d", c)
	}
	return b.String()
}
