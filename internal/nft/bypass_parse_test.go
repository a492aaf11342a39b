package nft

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// nest is an attribute of attributes.
func nest(t *testing.T, kind uint16, attrs ...netlink.Attribute) netlink.Attribute {
	t.Helper()
	b, err := netlink.MarshalAttributes(attrs)
	if err != nil {
		t.Fatal(err)
	}
	return netlink.Attribute{Type: kind, Data: b}
}

// What a kernel with flow tables says of one.
func TestFlowtableIsRead(t *testing.T) {
	hook := nest(t, flowtableHook,
		netlink.Attribute{Type: 1, Data: []byte{0, 0, 0, 0}},
		netlink.Attribute{Type: 2, Data: []byte{0, 0, 0, 0}},
		nest(t, flowtableDevices, text(1, "g0"), text(1, "x1"), text(devicePrefix, "lan")),
	)
	flags := netlink.Attribute{Type: flowtableFlags, Data: []byte{0, 0, 0, flowtableOffload}}
	tests := []struct {
		name  string
		attrs []netlink.Attribute
		zones []string // interfaces of zones
		want  []string // interfaces found, "" for none in a zone
		says  string
	}{
		{"by name", []netlink.Attribute{hook}, []string{"g0", "g1"}, []string{"g0"},
			"flow table f of table inet t takes packets of interface g0 of zone z past the rules"},
		{"by how names begin", []netlink.Attribute{hook, flags}, []string{"lan7", "la"}, []string{"lan7"},
			"flow table f of table inet t takes packets of interface lan7 of zone z past the rules, in hardware"},
		{"elsewhere", []netlink.Attribute{hook}, []string{"g1"}, []string{""},
			"flow table f of table inet t may send to zones what was judged once"},
		{"nowhere", nil, []string{"g1"}, []string{""}, "flow table f of table inet t may send to zones what was judged once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := netlink.MarshalAttributes(append([]netlink.Attribute{text(flowtableTable, "t"), text(flowtableName, "f")}, tt.attrs...))
			if err != nil {
				t.Fatal(err)
			}
			var f flowtable
			if err := f.decode(append([]byte{byte(nftables.TableFamilyINet), 0, 0, 0}, b...)); err != nil {
				t.Fatal(err)
			}
			s := newSearch(Plan{Zones: []Zone{{Name: "z", Interfaces: tt.zones}}})
			s.flowtable(&f)
			var got []string
			for _, b := range s.found {
				got = append(got, b.Interface)
				if b.Kind != Flowtable || b.Grave != (b.Interface != "") || b.What != tt.says {
					t.Errorf("%+v, want %q", b, tt.says)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestServices(t *testing.T) {
	const head = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
	tests := []struct {
		name, table string
		want        []string
	}{
		{"none", head, nil},
		{"nothing", "", nil},
		{"services", head + "TCP  0A5B0101:0050 rr \n  -> 0A5B0202:0050      Masq    1      0          0         \nUDP  0A5B0101:0035 rr ops\n",
			[]string{"TCP 10.91.1.1:80", "UDP 10.91.1.1:53"}},
		{"IPv6 and marks", head + "TCP  [fd91:0000:0000:0000:0000:0000:0000:0001]:0050 rr \nFWM  00000007 rr \n",
			[]string{"TCP [fd91:0000:0000:0000:0000:0000:0000:0001]:0050", "mark 0x7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := services(tt.table); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A port of a switch can only be seen by what the kernel says of it.
func TestSwitchPort(t *testing.T) {
	s := newSearch(Plan{Zones: []Zone{{Name: "z", Interfaces: []string{"sw1"}}}})
	s.link(&kernelLink{name: "sw1", switchPort: true})
	s.link(&kernelLink{name: "sw2", switchPort: true})
	if len(s.found) != 1 || s.found[0].Kind != Hardware || s.found[0].Interface != "sw1" || s.found[0].Grave {
		t.Errorf("%+v", s.found)
	}
}

// What an interface of a zone rests on carries its packets too.
func TestPlacesBelow(t *testing.T) {
	s := newSearch(Plan{Zones: []Zone{{Name: "z", Interfaces: []string{"eth0.7", "br0"}}}})
	links := []kernelLink{
		{index: 1, name: "port", master: 2},
		{index: 2, name: "br0", kind: "bridge"},
		{index: 3, name: "eth0", master: 5},
		{index: 4, name: "eth0.7", kind: "vlan", lower: 3},
		{index: 5, name: "team", kind: "team"},
		{index: 6, name: "v", kind: "veth", lower: 4},
		{index: 7, name: "slave.8", kind: "vlan", lower: 8},
		{index: 8, name: "slave", master: 9},
		{index: 9, name: "over", master: 2},
	}
	s.byName = make(map[string]kernelLink)
	for _, l := range links {
		s.byName[l.name] = l
	}
	s.descend(links)
	want := map[string]place{
		"eth0.7": {"eth0.7", "z"}, "eth0": {"eth0.7", "z"}, "br0": {"br0", "z"}, "port": {"br0", "z"}, "over": {"br0", "z"}, "slave": {"br0", "z"},
	}
	if !maps.Equal(s.places, want) {
		t.Errorf("%v, want %v", s.places, want)
	}
}
