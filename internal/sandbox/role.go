package sandbox

// Role is what one of labelgated's processes is there for.
type Role uint8

// The roles. Keeper is the zero value of none of them: a profile without a role is
// an error.
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

// String returns the role in a word.
func (r Role) String() string {
	switch r {
	case Keeper:
		return "keeper"
	case Judge:
		return "judge"
	case Auditor:
		return "auditor"
	case Control:
		return "control"
	case Single:
		return "single"
	}
	return "none"
}

// starts reports whether the role starts other processes.
func (r Role) starts() bool { return r == Keeper || r == Single }
