package policyfile

import (
	"fmt"
	"strings"

	"labelgate/internal/suggest"
)

// Dialect is whose reading of Smack's formats a file is written for.
type Dialect uint8

const (
	// Labelgate is the default: comments, IPv4 and IPv6 in one table, options of a
	// host entry, and CIPSO mappings in any form that can have only one meaning.
	Labelgate Dialect = iota
	// Kernel is what is written to smackfs: load2 and change-rule, cipso2 and cipso,
	// netlabel, ipv6host. It has no comments; numbers of a mapping stand in columns.
	Kernel
	// Libsmack is what smackload, smackcipso and smackctl read. It has no comments
	// and no lines of white space; a mapping has no count.
	Libsmack
	// Systemd is what systemd hands to the kernel at boot: the kernel's formats, with
	// comments and blank lines in accesses.d and cipso.d but not in netlabel.d.
	Systemd
)

// dialects are the names, by Dialect.
func dialects() []string { return []string{"labelgate", "kernel", "libsmack", "systemd"} }

// String is the name that ParseDialect takes.
func (d Dialect) String() string {
	if names := dialects(); int(d) < len(names) {
		return names[d]
	}
	return "unknown"
}

// ParseDialect returns the dialect of that name, which is in lower case.
func ParseDialect(name string) (Dialect, error) {
	for i, n := range dialects() {
		if n == name {
			return Dialect(i), nil
		}
	}
	hint := suggest.Hint(name, dialects())
	if hint == "" {
		hint = "known: " + strings.Join(dialects(), ", ")
	}
	return 0, fmt.Errorf("unknown dialect %q (%s)", name, hint)
}

// columns reports whether mappings are in the fixed columns of the kernel.
func (d Dialect) columns() bool { return d == Kernel || d == Systemd }
