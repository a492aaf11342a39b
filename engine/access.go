package engine

// Access is a set of access modes. (Smack documentation, "Access Rule Format".)
type Access uint8

// The modes. Packets ask for Write only: to deliver is to write. (Smack
// documentation, "Access Rules", "Internet Domain IPC".)
const (
	Read      Access = 1 << iota // r
	Write                        // w
	Execute                      // x
	Append                       // a
	Transmute                    // t, of directories only
	Lock                         // l
	Bringup                      // b, permit by the rest of the rule and report the use
)

// allModes are the bits that mean something.
const allModes = Read | Write | Execute | Append | Transmute | Lock | Bringup

// modes are the letters, by bit and in the order in which a rule is listed.
const modes = "rwxatlb"

var modeOf = [256]Access{
	'r': Read, 'w': Write, 'x': Execute, 'a': Append, 't': Transmute, 'l': Lock, 'b': Bringup,
	'R': Read, 'W': Write, 'X': Execute, 'A': Append, 'T': Transmute, 'L': Lock, 'B': Bringup,
}

// AccessError says at which byte a word stops being a set of access modes.
type AccessError struct {
	Word   string
	Offset int
}

// Error names the byte and the letters that are known.
func (e *AccessError) Error() string {
	if e.Word == "" {
		return "no access modes; write - for none"
	}
	return quoteByte(e.Word[e.Offset]) + " is no access mode; the modes are r w x a t l b, and - for none"
}

// ParseAccess reads access modes in either case and any order; a dash stands for
// a mode that is absent. Any other letter is an *AccessError, and so is the empty
// string. (Smack documentation, "Access Rule Format".)
func ParseAccess(s string) (Access, error) {
	a, n := scan(s)
	if n < len(s) || s == "" {
		return 0, &AccessError{Word: s, Offset: n}
	}
	return a, nil
}

// ParseAccessBytes is ParseAccess for a byte slice, of which it keeps nothing.
// It reports the length of what it could read; that is len(s) when all is well.
func ParseAccessBytes(s []byte) (Access, int) {
	return scan(s)
}

// ParseAccessKernel reads access modes as the kernel does: it stops without a
// word at the first letter that it does not know, so that waxbeans is wxab.
func ParseAccessKernel(s string) Access {
	a, _ := scan(s)
	return a
}

func scan[T string | []byte](s T) (a Access, n int) {
	for n = 0; n < len(s); n++ {
		m := modeOf[s[n]]
		if m == 0 && s[n] != '-' {
			break
		}
		a |= m
	}
	return a, n
}

// String lists the modes as a rule does, a dash when there are none.
func (a Access) String() string {
	if a&allModes == 0 {
		return "-"
	}
	b := make([]byte, 0, len(modes))
	for i := range modes {
		if a&(1<<i) != 0 {
			b = append(b, modes[i])
		}
	}
	return string(b)
}

// Effective returns what a rule with these modes grants: the right to write
// brings the right to lock, since locking was a write before it had a mode of its
// own. Write does not bring append, nor append write.
func (a Access) Effective() Access {
	return a | a&Write*(Lock/Write) // the same bit, moved: no branch
}

// Grants reports whether a rule with these modes grants all of want. A rule
// without any mode grants nothing, not even nothing.
func (a Access) Grants(want Access) bool {
	return a != 0 && want&^a.Effective() == 0
}
