package sandbox

import (
	"fmt"
	"slices"
)

// Violation is what becomes of a process that makes a system call which its role
// does not have.
type Violation uint8

// Kill is for service. The others are for finding out what a role needs.
const (
	// Kill ends the whole process with SIGSYS, and the kernel logs the call.
	Kill Violation = iota
	// Refuse lets the call fail with EPERM.
	Refuse
	// Report lets the call happen, and the kernel logs it.
	Report
)

var violationNames = [...]string{"kill", "refuse", "report"}

// String returns what becomes of the process in a word.
func (v Violation) String() string {
	if int(v) < len(violationNames) {
		return violationNames[v]
	}
	return violationNames[Kill]
}

// MarshalText returns the same word.
func (v Violation) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (v *Violation) UnmarshalText(text []byte) error {
	i := slices.Index(violationNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("sandbox: %q is neither kill nor refuse nor report", text)
	}
	*v = Violation(i)
	return nil
}
