package daemon

import (
	"errors"
	"fmt"
	"os"

	"labelgate/internal/queue"
)

// lockQueue is a queue that no rule sends packets to. The kernel gives a queue to
// one owner at a time, in a network namespace, and only to who may change
// netfilter: so who has this one is the only labelgated there. A file could be
// deleted, and a socket's name taken by anybody.
const lockQueue = 65535

// errAnother says that the rules belong to a labelgated that runs.
var errAnother = errors.New("another labelgated runs in this network namespace; the netfilter table is its")

// alone takes the lock, which holds until it is closed, or takes it over. own is the
// queue that the caller has already; where that is the lock as well there is no other.
func alone(own uint16, handed int) (lock *queue.Queue, err error) {
	if own == lockQueue {
		return nil, nil
	}
	c := queue.Config{Number: lockQueue, Length: 1}
	if handed != 0 {
		return queue.Adopt(c, handed)
	}
	q, err := queue.Open(c)
	switch {
	case errors.Is(err, os.ErrPermission) && os.Geteuid() == 0:
		return nil, errAnother
	case err != nil:
		return nil, fmt.Errorf("lock: %w", err)
	}
	return q, nil
}
