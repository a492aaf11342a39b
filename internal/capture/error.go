package capture

import "fmt"

// Error is a file that cannot be read, or not further: where, what is wrong with
// it and what to do.
type Error struct {
	File   string
	Offset int64 // into the (decompressed) file, of the record at fault
	Packet int   // number of the packet at fault, 0 outside of packets
	What   string
	Hint   string // may be empty
	Err    error  // the cause, may be nil
}

// Error returns it all in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: at byte %d", e.File, e.Offset)
	if e.Packet > 0 {
		s += fmt.Sprintf(" (packet %d)", e.Packet)
	}
	s += ": " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

const (
	hintRecord = "record it with tcpdump -w or dumpcap"
	hintCut    = "the packets before it are good; cut the rest off with: editcap IN OUT"
	hintLink   = "record on an Ethernet interface, or all of them with: tcpdump -i any -w FILE"
)
