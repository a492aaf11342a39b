package links

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// kernel is the edge to rtnetlink; tests put something else in its place.
type kernel interface {
	// subscribe starts the notices.
	subscribe() (notices[notice], error)
	// read returns all links, without zones, and addresses.
	read() (*Table, error)
	// subscribeRoutes starts the notices of what decides where packets go.
	subscribeRoutes() (notices[routeNotice], error)
	// routes hands over the IPv4 routes of all tables, valid until take returns.
	routes(take func(*route)) error
	// lookup asks how a packet is sent; source says that its source address is to
	// be looked at. It is called by one goroutine at a time.
	lookup(q question, source bool) (way, error)
	close()
}

// rtnetlink reads one namespace. Whatever it needs is opened when it is made, but for
// the two runs of notices.
type rtnetlink struct {
	handle  *netlink.Handle // links and addresses
	ns      netns.NsHandle  // none for the process's own
	lookups *talk           // single routes
	lists   *talk           // all routes
	usePMTU *os.File
}

func openKernel(fd int) (kernel, error) {
	ns := netns.None()
	if fd != 0 {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("network namespace: %w", err)
		}
		ns = netns.NsHandle(own)
	}
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		ns.Close()
		return nil, err
	}
	r := &rtnetlink{handle: h, ns: ns}
	if r.lookups, err = newTalk(ns, lookupTime); err == nil {
		r.lists, err = newTalk(ns, routeTime)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	r.openSetting()
	return r, nil
}

func (r *rtnetlink) close() {
	r.handle.Close()
	for _, t := range []*talk{r.lookups, r.lists} {
		if t != nil {
			t.close()
		}
	}
	if r.usePMTU != nil {
		r.usePMTU.Close()
	}
	if r.ns.IsOpen() {
		r.ns.Close()
	}
}

// tries is how often a reading is repeated that was disturbed by a change.
const tries = 10

func (r *rtnetlink) read() (*Table, error) {
	all, err := undisturbed(r.handle.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	addresses, err := undisturbed(func() ([]netlink.Addr, error) { return r.handle.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	t := &Table{links: make(map[uint32]Link, len(all)), addresses: newAddresses(len(addresses))}
	for _, l := range all {
		a := l.Attrs()
		t.links[uint32(a.Index)] = Link{Index: uint32(a.Index), Name: a.Name, MTU: a.MTU, Up: a.Flags&net.FlagUp != 0, Master: uint32(a.MasterIndex)}
	}
	for _, a := range addresses {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			t.addresses.own(ip.Unmap())
		}
		// The kernel knows the last address of a subnet and the one that the
		// interface was given for it; they need not be the same.
		if ip, ok := netip.AddrFromSlice(a.Broadcast); ok {
			t.addresses.everybody(ip.Unmap())
		}
		if ip, ok := lastOf(prefixOf(a.IPNet)); ok {
			t.addresses.everybody(ip)
		}
	}
	return t, nil
}

// prefixOf returns the zero Prefix for what is none.
func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	ip, _ := netip.AddrFromSlice(n.IP)
	ones, bits := n.Mask.Size()
	if ip = ip.Unmap(); bits != ip.BitLen() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(ip, ones)
}

// lastOf returns the last address of an IPv4 subnet. It reports false when it is no
// subnet or has no room for one that is nobody's (RFC 3021).
func lastOf(p netip.Prefix) (netip.Addr, bool) {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	last := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(last), true
}

// undisturbed repeats a reading that the kernel says may have gaps.
func undisturbed[T any](list func() ([]T, error)) (all []T, err error) {
	for range tries {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
