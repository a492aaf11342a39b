package sandbox

import (
	"fmt"
	"slices"
)

// Role is what one of labelgated's processes is there for.
type Role uint8

// The roles. Zero is none of them: a profile without a role is an error.
const (
	// Keeper owns the kernel's queue and rules and starts the others.
	Keeper Role = iota + 1
	// Judge decides about packets, which is to say it parses what attackers send.
	Judge
	// Auditor writes records.
	Auditor
	// Control answers questions about the gateway.
	Control
	// Single is a keeper that judges as well.
	Single
)

var roleNames = [...]string{"none", "keeper", "judge", "auditor", "control", "single"}

// String returns the role in a word.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return roleNames[0]
}

// MarshalText returns the same word.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (r *Role) UnmarshalText(text []byte) error {
	i := slices.Index(roleNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("sandbox: no role %q", text)
	}
	*r = Role(i)
	return nil
}

// starts reports whether the role starts other processes.
func (r Role) starts() bool { return r == Keeper || r == Single }
