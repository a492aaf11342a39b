package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// unreachable is a network that the gateway has no way to.
const unreachable = ".127.0/24"

// kernel: what the gateway's own kernel reports, and quotes as it found it: with
// NOPs where an option was, with the option that was put on, or without the one that
// was taken off.
func (e *errorsBench) kernel(t *testing.T) {
	e.nowhere(t, "10.1"+unreachable, "10.4"+unreachable)
	e.sysctl(t, lab.GatewayName, "neigh/"+e.cable("mred")+"/mcast_solicit", "1")
	e.sysctl(t, lab.GatewayName, "neigh/"+e.cable("mred")+"/retrans_time_ms", "20")
	t.Run("stranger to the domains", func(t *testing.T) { e.kernelReports(t, "stranger", kernelRefusals()) })
	t.Run("knows the domains", func(t *testing.T) {
		tellKernel(t)
		// Of a packet with an option the kernel reports later failures only if it can
		// read it.
		e.kernelReports(t, "told", append(kernelRefusals(), []refused{
			{name: "no such host, option put on", from: "mgray", dst: "10.1.0.20", says: &said{kind: 3, code: 1}},
			{name: "no such host, option put on for the other domain", from: "mblue", dst: "10.1.0.21", options: "[Bar]", says: &said{kind: 3, code: 1, label: "Bar"}},
			{name: "no such host, option stays", from: "mgreen", dst: "10.1.0.22", options: "<Foo>", says: &said{kind: 3, code: 1, label: "Foo"}},
		}...))
	})
}

func (e *errorsBench) kernelReports(t *testing.T, name string, rows []refused) {
	wrong, due := e.refuse(t, rows)
	report(t,
		figures.Figure{ID: "e2e/errors/kernel-" + name + "/due", Value: float64(due), Unit: "errors"}.AtLeast(20),
		figures.Figure{ID: "e2e/errors/kernel-" + name + "/wrong", Value: float64(wrong), Unit: "errors"}.AtMost(0),
	)
}

// kernelRefusals are packets that the gateway's policy lets pass and that its kernel
// does not.
func kernelRefusals() []refused {
	return []refused{
		// The time to live ends before FORWARD: what has no label was not judged.
		{name: "time exceeded, option taken off", from: "mred", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, option waits", from: "mred", dst: "other", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, option for the other domain waits", from: "mred", dst: "mblue", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, from the other domain", from: "mblue", options: "[Bar]", ttl: 1, says: &said{kind: 11, label: "Bar"}},
		{name: "time exceeded, echo", from: "mred", options: "<Foo>", ttl: 1, proto: protoICMP, body: []byte{8, 0, 0xb3, 0xb3, 0x44, 0x4c, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, accepting zone", from: "mgreen", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, unlabeled", from: "mgray", dst: "mred", ttl: 1, says: &said{kind: 11}},
		{name: "time exceeded, unlabeled to unlabeled", from: "mgray", dst: "gray2", ttl: 1, says: &said{kind: 11}},
		{name: "time exceeded, denied", from: "mred", dst: "sec", options: "<Foo>", ttl: 1, says: &said{kind: 3, code: 9, label: "Foo"}},

		{name: "port of the gateway", from: "mred", dst: lab.GatewayName, options: "<Foo>", says: &said{kind: 3, code: 3, label: "Foo"}},
		{name: "port of the gateway, unlabeled", from: "mgray", dst: lab.GatewayName, says: &said{kind: 3, code: 3}},
		{name: "port of the gateway, accepting zone", from: "mgreen", dst: lab.GatewayName, options: "<Foo>", says: &said{kind: 3, code: 3, label: "Foo"}},
		{name: "protocol of the gateway", from: "mred", dst: lab.GatewayName, options: "<Foo>", proto: 253, says: &said{kind: 3, code: 2, label: "Foo"}},

		{name: "no way, option taken off", from: "mred", dst: "10.4.127.1", options: "<Foo>", says: &said{kind: 3, code: 1, label: "Foo"}},
		{name: "no way, option waits", from: "mred", dst: "10.1.127.1", options: "<Foo>", says: &said{kind: 3, code: 1, label: "Foo"}},
		{name: "no way, unlabeled", from: "mgray", dst: "10.1.127.1", says: &said{kind: 3, code: 1}},

		{name: "too large without a label", from: "mgray", dst: "gray2", flags: 0x4000, body: udp(1, 2, make([]byte, 1472)), says: &said{kind: 3, code: 4, mtu: narrow}},
		{name: "too large before its label", from: "mgray", dst: "other", flags: 0x4000, body: udp(1, 2, make([]byte, 1472)), says: &said{kind: 3, code: 4, mtu: narrow - 16}},
		{name: "too large with its label", from: "mgray", dst: "other", flags: 0x4000, body: udp(1, 2, make([]byte, narrow-28)), says: &said{kind: 3, code: 4, mtu: narrow - 16}},
		{name: "too large, labeled", from: "mred", dst: "other", options: "<Foo>", flags: 0x4000, body: udp(1, 2, make([]byte, 1472-16)), says: &said{kind: 3, code: 4, mtu: narrow, label: "Foo"}},
	}
}

// nowhere makes networks unreachable for the gateway.
func (e *errorsBench) nowhere(t *testing.T, networks ...string) {
	t.Helper()
	ns, err := e.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, n := range networks {
		_, dst, err := net.ParseCIDR(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.RouteAdd(&netlink.Route{Dst: dst, Type: unix.RTN_UNREACHABLE}); err != nil {
			t.Fatal(err)
		}
	}
}

// reflection: what the gateway's kernel answers to a packet with an option has the
// gateway's label, not the stranger's.
func (e *errorsBench) reflection(t *testing.T) {
	syn := make([]byte, 20)
	syn[12], syn[13] = 5<<4, 2
	for i, tt := range []struct {
		name, from, options string
		proto               uint8
		body                []byte
		label               string
		silent              bool
	}{
		{name: "echo", from: "mred", options: "<Foo>", proto: protoICMP, body: echo(1), label: "Gate"},
		{name: "echo, behind a router alert", from: "mred", options: "94040000<Foo>", proto: protoICMP, body: echo(2), label: "Gate"},
		{name: "echo, after a NOP", from: "mred", options: "01<Foo>", proto: protoICMP, body: echo(3), label: "Gate"},
		{name: "timestamp", from: "mred", options: "<Foo>", proto: protoICMP, body: icmpMessage(13, [4]byte{0, 4}, make([]byte, 12)), label: "Gate"},
		{name: "reset", from: "mred", options: "<Foo>", proto: protoTCP, label: "Gate"},
		{name: "echo, accepting zone", from: "mgreen", options: "<Foo>", proto: protoICMP, body: echo(5), label: "Gate"},
		{name: "echo, unlabeled", from: "mgray", proto: protoICMP, body: echo(6)},
		{name: "reset, unlabeled", from: "mgray", proto: protoTCP},
		{name: "echo, no rule", from: "mred", options: "<Bar>", proto: protoICMP, body: echo(7), silent: true},
		{name: "echo, label where none may be", from: "mgray", options: "<Foo>", proto: protoICMP, body: echo(8), silent: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cables := e.watch(t, tt.from)
			h := header{src: e.address(t, tt.from, lab.GatewayName), dst: e.address(t, lab.GatewayName, tt.from), proto: tt.proto, options: e.area(t, tt.options), body: tt.body}
			if tt.proto == protoTCP {
				h.body = tcp(h, uint16(30000+i), 9)
			}
			e.raw(t, tt.from, h.bytes())
			var got []byte
			answered := func() bool {
				for _, p := range cables[tt.from].Packets() {
					if ip := p.IPv4(); !p.Outgoing && headerLen(ip) > 0 && ip[9] == tt.proto && ip[headerLen(ip)] != 3 {
						got = trim(ip)
					}
				}
				return got != nil
			}
			if tt.silent {
				e.settled(t, tt.from)
				time.Sleep(5 * time.Millisecond)
				if answered() {
					t.Errorf("answered % x", got)
				}
				return
			}
			if !eventually(answered) {
				t.Fatal("no answer")
			}
			wellFormed(t, got)
			var option []byte
			if tt.label != "" {
				option = e.option(t, redDOI, 1, tt.label)
				option = append(bytes.Clone(option), make([]byte, -len(option)&3)...)
			}
			if !bytes.Equal(optionArea(got), option) {
				t.Errorf("options % x, want % x", optionArea(got), option)
			}
			if src := netip.AddrFrom4([4]byte(got[12:])); src != h.dst {
				t.Errorf("from %v", src)
			}
		})
	}
}

// icmpMessage builds an ICMP message.
func icmpMessage(kind byte, word [4]byte, rest []byte) []byte {
	b := append([]byte{kind, 0, 0, 0}, word[:]...)
	b = append(b, rest...)
	s := ^sum(b)
	b[2], b[3] = byte(s>>8), byte(s)
	return b
}

func echo(id byte) []byte {
	return icmpMessage(8, [4]byte{0x4c, id, 0, 1}, fmt.Appendf(nil, "an echo longer than any option %d", id))
}

// tcp builds a SYN.
func tcp(h header, from, to uint16) []byte {
	b := make([]byte, 20)
	b[0], b[1], b[2], b[3] = byte(from>>8), byte(from), byte(to>>8), byte(to)
	b[12], b[13], b[14] = 5<<4, 2, 16
	pseudo := append(append(append([]byte{}, h.src.AsSlice()...), h.dst.AsSlice()...), 0, protoTCP, 0, 20)
	s := ^sum(append(pseudo, b...))
	b[16], b[17] = byte(s>>8), byte(s)
	return b
}
