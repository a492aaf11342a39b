package split

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Link is the keeper's half of what connects it with one judge. Every judge gets a
// new one: one that was given up, and perhaps still lives, must see nothing of what
// its successor is given, and write nothing of what it answers.
//
// A Link is made, its Files are given to a process, Started is called, and then it
// is attached to a Front, which owns it from then on.
type Link struct {
	line line
	in   memory // packets, written here
	out  memory // verdicts, written by the judge
	far  []*os.File

	sequence uint32
}

// NewLink makes the shared memory and the socket.
func NewLink() (*Link, error) {
	l := &Link{line: line{fd: -1}}
	in, inFD, err := makeMemory("labelgate-packets", inLen, true)
	if err != nil {
		return nil, err
	}
	l.in, l.far = in, append(l.far, os.NewFile(uintptr(inFD), "packets"))
	out, outFD, err := makeMemory("labelgate-verdicts", outLen, false)
	if err != nil {
		l.abandon()
		return nil, err
	}
	l.out, l.far = out, append(l.far, os.NewFile(uintptr(outFD), "verdicts"))
	near, far, err := socketPair()
	if err != nil {
		l.abandon()
		return nil, fmt.Errorf("socket to the judge: %w", err)
	}
	l.line.fd = near
	l.far = append([]*os.File{os.NewFile(uintptr(far), "judge")}, l.far...)
	return l, nil
}

// Files are the judge's ends, in the order in which Open takes them. All of them
// are closed on exec unless they are handed on.
func (l *Link) Files() []*os.File { return l.far }

// Started closes the judge's ends here. It must be called when the judge has them,
// also when it could not be started: while the keeper holds them it does not notice
// the judge's end.
func (l *Link) Started() {
	for _, f := range l.far {
		f.Close()
	}
	l.far = nil
}

// Discard frees a link that will not be attached.
func (l *Link) Discard() { l.abandon() }

func (l *Link) abandon() {
	l.Started()
	if l.line.fd >= 0 {
		unix.Close(l.line.fd)
		l.line.fd = -1
	}
	l.in.unmap()
	l.out.unmap()
}
