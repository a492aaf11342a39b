package links

import (
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
	// A new socket each time: a list that was given up would go on in the old one.
	t, err := newTalk(r.ns, routeTime)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	defer t.close()
	q := newRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP, t.next(), unix.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	err = t.ask(q, time.Now().Add(listTime), func(h header, body []byte) {
		if one, ok := parseRoute(body); ok && h.kind == unix.RTM_NEWROUTE {
			take(&one)
		}
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	return nil
}
