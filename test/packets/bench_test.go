package packets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/internal/nft"
)

// bench is the gateway with a cable to each network, and a witness at the far end
// of each.
type bench struct {
	*lab.Lab
	table  *Table
	cables map[string]*cable
	audit  string // the file of its records

	read   int64          // of that file
	all    []audit.Record // as far as read
	unread []audit.Record // those of all that no row has explained yet
	tokens float64        // messages that the gateway's own limit lets go, as of filled
	filled time.Time
}

// cable is one cable, seen from the host that is on it. The host's kernel takes
// nothing for its own: what the table's hosts send and hear is all there is.
type cable struct {
	name    string
	host    lab.Host
	fd      int
	link    int // the host's end
	mac, to [6]byte
	capture *lab.Capture
	looked  int // at so many packets that came out of the gateway
}

// The cables, and what is routed to each. Two networks have gone astray.
var cabling = []struct{ name, address, zone, networks string }{
	{"red", "10.1.255.2/28", "red", "10.1.0.0/16 10.4.251.0/24"},
	{"blue", "10.2.255.2/28", "blue", "10.2.0.0/16"},
	{"green", "10.3.127.2/28", "green", "10.3.0.0/17"},
	{"plain", "10.3.255.2/28", "green", "10.3.128.0/17"},
	{"gray", "10.4.255.2/28", "gray", "10.4.0.0/16 10.1.251.0/24"},
	{"out", "10.9.255.2/28", "", "10.9.0.0/16"},
}

// unlabeled are the cables on which nobody may ever see a label. That of no zone is
// not among them: the kernel tells who sends a label from there the same label.
var unlabeled = []string{"plain", "gray"}

func start(t *testing.T, table *Table) *bench {
	t.Helper()
	if programs == "" {
		t.Skip("needs root: makes network namespaces and nfqueues in them")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("gateway")); err != nil {
		t.Fatal(err)
	}
	topology := &lab.Topology{Name: labPrefix, Config: filepath.Join(dir, "labelgate.toml")}
	for _, c := range cabling {
		a := netip.MustParsePrefix(c.address)
		topology.Hosts = append(topology.Hosts, lab.Host{Name: c.name, Interface: cablePrefix + c.name, Address: a, Gateway: a.Addr().Prev(), Zone: c.zone})
	}
	root, err := os.MkdirTemp(programs, "lab")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), topology, lab.Options{Directory: root, Labelgated: filepath.Join(programs, "labelgated")})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Lab: l, table: table, cables: map[string]*cable{}, audit: filepath.Join(dir, "audit.json")}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the gateway's log:\n%s", l.Daemon(lab.GatewayName).Tail(8))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, c := range cabling {
		b.lay(t, c.name, c.networks, topology.Hosts[i])
	}
	b.open6(t)
	return b
}

// open6 makes the gateway a router of IPv6 between two of its cables, so that only
// its rules keep them apart.
func (b *bench) open6(t *testing.T) {
	t.Helper()
	for _, name := range []string{"gray", "plain"} {
		device := cablePrefix + name
		try(t, b.Do(lab.GatewayName, func() error {
			// The interface is not to speak by itself.
			for _, s := range []string{"all/forwarding=1", device + "/addr_gen_mode=1", device + "/disable_ipv6=0"} {
				key, value, _ := strings.Cut(s, "=")
				if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+key, []byte(value), 0); err != nil {
					return err
				}
			}
			return nil
		}))
		near, here := b.linkAt(t, lab.GatewayName, device)
		a := netip.MustParsePrefix(gateway6[name])
		try(t, near.AddrAdd(here, &netlink.Addr{IPNet: &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), 128)}, Flags: unix.IFA_F_NODAD}))
		near.Close()
	}
}

var gateway6 = map[string]string{"gray": "fd00:4::1/64", "plain": "fd00:3::1/64"}

// linkAt returns an interface of a node, and a way to change it.
func (b *bench) linkAt(t *testing.T, node, device string) (*netlink.Handle, netlink.Link) {
	t.Helper()
	ns, err := b.Namespace(node)
	try(t, err)
	n, err := netlink.NewHandleAt(ns)
	try(t, err)
	link, err := n.LinkByName(device)
	try(t, err)
	return n, link
}

// lay gives a cable its witness, and the networks behind it their routes.
func (b *bench) lay(t *testing.T, name, networks string, h lab.Host) {
	t.Helper()
	c := &cable{name: name, host: h}
	b.cables[name] = c
	far, there := b.linkAt(t, name, lab.HostInterface)
	defer far.Close()
	near, here := b.linkAt(t, lab.GatewayName, h.Interface)
	defer near.Close()
	copy(c.to[:], here.Attrs().HardwareAddr)
	copy(c.mac[:], there.Attrs().HardwareAddr)
	c.link = there.Attrs().Index

	// The gateway sends to an address that the host's kernel does not have.
	try(t, near.NeighSet(&netlink.Neigh{
		LinkIndex: here.Attrs().Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
		IP: h.Address.Addr().AsSlice(), HardwareAddr: there.Attrs().HardwareAddr,
	}))
	other := net.HardwareAddr{2, 0, 0, 0, 0, byte(c.link)}
	try(t, far.LinkSetHardwareAddr(there, other))
	for network := range strings.FieldsSeq(networks) {
		_, all, err := net.ParseCIDR(network)
		try(t, err)
		try(t, near.RouteAdd(&netlink.Route{Dst: all, Gw: h.Address.Addr().AsSlice(), LinkIndex: here.Attrs().Index}))
	}

	try(t, b.Do(name, func() (err error) {
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	t.Cleanup(func() { unix.Close(c.fd) })
	capture, err := b.Capture(name)
	try(t, err)
	c.capture = capture
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send puts a frame on the cable toward the gateway.
func (c *cable) send(t *testing.T, behind []byte) {
	t.Helper()
	frame := append(append(append([]byte(nil), c.to[:]...), c.mac[:]...), behind...)
	try(t, unix.Sendto(c.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: c.link}))
}

// came returns what has come out of the gateway since it was asked before.
func (c *cable) came() (frames [][]byte) {
	n := 0
	for _, p := range c.capture.Packets() {
		if p.Outgoing {
			continue
		}
		if n++; n > c.looked {
			frames = append(frames, p.Frame)
		}
	}
	c.looked = n
	return frames
}

// records reads what the gateway has written since.
func (b *bench) records(t *testing.T) {
	t.Helper()
	f, err := os.Open(b.audit)
	if os.IsNotExist(err) {
		return
	}
	try(t, err)
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, b.read, 1<<40))
	try(t, err)
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	b.read += int64(len(data))
	for line := range bytes.Lines(data) {
		r, err := audit.ParseJSON(bytes.TrimSuffix(line, []byte("\n")))
		try(t, err)
		b.all = append(b.all, r)
		b.unread = append(b.unread, r)
	}
}

// count reads a counter of netfilter or of the gateway's kernel.
func (b *bench) count(t *testing.T, name string) (n uint64) {
	t.Helper()
	try(t, b.Do(lab.GatewayName, func() error {
		switch name {
		case audit.ReasonEthertype, audit.ReasonIPv6, audit.ReasonUnjudged:
			c, err := nft.ReadCounters("", 0)
			n = map[string]uint64{audit.ReasonEthertype: c.Ethertype, audit.ReasonIPv6: c.IPv6, audit.ReasonUnjudged: c.Unjudged}[name]
			return err
		}
		all, err := kernelCounters()
		value, known := all[name]
		if !known {
			t.Fatalf("the kernel has no counter %s", name)
		}
		n = value
		return err
	}))
	return n
}

// linkCounters are those of rtnl_link_stats64 in linux/if_link.h that rows speak of,
// by their place there.
var linkCounters = map[string]int{"rx_dropped": 6, "rx_otherhost_dropped": 24}

// addLinks adds up the counters of all interfaces.
func addLinks(all map[string]uint64) error {
	answer, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return err
	}
	for i := range messages {
		if messages[i].Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return err
		}
		for _, a := range attributes {
			for name, at := range linkCounters {
				if a.Attr.Type == unix.IFLA_STATS64 && len(a.Value) >= at*8+8 {
					all[name] += binary.NativeEndian.Uint64(a.Value[at*8:])
				}
			}
		}
	}
	return nil
}

// kernelCounters reads those of the calling thread's namespace.
func kernelCounters() (map[string]uint64, error) {
	all := map[string]uint64{}
	for _, name := range []string{"snmp", "netstat"} {
		data, err := os.ReadFile("/proc/thread-self/net/" + name)
		if err != nil {
			return nil, err
		}
		// Two lines of each kind: the names, and the numbers.
		lines := bufio.NewScanner(bytes.NewReader(data))
		for lines.Scan() {
			names := strings.Fields(lines.Text())
			lines.Scan()
			for i, value := range strings.Fields(lines.Text()) {
				if n, err := strconv.ParseUint(value, 10, 64); err == nil && i > 0 {
					all[strings.TrimSuffix(names[0], ":")+names[i]] = n
				}
			}
		}
	}
	if err := addLinks(all); err != nil {
		return nil, err
	}
	data, err := os.ReadFile("/proc/thread-self/net/snmp6")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 2 {
			all[f[0]], _ = strconv.ParseUint(f[1], 10, 64)
		}
	}
	return all, err
}
