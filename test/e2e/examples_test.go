package e2e

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"labelgate/internal/lab"
)

func example(name string) string {
	path, err := filepath.Abs(filepath.Join("../../examples", name))
	if err != nil {
		panic(err)
	}
	return path
}

// examples are run as they are in the tree, on interfaces with their names.
func startExample(t *testing.T, name, config string, hosts ...lab.Host) *exampleLab {
	t.Helper()
	b := newBench(t, name, example(config), hosts)
	return &exampleLab{b}
}

type exampleLab struct{ *bench }

// expect probes, and compares with what the example promises; a reason must stand
// in a record of the node that dropped it.
func (e *exampleLab) expect(t *testing.T, from, to string, proto lab.Proto, want lab.Outcome, at, reason string) {
	t.Helper()
	before := 0
	if at != "" {
		before = len(e.records(t, at, 0))
	}
	timeout := 3 * time.Second
	if want != lab.Passed {
		timeout = 250 * time.Millisecond
	}
	r, err := e.Probe(t.Context(), lab.Probe{From: from, To: to, Proto: proto, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome() != want {
		t.Errorf("%v from %s to %s: %v, want %v: %+v", proto, from, to, r.Outcome(), want, r)
	}
	if at == "" {
		return
	}
	if !eventually(func() bool {
		for _, r := range e.records(t, at, before) {
			if r.Reason == reason {
				return true
			}
		}
		return false
	}) {
		t.Errorf("%v from %s to %s: %s has no record with the reason %s", proto, from, to, at, reason)
	}
}

// alias gives a host another address, by which the gateway finds it.
func (e *exampleLab) alias(t *testing.T, host, address string) {
	t.Helper()
	a := netip.MustParseAddr(address)
	one := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(32, 32)}
	e.change(t, host, func(h *netlink.Handle) error {
		link, err := h.LinkByName(lab.HostInterface)
		if err != nil {
			return err
		}
		return h.AddrAdd(link, &netlink.Addr{IPNet: one})
	})
	e.change(t, lab.GatewayName, func(h *netlink.Handle) error {
		return h.RouteReplace(&netlink.Route{Dst: one, Gw: e.address(t, host, lab.GatewayName).AsSlice()})
	})
}

func (e *exampleLab) change(t *testing.T, node string, f func(*netlink.Handle) error) {
	t.Helper()
	ns, err := e.Namespace(node)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := f(h); err != nil {
		t.Fatalf("%s: %v", node, err)
	}
}

// datagram sends one from an address of a host, and reports whether the other
// hears it and what options it had on its cable.
func (e *exampleLab) datagram(t *testing.T, from, source, to, destination string) (heard bool, options []byte) {
	t.Helper()
	port := e.nextPort()
	err := e.Do(from, func() error {
		local := netip.AddrPortFrom(netip.MustParseAddr(source), port)
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(local))
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteToUDPAddrPort([]byte("from an example"), netip.AddrPortFrom(netip.MustParseAddr(destination), inboxPort))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, n := e.boxes[to].heard(port); n > 0 {
			heard = true
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	if packets := datagrams(e.cables[to], "", false, port); len(packets) > 0 {
		options = optionArea(packets[0])
	}
	return heard, options
}

// TestExamplePerimeter: Public and the printer talk to each other, Secret stays
// in, and the news come in but nothing goes out to them.
func TestExamplePerimeter(t *testing.T) {
	needLab(t)
	const feed = "203.0.113.9"
	e := startExample(t, "ep", "perimeter/labelgate.toml",
		lab.Host{Name: "desk", Interface: "enclave0", Address: netip.MustParsePrefix("192.0.2.2/28"), Gateway: netip.MustParseAddr("192.0.2.1"), Zone: "enclave", Label: "Public", DOI: 3},
		lab.Host{Name: "office", Interface: "office0", Address: netip.MustParsePrefix("198.51.100.7/28"), Gateway: netip.MustParseAddr("198.51.100.1"), Zone: "office"},
	)
	e.alias(t, "office", feed)
	for _, proto := range lab.Protos() {
		e.expect(t, "desk", "office", proto, lab.Passed, "", "")
		e.expect(t, "office", "desk", proto, lab.Passed, "", "")
	}
	if heard, _ := e.datagram(t, "office", feed, "desk", "192.0.2.2"); heard {
		t.Error("Public hears the news")
	}

	setLabel(t, e.Lab, "desk", "Secret")
	for _, proto := range lab.Protos() {
		e.expect(t, "desk", "office", proto, lab.Dropped, lab.GatewayName, "no-rule")
		e.expect(t, "office", "desk", proto, lab.Dropped, "desk", "no-rule")
	}

	setLabel(t, e.Lab, "desk", "Feed")
	heard, options := e.datagram(t, "office", feed, "desk", "192.0.2.2")
	want := direct(3, 1, "Feed-in").encoded(t)
	if !heard || string(options[:min(len(want), len(options))]) != string(want) {
		t.Errorf("Feed hears the news: %v, options % x", heard, options)
	}
	if heard, options := e.datagram(t, "desk", "192.0.2.2", "office", feed); heard || options != nil {
		t.Error("Feed answers")
	}
	e.expect(t, "desk", "office", lab.TCP, lab.Dropped, lab.GatewayName, "no-rule")

	if outer, inner := leaks(e.cables["office"], "", false); len(outer)+len(inner) > 0 {
		t.Errorf("labels in the office: %q %q", outer, inner)
	}
}

// sensor and its peer; the machine that the example is for is the lab's gateway.
func startSensor(t *testing.T, name, peer, address, label string, doi uint32) *exampleLab {
	t.Helper()
	p := netip.MustParsePrefix(address)
	return startExample(t, name, "single-label/labelgate.toml",
		lab.Host{Name: peer, Interface: "eth0", Address: p, Gateway: netip.MustParseAddr("192.0.2.1"), Zone: "net", Label: label, DOI: doi})
}

// TestExampleSingleLabel: a machine that speaks with one label.
func TestExampleSingleLabel(t *testing.T) {
	needLab(t)
	const sensor = lab.GatewayName
	t.Run("labeled peer", func(t *testing.T) {
		e := startSensor(t, "es", "collector", "192.0.2.10/24", "Collector", 3)
		for _, proto := range lab.Protos() {
			e.expect(t, "collector", sensor, proto, lab.Passed, "", "")
			e.expect(t, sensor, "collector", proto, lab.Passed, "", "")
		}
		own := direct(3, 1, "Sensor").encoded(t)
		for _, p := range e.cables["collector"].Packets() {
			if ip := p.IPv4(); !p.Outgoing && headerLen(ip) > 0 && string(optionArea(ip)[:min(len(own), len(optionArea(ip)))]) != string(own) {
				t.Errorf("the sensor said % x", ip)
			}
		}
		setLabel(t, e.Lab, "collector", "Visitor")
		// The visitor's own machine knows no rule for it either: what the sensor
		// says is refused there, what the visitor says here.
		for _, proto := range lab.Protos() {
			e.expect(t, "collector", sensor, proto, lab.Dropped, sensor, "unknown-label")
			e.expect(t, sensor, "collector", proto, lab.Dropped, "collector", "no-rule")
		}
	})
	t.Run("time server", func(t *testing.T) {
		const stranger = "192.0.2.124"
		e := startSensor(t, "et", "clock", "192.0.2.123/24", "", 0)
		for _, proto := range lab.Protos() {
			e.expect(t, "clock", sensor, proto, lab.Passed, "", "")
			e.expect(t, sensor, "clock", proto, lab.Passed, "", "")
		}
		if outer, inner := leaks(e.cables["clock"], "", false); len(outer)+len(inner) > 0 {
			t.Errorf("labels at the time server: %q %q", outer, inner)
		}
		e.alias(t, "clock", stranger)
		port := e.nextPort()
		before := len(e.records(t, sensor, 0))
		if err := e.SendRaw("clock", header{src: netip.MustParseAddr(stranger), dst: e.address(t, sensor, "clock"), proto: protoUDP, body: udp(port, inboxPort, []byte("let me in"))}.bytes()); err != nil {
			t.Fatal(err)
		}
		if r := e.record(t, sensor, before, ofPort(port)); r == nil || r.Reason != "no-rule" || r.Subject != "_" || r.Object != "Sensor" {
			t.Errorf("record %+v", r)
		}
	})
}

// TestExampleLab: everything that the lab's own file expects.
func TestExampleLab(t *testing.T) {
	needLab(t)
	topology, err := lab.Read(example("lab/lab.toml"))
	if err != nil {
		t.Fatal(err)
	}
	l := startTopology(t, topology, "ex")
	cells, err := l.Matrix(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	met := 0
	for i := range cells {
		c := &cells[i]
		if c.Expected == nil {
			continue
		}
		if met++; !c.Met() {
			t.Errorf("%v from %s to %s: %v (%s), want %v (%s)", c.Probe.Proto, c.Probe.From, c.Probe.To, c.Outcome(), c.Reason(), c.Expected.Outcome, c.Expected.Reason)
		}
	}
	if met < 50 {
		t.Errorf("only %d of %d probes have an expectation", met, len(cells))
	}
}
