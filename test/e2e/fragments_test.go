package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/test/long"
)

const fragmentsConfig = `
policy  = "policy"
logging = 3

[self]
label = "Gate"

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [2]

[[zone]]
name        = "red"
interfaces  = ["ge2e-mallory"]
networks    = ["10.1.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 3

[[zone]]
name        = "green"
interfaces  = ["ge2e-mid"]
networks    = ["10.3.0.0/16"]
labels      = "accept"
icmp-errors = false
doi         = 3

[[zone]]
name        = "blue"
interfaces  = ["ge2e-carol"]
networks    = ["10.2.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 16

[[zone]]
name       = "gray"
interfaces = ["ge2e-gray"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[[zone]]
name       = "white"
interfaces = ["ge2e-pop"]
networks   = ["10.5.0.0/16"]
labels     = "refuse"

[[zone]]
name       = "flood"
interfaces = ["ge2e-flood"]
networks   = ["10.6.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

// A host that labels its packets may say Foo and Bar, either of which may go
// anywhere: only that fragments disagree is wrong with them.
func fragmentFiles() map[string]string {
	return map[string]string{
		"labelgate.toml":         fragmentsConfig,
		"policy/cipso.d/site":    "Foo 10 1 3\nBar 11 2\nGray 12 4 9\nMute 13 5\n",
		"policy/netlabel.d/site": "10.4.0.0/16 Gray zone=gray\n10.5.0.2 Pop zone=white\n10.6.0.0/16 Gray zone=flood\n",
		"policy/accesses.d/site": "Foo Pop w\nBar Pop w\nGray Pop w\n_ Pop w\nFoo Carol w\nBar Carol w\nGray Carol w\nMute Carol w\nFoo Gate w\nBar Gate w\nGray Gate w\n",
	}
}

// fragWay is a way through the gateway.
type fragWay struct {
	name, from, to string
	alien          string // where somebody sits who sends under the address of from
	labeled        bool   // from labels its packets
	leaves         []byte // the option that is to be on the cable behind, nil for none
	network        byte   // 10.network.0.0/16 is where from lives
}

func fragmentWays() []*fragWay {
	foo16, gray16 := tag2(16, 10, 1, 3), tag2(16, 12, 4, 9)
	return []*fragWay{
		{name: "strip", from: "mallory", to: "pop", alien: "gray", labeled: true, network: 1},
		{name: "accepting", from: "mid", to: "pop", alien: "gray", labeled: true, network: 3},
		{name: "replace", from: "mallory", to: "carol", alien: "gray", labeled: true, network: 1, leaves: foo16},
		{name: "add", from: "gray", to: "carol", alien: "flood", network: 4, leaves: gray16},
		{name: "plain", from: "gray", to: "pop", alien: "flood", network: 4},
		{name: "here", from: "mallory", to: lab.GatewayName, alien: "gray", labeled: true, network: 1},
		{name: "here, unlabeled", from: "gray", to: lab.GatewayName, alien: "flood", network: 4},
	}
}

// here reports whether it ends at the gateway itself.
func (w *fragWay) here() bool { return w.to == lab.GatewayName }

// otherLabel is how the sender's other label looks behind the gateway.
func (w *fragWay) otherLabel() []byte {
	if w.leaves == nil || !w.labeled {
		return nil
	}
	return tag2(16, 11, 2)
}

// fragSending is a case that was sent, from an address that nothing else comes from.
type fragSending struct {
	*fragCase
	way   *fragWay
	proto byte
	src   netip.Addr
	id    uint16
	heard string   // what of the case is to be heard on this way
	whole [][]byte // its datagrams
}

// fragBench is a gateway, and everybody around it.
type fragBench struct {
	*bench
	*ledger
	tracked bool // the gateway's kernel tracks connections, so it puts fragments together
	ears    map[string]*ear
	cables  map[string]*rawCable
	count   map[byte]int // addresses used in each network
	sent    []*fragSending
	ipBase  map[string]int
}

// TestFragments sends datagrams in pieces, and in pieces that are none, along every
// way through the gateway, with the kernel putting fragments together there and
// without.
func TestFragments(t *testing.T) {
	needLab(t)
	seed := long.Seed(t, 76)
	for _, tracked := range []bool{false, true} {
		name := "every fragment by itself"
		if tracked {
			name = "connections tracked"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := &fragTally{seed: seed}
			for wave := range long.Count(1, 12) {
				t.Run(fmt.Sprintf("wave %d", wave), func(t *testing.T) { total.wave(t, tracked, wave) })
				t.Run(fmt.Sprintf("flood %d", wave), func(t *testing.T) { total.flood(t, tracked, wave) })
				if t.Failed() {
					break
				}
			}
			total.report(t, tracked)
		})
	}
}

// wave sends everything once, to a gateway that remembers nothing.
func (y *fragTally) wave(t *testing.T, tracked bool, wave int) {
	b := newFragBench(t, tracked, fmt.Sprintf("f%d%d", oneIf(tracked), wave))
	drawn := 24
	if long.Long() {
		drawn = 80 // what is refused stays in the gateway's table, which must not be full
	}
	cases := append(fragmentCases(), drawnCases(y.seed+uint64(wave), drawn)...)
	y.cases = max(y.cases, len(cases))
	for i := range cases {
		for _, way := range fragmentWays() {
			if c := &cases[i]; c.only == "" || strings.Contains(c.only, way.name+";") {
				b.send(t, c, way, protoUDP)
				b.send(t, c, way, protoICMP)
			}
		}
		b.pace(t)
	}
	b.await(t)
	b.judge(t, y)
}

// flood has one zone send more datagrams than are followed.
func (y *fragTally) flood(t *testing.T, tracked bool, wave int) {
	b := newFragBench(t, tracked, fmt.Sprintf("l%d%d", oneIf(tracked), wave))
	b.flood(t)
	b.await(t)
	b.judge(t, y)
}

func newFragBench(t *testing.T, tracked bool, name string) *fragBench {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, fragmentFiles())
	b := &fragBench{
		tracked: tracked, ears: map[string]*ear{}, cables: map[string]*rawCable{}, count: map[byte]int{},
		ledger: &ledger{path: filepath.Join(dir, "audit.json")},
		bench: newBench(t, name, filepath.Join(dir, "labelgate.toml"), []lab.Host{
			host("mallory", "10.1.0.2/28", "red", "", 0), host("mid", "10.3.0.2/28", "green", "", 0),
			host("carol", "10.2.0.2/28", "blue", "Carol", 16),
			host("gray", "10.4.0.2/28", "gray", "", 0), host("pop", "10.5.0.2/28", "white", "", 0),
			host("flood", "10.6.0.2/28", "flood", "", 0),
		}),
	}
	// What nobody finishes goes soon, and nothing is thrown away for want of room.
	b.tune(t, lab.GatewayName, "ipfrag_time=2", "ipfrag_high_thresh=67108864")
	for _, h := range []string{"pop", "carol", lab.GatewayName} {
		b.tune(t, h, "icmp_echo_ignore_all=1", "ipfrag_high_thresh=67108864")
		e, err := b.earAt(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.close)
		b.ears[h] = e
	}
	for _, h := range []string{"mallory", "mid", "gray", "flood"} {
		c, err := b.rawCable(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		b.cables[h] = c
	}
	if tracked {
		b.track(t)
	}
	b.ipBase = b.ipCounters(t)
	return b
}

// track has the gateway's kernel track connections, by a rule that asks for the
// state of one and does nothing.
func (b *bench) track(t *testing.T) {
	t.Helper()
	c := b.nftables(t)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "tracker"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "forward", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Ct{Register: 1, Key: expr.CtKeySTATE}}})
	if err := c.Flush(); err != nil {
		t.Skipf("needs connection tracking: %v", err)
	}
}

// nftables talks to nf_tables in the gateway.
func (b *bench) nftables(t *testing.T) *nftables.Conn {
	t.Helper()
	ns, err := b.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	c, err := nftables.New(nftables.WithNetNSFd(int(ns)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fresh returns an address of a network that nothing was sent from before.
func (b *fragBench) fresh(network byte) (netip.Addr, int) {
	b.count[network]++
	n := b.count[network]
	return netip.AddrFrom4([4]byte{10, network, byte(16 + n/250), byte(1 + n%250)}), n
}

func (b *fragBench) send(t *testing.T, c *fragCase, way *fragWay, proto byte) {
	t.Helper()
	src, n := b.fresh(way.network)
	s := &fragSending{fragCase: c, way: way, proto: proto, src: src, id: uint16(n) * 7, heard: c.heard}
	if h, ok := c.on[way.name]; ok {
		s.heard = h
	}
	if h, ok := c.on[way.name+", tracked"]; ok && b.tracked {
		s.heard = h
	}
	for of, size := range c.sizes() {
		s.whole = append(s.whole, fragContent(proto, size, of, s.id, uint16(20000+n)))
	}
	b.sent = append(b.sent, s)
	var label []byte
	if way.labeled {
		label = tag1(3, 10, 1, 3)
	}
	dst := b.address(t, way.to, way.from)
	for _, p := range c.parts {
		from := way.from
		if p.alien {
			from = way.alien
		}
		if err := b.cables[from].send(p.packet(src, dst, proto, s.id, s.whole[p.of], label)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(s.heard) > 1 {
			// Of two messages that begin a flow of ICMP and wait for their verdicts at
			// the same time, a kernel that tracks connections drops one.
			b.pace(t)
		}
	}
}

// flood fills the gateway's table with first fragments from one zone, so that there
// is no room for more of them; the others find theirs.
func (b *fragBench) flood(t *testing.T) {
	way := &fragWay{name: "flood", from: "flood", to: "pop", network: 6}
	one := &fragCase{name: "flood", parts: cutAt(80, 160)[:1], why: "fragment-table-full"}
	for i := range floodSize {
		b.send(t, one, way, protoUDP)
		if i%64 == 63 {
			b.pace(t)
		}
	}
	besides := &fragCase{name: "beside a flood", parts: evenly(4000, 5), heard: "0"}
	for range 8 {
		for _, way := range fragmentWays() {
			b.send(t, besides, way, protoUDP)
			b.send(t, besides, way, protoICMP)
		}
		b.pace(t)
	}
}

// floodSize is more than the gateway follows from one of its zones.
const floodSize = 3000

// await gives everything the time that it needs.
func (b *fragBench) await(t *testing.T) {
	t.Helper()
	b.settle(t, b.ledger)
	eventually(func() bool {
		return !slices.ContainsFunc(b.sent, func(s *fragSending) bool { return len(b.ears[s.way.to].of(s.proto, s.src)) < len(s.heard) })
	})
	for deadline := time.Now().Add(8 * time.Second); b.unfinished(t) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

// ear is what a host hears of UDP and ICMP, by who says it.
type ear struct {
	udp  *net.UDPConn
	icmp *net.IPConn
	done sync.WaitGroup

	mu   sync.Mutex
	said map[speaker][][]byte
}

type speaker struct {
	proto byte
	src   netip.Addr
}

func (b *bench) earAt(node string) (*ear, error) {
	e := &ear{said: map[speaker][][]byte{}}
	err := b.Do(node, func() (err error) {
		if e.udp, err = net.ListenUDP("udp4", &net.UDPAddr{Port: fragmentPort}); err != nil {
			return err
		}
		e.icmp, err = net.ListenIP("ip4:icmp", nil)
		return cmp.Or(err, roomy(e.udp), roomy(e.icmp))
	})
	if err != nil {
		return nil, err
	}
	e.done.Add(2)
	go e.listen(protoUDP, func(p []byte) (int, netip.Addr, error) {
		n, from, err := e.udp.ReadFromUDPAddrPort(p)
		return n, from.Addr().Unmap(), err
	})
	go e.listen(protoICMP, func(p []byte) (int, netip.Addr, error) {
		n, from, err := e.icmp.ReadFromIP(p)
		if err != nil {
			return 0, netip.Addr{}, err
		}
		src, _ := netip.AddrFromSlice(from.IP)
		return n, src.Unmap(), nil
	})
	return e, nil
}

// roomy gives a socket a large buffer, whatever the machine's limit is.
func roomy(c syscall.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20) })
	return cmp.Or(err, failed)
}

func (e *ear) listen(proto byte, read func([]byte) (int, netip.Addr, error)) {
	defer e.done.Done()
	buffer := make([]byte, 1<<16)
	for {
		n, src, err := read(buffer)
		if err != nil {
			return
		}
		e.mu.Lock()
		k := speaker{proto, src}
		e.said[k] = append(e.said[k], bytes.Clone(buffer[:n]))
		e.mu.Unlock()
	}
}

// of returns what was heard from an address, oldest first: the payload of UDP, the
// whole message of ICMP.
func (e *ear) of(proto byte, src netip.Addr) [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.said[speaker{proto, src}])
}

func (e *ear) close() {
	e.udp.Close()
	e.icmp.Close()
	e.done.Wait()
}
