package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// cablePrefix begins the names of the gateway's interfaces, so that one that got
// out of its namespace is noticed.
const cablePrefix = "ge2e-"

// inboxPort is the port on which every host listens.
const inboxPort = 7777

// bench is a lab with a witness everywhere: a capture at every end of every
// cable, and a socket on every host.
type bench struct {
	*lab.Lab
	cables map[string]*lab.Capture // by node, the gateway's of all its cables
	boxes  map[string]*inbox       // by host

	mu   sync.Mutex
	port uint16
}

// host describes a host of a bench. Its cable is named after it.
func host(name, address, zone string, label string, doi uint32) lab.Host {
	p := netip.MustParsePrefix(address)
	return lab.Host{Name: name, Interface: cablePrefix + name, Address: p, Gateway: p.Addr().Prev(), Zone: zone, Label: label, DOI: doi}
}

// write makes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// startLab starts a lab that ends with the test.
func startLab(t *testing.T, name, config string, hosts []lab.Host) *lab.Lab {
	t.Helper()
	return startTopology(t, &lab.Topology{Name: "unnamed", Config: config, Hosts: hosts}, name)
}

func startTopology(t *testing.T, topology *lab.Topology, name string) *lab.Lab {
	t.Helper()
	needLab(t)
	root, err := os.MkdirTemp(programs, "lab") // t.TempDir's names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	l, err := lab.Start(t.Context(), topology, lab.Options{Name: labPrefix + name, Directory: root, Labelgated: filepath.Join(programs, "labelgated")})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hosts up after %v", len(topology.Hosts), time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() {
		if t.Failed() {
			for _, node := range l.Nodes() {
				if d := l.Daemon(node); d != nil {
					t.Logf("the end of the log of %s:\n%s", node, d.Tail(8))
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newBench starts a lab and puts the witnesses in place.
func newBench(t *testing.T, name, config string, hosts []lab.Host) *bench {
	t.Helper()
	b := &bench{Lab: startLab(t, name, config, hosts), cables: map[string]*lab.Capture{}, boxes: map[string]*inbox{}, port: 20000}
	for _, node := range b.Nodes() {
		c, err := b.Capture(node)
		if err != nil {
			t.Fatal(err)
		}
		b.cables[node] = c
		if node == lab.GatewayName {
			continue
		}
		if b.boxes[node], err = b.listen(node); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.boxes[node].close)
	}
	return b
}

// nextPort returns a port that no other packet of the bench has as its source.
func (b *bench) nextPort() uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.port++
	return b.port
}

func (b *bench) address(t *testing.T, node, peer string) netip.Addr {
	t.Helper()
	a, err := b.Address(node, peer)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// inbox is what a host's application hears.
type inbox struct {
	conn *net.UDPConn
	done chan struct{}

	mu   sync.Mutex
	from map[uint16][]byte // payload by source port
	n    map[uint16]int    // datagrams by source port
}

func (b *bench) listen(node string) (*inbox, error) {
	box := &inbox{done: make(chan struct{}), from: map[uint16][]byte{}, n: map[uint16]int{}}
	err := b.Do(node, func() (err error) {
		box.conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: inboxPort})
		return err
	})
	if err != nil {
		return nil, err
	}
	go box.read()
	return box, nil
}

func (x *inbox) read() {
	defer close(x.done)
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := x.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		x.mu.Lock()
		x.from[from.Port()] = bytes.Clone(buffer[:n])
		x.n[from.Port()]++
		x.mu.Unlock()
	}
}

func (x *inbox) close() {
	x.conn.Close()
	<-x.done
}

// heard returns the last payload from a port, and how many there were.
func (x *inbox) heard(port uint16) ([]byte, int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.from[port], x.n[port]
}

// eventually waits until ok, for at most a time that only a machine under load
// needs.
func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(3 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// sendUDP has a host's own kernel send a datagram.
func (b *bench) sendUDP(node string, port uint16, to netip.AddrPort, payload []byte) error {
	return b.Do(node, func() error {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteToUDPAddrPort(payload, to)
		return err
	})
}

// datagrams returns the UDP packets with a source port that a capture has, from
// the IP header on. An empty interface stands for all of them.
func datagrams(c *lab.Capture, cable string, outgoing bool, port uint16) (found [][]byte) {
	for _, p := range c.Packets() {
		ip := p.IPv4()
		n := headerLen(ip)
		if p.Outgoing != outgoing || cable != "" && p.Interface != cable || n == 0 || ip[9] != protoUDP || len(ip) < n+8 {
			continue
		}
		if binary.BigEndian.Uint16(ip[6:])&0x1fff == 0 && binary.BigEndian.Uint16(ip[n:]) == port {
			found = append(found, trim(ip))
		}
	}
	return found
}

// trim cuts off what the link has added.
func trim(ip []byte) []byte {
	return ip[:min(len(ip), int(binary.BigEndian.Uint16(ip[2:])))]
}

// cable is the gateway's interface to a host.
func (b *bench) cable(host string) string { return b.Topology().Host(host).Interface }

// arrived returns what of a datagram left the gateway toward a host, and what
// reached the host. Both ends of a cable must agree; that is checked at the end
// for everything, see finish.
func (b *bench) arrived(host string, port uint16) (left, reached [][]byte) {
	return datagrams(b.cables[lab.GatewayName], b.cable(host), true, port), datagrams(b.cables[host], "", false, port)
}

// records returns a node's audit records from a number on.
func (b *bench) records(t *testing.T, node string, from int) []audit.Record {
	t.Helper()
	all, err := b.Records(node)
	if err != nil {
		t.Fatal(err)
	}
	return all[min(from, len(all)):]
}

// record waits for a node's record of the datagram with a source port.
func (b *bench) record(t *testing.T, node string, from int, match func(*audit.Record) bool) *audit.Record {
	t.Helper()
	var found *audit.Record
	eventually(func() bool {
		for _, r := range b.records(t, node, from) {
			if match(&r) {
				found = &r
				return true
			}
		}
		return false
	})
	return found
}

func ofPort(port uint16) func(*audit.Record) bool {
	return func(r *audit.Record) bool { return r.HasPorts && r.Src == port && r.Proto == protoUDP }
}

// labelgate runs the operator's tool.
func labelgate(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(filepath.Join(programs, "labelgate"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("labelgate %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// leaks lists every label on a cable whose host may not see any: CIPSO options
// in the headers that reached it, and in the headers that ICMP errors quote.
func leaks(c *lab.Capture, cable string, outgoing bool) (outer, inner []string) {
	for _, p := range c.Packets() {
		ip := p.IPv4()
		if p.Outgoing != outgoing || cable != "" && p.Interface != cable || ip == nil {
			continue
		}
		if labelOptions(ip) > 0 {
			outer = append(outer, fmt.Sprintf("% x", trim(ip)))
		}
		if q := quoted(ip); q != nil && labelOptions(q) > 0 {
			inner = append(inner, fmt.Sprintf("% x", trim(ip)))
		}
	}
	return outer, inner
}

// complete fails the test when a capture missed packets: it is no judge then.
func (b *bench) complete(t *testing.T) {
	t.Helper()
	for node, c := range b.cables {
		c.Stop()
		if n := c.Lost(); n > 0 {
			t.Errorf("the capture at %s missed %d packets", node, n)
		}
	}
}
