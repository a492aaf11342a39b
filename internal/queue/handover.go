package queue

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// File returns another descriptor of the queue's socket, to be handed on: the queue
// lives until the last descriptor of it is closed, and packets wait in it while
// nobody serves it. The file is closed on exec; who wants to keep it over an exec in
// place clears that right before, and keeps the file itself reachable: the garbage
// collector closes it.
func (q *Queue) File() (*os.File, error) {
	q.own.mu.Lock()
	defer q.own.mu.Unlock()
	if q.own.closed {
		return nil, fmt.Errorf("queue %d: descriptor: %w", q.number, os.ErrClosed)
	}
	fd, err := unix.FcntlInt(uintptr(q.own.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("queue %d: descriptor: %w", q.number, err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("nfqueue-%d", q.number)), nil
}

// Release ends the serving of a queue that lives on elsewhere: it makes Run answer
// the packets in hand and return, and waits for it. The queue is not taken down, and
// the descriptor stays open until Close. What waits in the socket is for who adopts
// it.
func (q *Queue) Release() {
	q.released.Store(true)
	q.endRun()
}
