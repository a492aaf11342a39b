package nft_test

import (
	"net"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"labelgate/internal/nft"
)

// ways are the ways of a datagram through the gateway, to it and from it.
type ways struct {
	l *lab
	// Sockets by family (4 or 6) and place.
	at map[int]map[string]*net.UDPConn
}

var addresses = map[int]map[string]string{
	4: {"src": srcIP, "dst": dstIP, "gwSrc": gwSrcIP, "gwDst": gwDstIP},
	6: {"src": "fd91:1::2", "dst": "fd91:2::2", "gwSrc": "fd91:1::1", "gwDst": "fd91:2::1"},
}

func (l *lab) ways() *ways {
	l.t.Helper()
	w := &ways{l: l, at: map[int]map[string]*net.UDPConn{4: {}, 6: {}}}
	for family, ips := range addresses {
		for place, ns := range map[string]netns.NsHandle{"src": l.src, "dst": l.dst, "gwSrc": l.gw, "gwDst": l.gw} {
			w.at[family][place] = l.udp(ns, ips[place], testPort)
		}
	}
	return w
}

// want checks by which of them a datagram passes.
func (w *ways) want(what string, want []string) {
	w.l.t.Helper()
	var open []string
	for _, way := range []struct {
		name, from, to string
		family         int
	}{
		{"through", "src", "dst", 4}, {"back", "dst", "src", 4}, {"in", "src", "gwSrc", 4}, {"out", "gwDst", "dst", 4},
		{"through6", "src", "dst", 6}, {"in6", "src", "gwSrc", 6}, {"out6", "gwDst", "dst", 6},
	} {
		wait := soon
		if slices.Contains(want, way.name) {
			wait = patience
		}
		text := what + ": " + way.name
		// What is dropped at OUTPUT is refused.
		_, err := w.at[way.family][way.from].WriteToUDPAddrPort([]byte(text), to(addresses[way.family][way.to]))
		if err == nil && arrives(w.l.t, w.at[way.family][way.to], text, wait) {
			open = append(open, way.name)
		}
	}
	if !slices.Equal(open, want) {
		w.l.t.Errorf("%s: open are %q, want %q", what, open, want)
	}
}

var (
	every      = []string{"through", "back", "in", "out", "through6", "in6", "out6"}
	onlyItsOwn = []string{"in", "out", "in6", "out6"}
)

// generation changes with every change of the rules.
func (l *lab) generation() uint32 {
	l.t.Helper()
	n, err := nft.RulesGeneration(int(l.gw))
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// A machine is closed before it has an interface, and stays closed when they come;
// whoever judges finds the rules as he would make them.
func TestCloseBeforeInterfaces(t *testing.T) {
	l := newUnwiredLab(t)
	for range 2 {
		if _, err := nft.Close(l.plan); err != nil {
			t.Fatal(err)
		}
	}
	l.wire()
	w := l.ways()
	w.want("closed before there was an interface", nil)
	if _, err := nft.Close(l.plan); err != nil { // older kernels make chains for interfaces that are there only
		t.Fatal(err)
	}
	before := l.generation()
	if _, err := nft.Close(l.plan); err != nil {
		t.Fatal(err)
	}
	if now := l.generation(); now != before {
		t.Errorf("generation %d after closing what was closed, which was %d", now, before)
	}
	_, stop := l.listen(judged(2))
	l.install()
	if now := l.generation(); now != before {
		t.Errorf("generation %d after Install of the same rules, which was %d", now, before)
	}
	w.want("everything may leave to zone 2", []string{"through", "in", "out"})
	stop()
	w.want("nobody judges any more", nil)
}

// Close opens nothing: neither interfaces that another plan guarded, nor what a rule
// of a running gateway adds, nor what CloseForwarding forbade.
func TestCloseOnlyCloses(t *testing.T) {
	l := newLab(t)
	w := l.ways()
	running := l.plan
	running.Narrowest = 1400
	if _, err := nft.Install(running); err != nil {
		t.Fatal(err)
	}
	before := l.generation()
	if _, err := nft.Close(l.plan); err != nil {
		t.Fatal(err)
	}
	if now := l.generation(); now != before {
		t.Errorf("generation %d, was %d: what waits in a queue is lost", now, before)
	}

	fewer := l.plan
	fewer.Zones = fewer.Zones[:1]
	fewer.Zones[0].Interfaces = []string{"other"}
	for range 2 {
		if _, err := nft.Close(fewer); err != nil {
			t.Fatal(err)
		}
	}
	w.want("closed by a plan that has neither interface", nil)
	names, err := nft.Guarded(testTable, int(l.gw))
	if err != nil || !slices.Equal(names, []string{"g0", "g1", "other"}) {
		t.Errorf("guarded are %q: %v", names, err)
	}

	if err := nft.CloseForwarding(testTable, int(l.gw)); err != nil {
		t.Fatal(err)
	}
	if _, err := nft.Install(fewer); err != nil {
		t.Fatal(err)
	}
	w.want("whoever judges knows neither interface", every)
	if names, err := nft.Guarded(testTable, int(l.gw)); err != nil || !slices.Equal(names, []string{"other"}) {
		t.Errorf("guarded are %q: %v", names, err)
	}
}

// Where the zones are not known nothing is forwarded, and the machine can be
// reached.
func TestCloseForwarding(t *testing.T) {
	l := newUnwiredLab(t)
	if names, err := nft.Guarded(testTable, int(l.gw)); err != nil || len(names) != 0 {
		t.Errorf("guarded are %q: %v", names, err)
	}
	for range 2 {
		if err := nft.CloseForwarding(testTable, int(l.gw)); err != nil {
			t.Fatal(err)
		}
	}
	l.wire()
	w := l.ways()
	w.want("closed", onlyItsOwn)
	other := l.plan
	other.Zones[0].Interfaces, other.Zones[1].Interfaces = []string{"x0"}, []string{"x1"}
	if _, err := nft.Close(other); err != nil {
		t.Fatal(err)
	}
	w.want("closed by a plan", onlyItsOwn)
	if err := nft.Check(other); err == nil {
		t.Error("that nothing is forwarded is no drift")
	} else {
		t.Log(err)
	}
	if err := nft.Remove(testTable, int(l.gw)); err != nil {
		t.Fatal(err)
	}
	w.want("removed", every)
}

// Frames from port to port of a bridge are forwarded, too.
func TestCloseForwardingOfABridge(t *testing.T) {
	l := newUnwiredLab(t)
	h, err := netlink.NewHandleAt(l.gw)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	if err := h.LinkAdd(bridge); err != nil {
		t.Skipf("needs bridges: %v", err)
	}
	l.cable(l.src, "s0", "10.91.3.1", "fd91:3::1", l.gw, "p0", "10.91.4.1", "fd91:4::1")
	l.cable(l.dst, "d0", "10.91.3.2", "fd91:3::2", l.gw, "p1", "10.91.5.1", "fd91:5::1")
	for _, port := range []string{"p0", "p1"} {
		link, err := h.LinkByName(port)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.LinkSetMaster(link, bridge); err != nil {
			t.Fatal(err)
		}
	}
	l.address(l.gw, "br0", "10.91.3.9")
	s, d, g := l.udp(l.src, "10.91.3.1", testPort), l.udp(l.dst, "10.91.3.2", testPort), l.udp(l.gw, "10.91.3.9", testPort)
	if !passes(t, s, d, "10.91.3.2", "before", patience) {
		t.Fatal("the bridge does not forward")
	}
	if err := nft.CloseForwarding(testTable, int(l.gw)); err != nil {
		t.Fatal(err)
	}
	if passes(t, s, d, "10.91.3.2", "closed", soon) {
		t.Error("a frame passed from port to port")
	}
	if !passes(t, s, g, "10.91.3.9", "to the machine", patience) {
		t.Error("the machine cannot be reached")
	}
}
