package links

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// notice says that something about a link changed.
type notice struct {
	index uint32 // 0: only addresses changed
	name  string
	gone  bool
}

func (r *rtnetlink) subscribe() (notices[notice], error) {
	f, err := newFeed(r.ns, []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR}, nil, linkNotice)
	if err != nil {
		return nil, fmt.Errorf("watch links: %w", err)
	}
	return f, nil
}

// linkNotice reads a message about a link or an address. What cannot be read says
// that something changed.
func linkNotice(h header, body []byte) (n notice, ok bool) {
	if h.kind != unix.RTM_NEWLINK && h.kind != unix.RTM_DELLINK || len(body) < unix.SizeofIfInfomsg {
		return notice{}, true
	}
	// A bridge that lets go of a port speaks of a deleted link too.
	if body[0] != unix.AF_UNSPEC {
		return notice{}, false
	}
	n = notice{index: binary.NativeEndian.Uint32(body[4:]), gone: h.kind == unix.RTM_DELLINK}
	for kind, v := range attributes(body[unix.SizeofIfInfomsg:]) {
		if kind == unix.IFLA_IFNAME {
			n.name = unix.ByteSliceToString(v)
		}
	}
	return n, true
}

// change is what a notice says about where packets go.
type change uint8

const (
	changedAny    change = iota // a rule or a setting
	changedLink                 // a link or an address; routes that depend on it go unsaid
	changedObject               // a next hop that is kept apart from its routes
	routeAdded                  // beside those with the same key
	routeReplaced               // one with the same key went for it
	routeRemoved
)

// routeNotice is a change; route is valid for the changes of routes, until the
// next notice is taken.
type routeNotice struct {
	change change
	route  route
}

func (r *rtnetlink) subscribeRoutes() (notices[routeNotice], error) {
	f, err := newFeed(
		r.ns,
		[]int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE},
		// Kernels before Linux 5.3 do not know next hops apart from routes.
		[]int{unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_NEXTHOP},
		func(h header, body []byte) (routeNotice, bool) { return noticeOf(h, body), true },
	)
	if err != nil {
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	return f, nil
}

// noticeOf reads a message. One that says nothing of use is changedAny.
func noticeOf(h header, body []byte) routeNotice {
	switch h.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		r, ok := parseRoute(body)
		switch {
		case !ok:
		case h.kind == unix.RTM_DELROUTE:
			return routeNotice{routeRemoved, r}
		case h.flags&unix.NLM_F_REPLACE != 0:
			return routeNotice{routeReplaced, r}
		default:
			return routeNotice{routeAdded, r}
		}
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return routeNotice{change: changedLink}
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		return routeNotice{change: changedObject}
	}
	return routeNotice{change: changedAny}
}
