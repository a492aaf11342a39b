package gate

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"

	"labelgate/internal/lab"
)

// Cable begins the names of the gateway's interfaces: Cable and the host's name.
const Cable = "gt-"

// Site is a gateway without a daemon and hosts around it that say nothing by
// themselves and hear nothing: whatever is on a cable came from a load, or from
// the gateway. It goes with the test.
type Site struct {
	*lab.Lab
	Directory string // for files of the test, short enough for sockets
	macs      map[string]macs
}

// macs are the hardware addresses at the ends of a cable, as frames name them.
type macs struct{ host, gateway [6]byte }

// NewSite builds a site. Hosts maps their names to addresses with the length of
// their network's prefix; the gateway has the address before each. prefix begins
// the site's name; dir is where its files go.
func NewSite(t testing.TB, prefix, dir string, hosts map[string]string) *Site {
	t.Helper()
	root, err := os.MkdirTemp(dir, "site")
	if err != nil {
		t.Fatal(err)
	}
	topology := &lab.Topology{Name: "unnamed", Config: filepath.Join(root, Settings)}
	for name, address := range hosts {
		p := netip.MustParsePrefix(address)
		topology.Hosts = append(topology.Hosts, lab.Host{Name: name, Interface: Cable + name, Address: p, Gateway: p.Addr().Prev()})
	}
	l, err := lab.Start(t.Context(), topology, lab.Options{Name: prefix + filepath.Base(root), Directory: root, Daemons: lab.NoDaemons})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(root)
	})
	s := &Site{Lab: l, Directory: root, macs: make(map[string]macs)}
	for name := range hosts {
		s.deafen(t, name)
	}
	return s
}

// deafen gives a host's interface another hardware address than the gateway sends
// to. Its kernel then takes nothing for its own and answers nothing, but everything
// is on the cable all the same.
func (s *Site) deafen(t testing.TB, host string) {
	t.Helper()
	own, link := s.link(t, host, lab.HostInterface)
	defer own.Close()
	gateway, cable := s.link(t, lab.GatewayName, Cable+host)
	defer gateway.Close()
	address := s.Topology().Host(host).Address.Addr()
	silent, err := net.ParseMAC(fmt.Sprintf("02:00:00:00:01:%02x", link.Attrs().Index))
	if err == nil {
		err = gateway.NeighSet(&netlink.Neigh{
			LinkIndex: cable.Attrs().Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
			IP: address.AsSlice(), HardwareAddr: silent,
		})
	}
	if err != nil {
		t.Fatalf("deafen %s: %v", host, err)
	}
	s.macs[host] = macs{host: [6]byte(link.Attrs().HardwareAddr), gateway: [6]byte(cable.Attrs().HardwareAddr)}
}

// link finds an interface of a node. The handle is the caller's to close.
func (s *Site) link(t testing.TB, node, name string) (*netlink.Handle, netlink.Link) {
	t.Helper()
	ns, err := s.Namespace(node)
	if err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	link, err := h.LinkByName(name)
	if err != nil {
		t.Fatalf("interface %s of %s: %v", name, node, err)
	}
	return h, link
}

// Write makes files below the site's directory, directories included.
func (s *Site) Write(t testing.TB, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(s.Directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// A new file in place of the old one: who reads it meanwhile reads one of
		// both, and not a half.
		if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}
