package lab_test

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// block drops what comes in by one interface of a node and leaves by another.
func block(t *testing.T, l *lab.Lab, node, in, out string) {
	t.Helper()
	ns, err := l.Namespace(node)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName(out)
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := h.AddrList(link, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	// A rule of the routing policy does it without a filter.
	r := netlink.NewRule()
	r.IifName, r.Dst, r.Type, r.Priority = in, addrs[0].IPNet, unix.RTN_BLACKHOLE, 1
	if err := h.RuleAdd(r); err != nil {
		t.Fatal(err)
	}
}
