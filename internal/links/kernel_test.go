package links

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// emptyNamespace makes a namespace that ends with the test, and a handle to it.
func emptyNamespace(t *testing.T) (netns.NsHandle, *netlink.Handle) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	var ns netns.NsHandle
	var err error
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread() // the thread ends with the goroutine
		ns, err = netns.New()
	}()
	wg.Wait()
	if err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return ns, h
}

func addDummy(t *testing.T, h *netlink.Handle, name string, index int) netlink.Link {
	t.Helper()
	// A veth pair: every kernel that has namespaces in use has it.
	if err := h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, Index: index}, PeerName: name + "p"}); err != nil {
		t.Fatal(err)
	}
	l, err := h.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// until waits for the table to say what it should.
func until(t *testing.T, w *Watcher, what string, ok func(*Table) bool) {
	t.Helper()
	for deadline := time.After(patience); !ok(w.Table()); {
		select {
		case <-w.Changed():
		case <-deadline:
			t.Fatalf("%s: not in the table %+v", what, w.Table().Links())
		}
	}
}

func index(l netlink.Link) uint32 { return uint32(l.Attrs().Index) }

func in(l uint32, zone uint8) func(*Table) bool {
	return func(t *Table) bool {
		z, _, ok := t.Zone(l)
		return ok && z == zone
	}
}

func TestFollowsTheKernel(t *testing.T) {
	ns, h := emptyNamespace(t)
	early := addDummy(t, h, "early", 0)
	w, err := Watch(Config{NetNS: int(ns), Zones: [][]string{{"early", "late"}, {"other"}}, Errorf: t.Errorf})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if zone, mtu, ok := w.Zone(index(early)); zone != 1 || mtu != 1500 || !ok {
		t.Errorf("Zone(early) = %d %d %v", zone, mtu, ok)
	}
	if zone, _, ok := w.Zone(1); zone != 0 || !ok || w.Table().Name(1) != "lo" {
		t.Errorf("Zone(lo) = %d %v", zone, ok)
	}

	late := addDummy(t, h, "late", 0)
	until(t, w, "new link", in(index(late), 1))
	if err := h.LinkSetMTU(late, 1400); err != nil {
		t.Fatal(err)
	}
	until(t, w, "new MTU", func(t *Table) bool { return t.MTU(1) == 1400 })

	if err := h.LinkSetName(late, "other"); err != nil {
		t.Fatal(err)
	}
	until(t, w, "renamed link", in(index(late), 2))

	if err := w.SetZones([][]string{{"other"}, {"early"}}); err != nil {
		t.Fatal(err)
	}
	if !in(index(late), 1)(w.Table()) || !in(index(early), 2)(w.Table()) {
		t.Errorf("after SetZones: %+v", w.Table().Links())
	}

	own := netip.MustParseAddr("198.18.0.7")
	if w.Table().Local(own) {
		t.Error("address known before it was added")
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: own.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	if err := h.AddrAdd(early, address); err != nil {
		t.Fatal(err)
	}
	until(t, w, "new address", func(t *Table) bool { return t.Local(own) && t.Local(netip.MustParseAddr("::ffff:198.18.0.7")) })
	all := netip.MustParseAddr("198.18.0.255")
	if now := w.Table(); !now.Broadcast(all) || now.Broadcast(own) || now.Broadcast(all.Next()) {
		t.Error("the subnet's broadcast address is not known for what it is")
	}
	if err := h.AddrDel(early, address); err != nil {
		t.Fatal(err)
	}
	until(t, w, "no address", func(t *Table) bool { return !t.Local(own) && !t.Broadcast(all) })

	if err := h.LinkDel(early); err != nil {
		t.Fatal(err)
	}
	until(t, w, "deleted link", func(t *Table) bool { _, _, ok := t.Zone(index(early)); return !ok })

	// Another link takes the index over.
	again := addDummy(t, h, "stranger", int(index(early)))
	until(t, w, "index of another", in(index(early), 0))
	if index(again) != index(early) {
		t.Errorf("index %d, want %d", index(again), index(early))
	}
	w.Close()
	w.Close()
}

// A storm of changes ends in the right table.
func TestManyChanges(t *testing.T) {
	ns, h := emptyNamespace(t)
	w, err := Watch(Config{NetNS: int(ns), Zones: [][]string{{"a"}, {"b"}}, Errorf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a, b := addDummy(t, h, "a", 0), addDummy(t, h, "b", 0)
	rename := func(l netlink.Link, name string) {
		t.Helper()
		if err := h.LinkSetName(l, name); err != nil {
			t.Fatal(err)
		}
	}
	for range 101 {
		rename(a, "c")
		rename(b, "a")
		rename(a, "b")
		a, b = b, a
	}
	until(t, w, "last names", func(t *Table) bool { return in(index(a), 1)(t) && in(index(b), 2)(t) })
}

func TestWatchErrors(t *testing.T) {
	if _, err := Watch(Config{Zones: [][]string{{"a"}, {"a"}}}); err == nil {
		t.Error("an interface in two zones was taken")
	}
	if _, err := Watch(Config{NetNS: 1 << 20}); err == nil {
		t.Error("a descriptor that is not open was taken")
	}
}
