package faults

import (
	"net/netip"
	"slices"

	"labelgate/test/gate"
)

// The perimeter of these tests: two zones whose hosts label in domains of their
// own, and one that knows no labels. Everybody sends what he likes; tess only
// hears.
var hosts = map[string]string{
	"mallory": "10.1.0.2/24", "tess": "10.1.1.2/24", // red
	"mallet": "10.2.0.2/24", // blue
	"pop":    "10.4.0.2/24", // gray
}

// Domains of interpretation.
const (
	redDOI  = 3
	blueDOI = 16
)

// unlabeled are the hosts at whose cables no label may be seen.
var unlabeled = []string{"pop", "alf", "tee"}

const settings = `
policy  = "policy"
logging = 1

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [2, 5]

[[zone]]
name        = "red"
interfaces  = ["gt-mallory", "gt-tess"]
networks    = ["10.1.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 3

[[zone]]
name        = "blue"
interfaces  = ["gt-mallet"]
networks    = ["10.2.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 16

[[zone]]
name       = "gray"
interfaces = ["gt-pop"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

const (
	hostTable = "10.4.0.0/16 Pop zone=gray\n10.4.9.0/24 Secret zone=gray\n"
	ruleTable = "Foo Pop w\n"
	rulesFile = "policy/accesses.d/site"
	hostsFile = "policy/netlabel.d/site"
)

// files are the settings and the policy of the perimeter.
func files() map[string]string {
	return map[string]string{gate.Settings: settings, hostsFile: hostTable, rulesFile: ruleTable}
}

// address returns the address of a host, or the n-th after it.
func address(host string, n int) netip.Addr { return after(hosts[host], n) }

// after returns the n-th address after that of a prefix.
func after(prefix string, n int) netip.Addr {
	a := netip.MustParsePrefix(prefix).Addr().As4()
	a[3] += byte(n)
	return netip.AddrFrom4(a)
}

// Options of the labels that the kinds have.
var (
	foo     = gate.Bitmap(redDOI, gate.DirectLevel, gate.Direct("Foo")...)
	secret  = gate.Bitmap(redDOI, gate.DirectLevel, gate.Direct("Secret")...)
	popRed  = gate.Bitmap(redDOI, gate.DirectLevel, gate.Direct("Pop")...)
	nobody  = gate.Bitmap(redDOI, gate.DirectLevel, gate.Direct("Nobody")...)
	fooBlue = gate.List(blueDOI, gate.DirectLevel, gate.Direct("Foo")...)
	popBlue = gate.List(blueDOI, gate.DirectLevel, gate.Direct("Pop")...)
)

// permitted are the kinds that pass, each with another thing done to it.
func permitted() []*gate.Kind {
	mixed := gate.Halves("fragments, two labels", "mallet", address("mallet", 8), address("tess", 0), fooBlue, popBlue)
	mixed.To, mixed.Areas, mixed.Apart = "tess", [][]byte{gate.Padded(foo), gate.Padded(popRed)}, true
	return []*gate.Kind{
		gate.Datagram("labeled to labeled", "mallory", address("mallory", 1), address("tess", 0), foo).Passing("tess", foo).Shared(12),
		gate.Datagram("option off", "mallory", address("mallory", 2), address("pop", 0), foo).Passing("pop", nil).Shared(12),
		gate.Datagram("option on", "pop", address("pop", 3), address("tess", 0), nil).Passing("tess", popRed).Shared(12),
		gate.Datagram("translated", "mallory", address("mallory", 4), address("mallet", 0), foo).Passing("mallet", fooBlue).Shared(12),
		gate.Datagram("translated back", "mallet", address("mallet", 5), address("tess", 0), fooBlue).Passing("tess", foo).Shared(6),
		gate.Halves("fragments, option off", "mallory", address("mallory", 6), address("pop", 0), foo, foo).Passing("pop", nil).Shared(2),
		gate.Halves("fragments, option on", "pop", address("pop", 7), address("tess", 0), nil, nil).Passing("tess", popRed).Shared(2),
		mixed, // each may pass by itself, if the other did not
	}
}

// forbidden are kinds of which nothing may come out.
func forbidden() []*gate.Kind {
	spoofed := netip.MustParseAddr("10.1.200.1")
	group := func(name string, n int, dst string) *gate.Kind {
		k := gate.Datagram(name, "pop", address("pop", n), netip.MustParseAddr(dst), nil)
		copy(k.Frames[0], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		return k
	}
	recorded := []byte{7, 7, 4, 0, 0, 0, 0} // record route
	return []*gate.Kind{
		gate.Datagram("no rule", "mallory", address("mallory", 20), address("pop", 0), secret).Shared(6),
		gate.Datagram("no rule, single label", "pop", netip.MustParseAddr("10.4.9.1"), address("pop", 0), nil).Shared(3),
		gate.Datagram("two options", "mallory", address("mallory", 21), address("pop", 0), slices.Concat(foo, foo)).Shared(2),
		gate.Datagram("tag too long", "mallory", address("mallory", 22), address("pop", 0), withByte(foo, 7, foo[7]+1)).Shared(2),
		gate.Datagram("unknown label", "mallory", address("mallory", 23), address("pop", 0), nobody).Shared(3),
		gate.Datagram("unknown domain", "mallory", address("mallory", 24), address("pop", 0), withByte(foo, 5, 77)).Shared(2),
		gate.Datagram("no label", "mallory", address("mallory", 25), address("pop", 0), nil).Shared(2),
		gate.Datagram("label from where none is", "pop", address("pop", 26), address("tess", 0), foo).Shared(3),
		gate.Datagram("spoofed source", "pop", spoofed, address("tess", 0), nil).Shared(3),
		gate.Datagram("route recorded", "mallory", address("mallory", 27), address("tess", 0), slices.Concat(foo, recorded)).Shared(1),
		group("to everybody", 29, "255.255.255.255"),
		group("to a network", 30, "10.4.0.255"),
		group("to a group", 31, "239.1.2.3"),
	}
}

// unseen are kinds that the rules drop without asking anybody, by the record that
// counts them.
func unseen() map[string][]*gate.Kind {
	six := gate.IPv6(netip.MustParseAddr("fd00:4::9"), netip.MustParseAddr("fd00:1::1"), gate.UDP(4000, 9999, gate.TagLen, make([]byte, gate.TagLen)))
	frame := func(name string, ethertype uint16, packet []byte) *gate.Kind {
		return &gate.Kind{Name: name, From: "pop", Share: 1, Frames: [][]byte{gate.Ethernet(ethertype, packet)}}
	}
	label := []byte{0, 1, 0x41, 64} // of MPLS
	return map[string][]*gate.Kind{
		"filtered/ipv6": {frame("IPv6", gate.EthernetIPv6, six)},
		"filtered/ethertype": {
			frame("MPLS", 0x8847, append(label, six...)),
			frame("experimental", 0x88b5, make([]byte, 64)),
		},
	}
}

func withByte(b []byte, at int, value byte) []byte {
	b = slices.Clone(b)
	b[at] = value
	return b
}
