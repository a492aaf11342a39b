package links

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// routeTime is how long the kernel may take for a piece of the list of all routes,
// and listTime for the whole.
const (
	routeTime = time.Second
	listTime  = time.Minute
)

// routes hands over the IPv4 routes of all tables. One that changes meanwhile may
// be among them or not, but there will be a notice of it.
func (r *rtnetlink) routes(take func(*route)) error {
	t, end := r.lists, time.Now().Add(listTime)
	if err := t.finish(end); err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	q := newRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP, t.next(), unix.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	err := t.ask(q, end, func(h header, body []byte) {
		if one, ok := parseRoute(body); ok && h.kind == unix.RTM_NEWROUTE {
			take(&one)
		}
	})
	if errors.Is(err, unix.EBUSY) {
		err = errStuck
	}
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	return nil
}

// errStuck says that the kernel thinks it is still at an answer that was heard out.
// That comes of its having had no memory in the middle.
var errStuck = errors.New("the kernel does not end an answer that it began")
