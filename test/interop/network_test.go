//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"labelgate/internal/lab"
	"labelgate/test/interop/orders"
	"labelgate/test/interop/talk"
)

// network is the site with everything up: the gateway with labelgated, the hosts
// that know nothing of labels in namespaces around it, and the guests.
type network struct {
	*site
	*lab.Lab
	guests map[*machine]*guest
	cables map[*machine]*lab.Capture // at the end of a host without labels
	taps   *lab.Capture              // the guests' cables, at the gateway
	before uint64                    // the last of the gateway's records that is not of the matrix

	mu    sync.Mutex
	heard map[*machine][]talk.Heard // by hosts without labels
}

// firstPort is the port of a machine's first process, and of a host without
// labels.
const firstPort = 7000

// up builds the network. It ends with the test.
func up(t *testing.T) *network {
	t.Helper()
	root, err := os.MkdirTemp(built.programs, "lab") // t.TempDir's names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	n := &network{site: newSite(), guests: map[*machine]*guest{}, cables: map[*machine]*lab.Capture{}, heard: map[*machine][]talk.Heard{}}
	config, err := n.write(filepath.Join(root, "etc"))
	if err != nil {
		t.Fatal(err)
	}
	n.startLab(t, root, config)
	for _, m := range n.machines {
		if m.smack() {
			n.plug(t, m)
		}
	}
	if n.taps, err = n.Capture(lab.GatewayName, n.machines[0].cable, n.machines[1].cable); err != nil {
		t.Fatal(err)
	}
	for _, m := range n.machines {
		if m.smack() {
			n.guests[m] = boot(t, n.Lab, m, filepath.Join(root, m.name))
		} else if err := n.open(t, m); err != nil {
			t.Fatalf("host %s: %v", m.name, err)
		}
	}
	for _, g := range n.guests {
		n.staff(t, g)
	}
	return n
}

// startLab starts the gateway and the hosts without labels.
func (n *network) startLab(t *testing.T, root, config string) {
	t.Helper()
	topology := &lab.Topology{Name: "unnamed", Config: config}
	for _, m := range n.machines {
		if !m.smack() {
			topology.Hosts = append(topology.Hosts, lab.Host{Name: m.name, Interface: m.cable, Address: m.address, Gateway: m.gateway(), Zone: "office"})
		}
	}
	l, err := lab.Start(t.Context(), topology, lab.Options{Name: labName, Directory: root, Labelgated: filepath.Join(built.programs, "labelgated")})
	if err != nil {
		t.Fatal(err)
	}
	n.Lab = l
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the gateway's log:\n%s", l.Daemon(lab.GatewayName).Tail(8))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// plug makes the tap of a guest. The gateway is up already: it learns of its
// interface as it would of one that comes with a cable.
func (n *network) plug(t *testing.T, m *machine) {
	t.Helper()
	err := n.Do(lab.GatewayName, func() error {
		attributes := netlink.NewLinkAttrs()
		attributes.Name = m.cable
		tap := &netlink.Tuntap{LinkAttrs: attributes, Mode: netlink.TUNTAP_MODE_TAP, Flags: netlink.TUNTAP_NO_PI | netlink.TUNTAP_VNET_HDR}
		if err := netlink.LinkAdd(tap); err != nil {
			return err
		}
		for _, f := range tap.Fds {
			f.Close()
		}
		own := &netlink.Addr{IPNet: &net.IPNet{IP: m.gateway().AsSlice(), Mask: net.CIDRMask(m.address.Bits(), 32)}}
		if err := netlink.AddrAdd(tap, own); err != nil {
			return err
		}
		return netlink.LinkSetUp(tap)
	})
	if err != nil {
		t.Fatalf("tap of %s: %v", m.name, err)
	}
}

// open has a host without labels listen, and its cable watched.
func (n *network) open(t *testing.T, m *machine) (err error) {
	if n.cables[m], err = n.Capture(m.name); err != nil {
		return err
	}
	return n.Do(m.name, func() error {
		if err := talk.Prepare(); err != nil {
			return err
		}
		ears, err := talk.Open(firstPort, func(h talk.Heard) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.heard[m] = append(n.heard[m], h)
		})
		if err == nil {
			t.Cleanup(ears.Close)
		}
		return err
	})
}

// staff makes a guest a host of its network and starts its processes.
func (n *network) staff(t *testing.T, g *guest) {
	t.Helper()
	if _, err := g.order(orders.Order{Do: orders.Setup, Host: g.host()}, orderPatience); err != nil {
		t.Fatal(err)
	}
	for i, label := range g.labels {
		if _, err := g.order(orders.Order{Do: orders.Start, Label: label, Port: firstPort + uint16(i)}, orderPatience); err != nil {
			t.Fatal(err)
		}
	}
}

// say has a process of a machine send something.
func (n *network) say(e endpoint, s talk.Send) (talk.Answer, error) {
	if g := n.guests[e.machine]; g != nil {
		answer, err := g.order(orders.Order{Do: orders.Talk, Label: e.label, Send: &s}, s.Timeout+orderPatience)
		if err == nil && answer.Answer == nil {
			err = fmt.Errorf("guest %s: an answer without one", g.name)
		}
		if err != nil {
			return talk.Answer{}, err
		}
		return *answer.Answer, nil
	}
	var a talk.Answer
	err := n.Do(e.name, func() error {
		a = s.Do()
		return nil
	})
	a.Label, a.Peer = "", "" // whatever security module this machine itself has
	return a, err
}

// endpoint is a process of a guest, or a host without labels.
type endpoint struct {
	*machine
	label    string
	port     uint16
	reflects bool // it is the kernel, which answers with the option of what it answers
}

func (e endpoint) String() string { return e.name + ":" + e.label }

func (e endpoint) at() netip.AddrPort { return netip.AddrPortFrom(e.address.Addr(), e.port) }

// endpoints lists all of them.
func (s *site) endpoints() (all []endpoint) {
	for _, m := range s.machines {
		for i, label := range m.labels {
			all = append(all, endpoint{machine: m, label: label, port: firstPort + uint16(i)})
		}
	}
	return all
}

// warm waits until the gateway knows the guests' interfaces and the guests their
// neighbors, so that no row is lost to that.
func (n *network) warm(t *testing.T) {
	t.Helper()
	all := n.endpoints()
	for _, from := range all {
		if !from.smack() || from.label != pop {
			continue
		}
		for _, to := range all {
			if to.label != office && (!to.smack() || to.label != pop || to.machine == from.machine) {
				continue
			}
			s := talk.Send{Proto: talk.ICMP, From: warmID, To: to.at(), Size: 16, Timeout: time.Second}
			for end := time.Now().Add(orderPatience); ; {
				a, err := n.say(from, s)
				if err != nil {
					t.Fatal(err)
				}
				if a.Back {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%v does not reach %v: %s", from, to, a.Err)
				}
			}
		}
	}
}

// warmID is the identifier of echoes that belong to no row.
const warmID = 1
