package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/cipso"
	"labelgate/internal/audit"
	"labelgate/internal/kerneldoi"
	"labelgate/internal/lab"
	"labelgate/internal/nft"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// natConfig takes the numbers of the two domains.
const natConfig = `
policy  = "policy"
logging = 3

[self]
label = "Gate"

[[doi]]
number = %d
tags   = [1]

[[doi]]
number = %d
tags   = [1]

[[zone]]
name        = "red"
interfaces  = ["ge2e-mallory", "ge2e-mate"]
networks    = ["10.1.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = %[1]d

[[zone]]
name        = "blue"
interfaces  = ["ge2e-carol"]
networks    = ["10.2.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = %[2]d

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop", "ge2e-sec"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

const (
	natLabels = "Foo 10 1 3\nBar 11 2\nPop 12 4 9\nSecret 13 5\nGate 14 7\n"
	natHosts  = "10.4.0.2 Pop zone=gray\n10.4.0.18 Secret zone=gray\n"
	natRules  = "Foo Pop w\nBar Secret w\nPop Secret w\nFoo Gate w\nPop Gate w\nGate Pop w\n"
)

// natBench is a gateway that translates addresses, or does not, and hosts that say
// only what they are told to.
type natBench struct {
	*bench
	*ledger
	dois  map[string]uint32 // of a zone
	raw   map[string]*rawCable
	echo  *natEcho
	tally *natTally

	expected  map[string]int // packets that must leave the gateway: cable and bytes
	whole     []natWhole     // datagrams that must leave it in fragments
	ports     map[uint16]bool
	least     int // decisions that must be on record
	most      int
	unmarked  int // packets whose mark another program takes away
	tolerated map[uint16]bool
}

// natWhole is a datagram that must be on a cable in fragments with an option.
type natWhole struct {
	name, cable string
	id          uint16
	packet      []byte
}

// TestTranslation: a packet is judged for where it really goes and who it really comes
// from, once, and leaves only so; whatever the machine does with its addresses, and
// whether its kernel knows the domains of interpretation or not.
func TestTranslation(t *testing.T) {
	needLab(t)
	seed := long.Seed(t, 6)
	known, unknown := ownDOIs(t)
	y := &natTally{seed: seed}
	t.Run("domains", func(t *testing.T) {
		for _, d := range []struct {
			name string
			dois [2]cipso.DOI
		}{{"the kernel knows", known}, {"the kernel does not know", unknown}} {
			t.Run(d.name, func(t *testing.T) {
				if d.dois[0] == 0 {
					t.Skip("needs NetLabel and the initial network namespace")
				}
				t.Parallel()
				newNATBench(t, d.dois, y).run(t)
			})
		}
	})
	y.report(t)
}

// firstDOI and lastDOI are the numbers that this test may define in the kernel, which
// has one list for the whole machine.
const firstDOI, lastDOI = 78000, 78009

// ownDOIs returns two domains that the kernel has been told of, zeroes where it cannot
// be told, and two that it does not know. It waits for other runs of this test.
func ownDOIs(t *testing.T) (known, unknown [2]cipso.DOI) {
	t.Helper()
	dir, err := os.Open(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	defined, err := kerneldoi.List()
	if err != nil && !errors.Is(err, kerneldoi.ErrNoNetLabel) {
		t.Fatal(err)
	}
	var free []cipso.DOI
	for n := cipso.DOI(firstDOI); n <= lastDOI; n++ {
		if !slices.ContainsFunc(defined, func(d kerneldoi.Definition) bool { return d.Number == n }) {
			free = append(free, n)
		}
	}
	if len(free) < 4 {
		t.Fatalf("of the domains %d to %d the kernel knows all but %v", firstDOI, lastDOI, free)
	}
	unknown = [2]cipso.DOI(free[2:])
	r, err := kerneldoi.Sync(free[:2])
	if err != nil {
		t.Logf("the kernel cannot be told of domains: %v", err)
		return known, unknown
	}
	t.Cleanup(func() {
		if err := r.Release(); err != nil {
			t.Error(err)
		}
	})
	return [2]cipso.DOI(free), unknown
}

func newNATBench(t *testing.T, dois [2]cipso.DOI, y *natTally) *natBench {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"labelgate.toml": fmt.Sprintf(natConfig, dois[0], dois[1]), "policy/cipso.d/site": natLabels,
		"policy/netlabel.d/site": natHosts, "policy/accesses.d/site": natRules,
	})
	b := &natBench{
		bench: newBench(t, fmt.Sprintf("n%d", dois[0]), filepath.Join(dir, "labelgate.toml"), []lab.Host{
			host("mallory", "10.1.0.2/28", "red", "", 0), host("mate", "10.1.0.18/28", "red", "", 0),
			host("carol", "10.2.0.2/28", "blue", "", 0),
			host("pop", "10.4.0.2/28", "gray", "", 0), host("sec", "10.4.0.18/28", "gray", "", 0),
		}),
		ledger: &ledger{path: filepath.Join(dir, "audit.json")},
		dois:   map[string]uint32{"red": uint32(dois[0]), "blue": uint32(dois[1])},
		raw:    map[string]*rawCable{}, expected: map[string]int{}, ports: map[uint16]bool{}, tolerated: map[uint16]bool{}, tally: y,
	}
	for _, h := range b.Topology().Hosts {
		b.deafen(t, h.Name)
		c, err := b.rawCable(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		b.raw[h.Name] = c
	}
	var err error
	if b.echo, err = b.echoes(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.echo.close)
	return b
}

func (b *natBench) zone(host string) string {
	if h := b.Topology().Host(host); h != nil {
		return h.Zone
	}
	return ""
}

// run sends everything before there are rules, while there are, and when they are gone.
func (b *natBench) run(t *testing.T) {
	const appeared, gone = "addresses are translated on this machine", "addresses are not translated on this machine any more"
	r := rand.New(rand.NewPCG(b.tally.seed, uint64(b.dois["red"])))
	b.flows(t, r, untranslated(), false)
	// The kernel ceases to put fragments together some time after the rules went, and
	// what it has of a datagram then is lost. So there are no fragments afterwards.
	after := slices.DeleteFunc(untranslated(), func(f natFlow) bool { return f.cut })
	for range long.Count(1, 8) {
		since := b.said(t, appeared)
		x := b.translateAll(t)
		b.unnoticed(t, func() bool { return b.said(t, appeared) > since })
		b.flows(t, r, translatedFlows(), true)
		b.own(t)
		since = b.said(t, gone)
		x.remove(t)
		b.await(t, gone, since)
		b.flows(t, r, after, false)
	}
	b.unmarks(t)
	b.judge(t)
}

// flows sends flows, each in its turn.
func (b *natBench) flows(t *testing.T, r *rand.Rand, all []natFlow, translated bool) {
	if long.Long() {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	for i := range all {
		b.flow(t, &all[i], translated)
	}
}

// said counts how often the gateway's log says something.
func (b *natBench) said(t *testing.T, what string) int {
	t.Helper()
	log, err := os.ReadFile(b.Daemon(lab.GatewayName).LogFile())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(log, []byte(what))
}

// await waits until the log says something once more.
func (b *natBench) await(t *testing.T, what string, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.said(t, what) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q", what)
		}
	}
}

// unnoticed sends packets that the rules send to somebody who must not have them, until
// the gateway has noticed that there are rules. How many arrive is a figure.
func (b *natBench) unnoticed(t *testing.T, noticed func() bool) {
	t.Helper()
	f := natFlow{name: "before the gateway noticed", from: "mallory", to: "pop", port: 9020, says: "Foo"}
	for deadline := time.Now().Add(20 * time.Second); !noticed(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the gateway never notices that addresses are translated")
		}
		port := b.nextPort()
		b.tolerated[port] = true
		b.put(t, f.from, b.packets(&f, port).sent)
		b.least, b.most = b.least+1, b.most+1
	}
	b.settle(t, b.ledger)
}

// put puts a packet on a host's cable.
func (b *natBench) put(t *testing.T, host string, packet []byte) {
	t.Helper()
	if err := b.raw[host].send(packet); err != nil {
		t.Fatal(err)
	}
	b.tally.add(&b.tally.packets, 1)
}

// flow sends a flow's packets and waits for the record of each. What is on the cables
// is looked at in the end.
func (b *natBench) flow(t *testing.T, f *natFlow, translated bool) {
	t.Helper()
	b.tally.add(&b.tally.flows, 1)
	sport := b.nextPort()
	p := b.packets(f, sport)
	pieces := [][]byte{p.sent}
	if f.cut {
		pieces = inHalves(p.sent, sport)
	}
	for _, piece := range pieces {
		b.put(t, f.from, piece)
	}
	records := 1
	b.least, b.most = b.least+1, b.most+1
	if f.cut && !translated {
		b.most++ // each fragment by itself, or both put together
		records = -1
	}
	b.once(t, f.name, records, f.refused, func(r *audit.Record) bool { return r.HasPorts && r.Src == sport })
	switch {
	case f.refused != "":
		return
	case f.at == natHere:
		b.answered(t, f, sport)
		return
	case f.cut:
		b.whole = append(b.whole, natWhole{f.name, b.cable(f.at), sport, p.arrives})
		return
	}
	b.expect(f.at, p.arrives)
	b.left(f.at, p.arrives)
	if f.answer != natSilent {
		b.put(t, f.at, p.answer)
		b.least, b.most = b.least+1, b.most+1
		b.once(t, "answer to "+f.name, 1, f.backs, func(r *audit.Record) bool { return r.HasPorts && r.Dest == sport })
		if f.backs == "" {
			b.expect(f.from, p.comes)
		}
	}
	if f.error != natSilent {
		from := len(b.read(t))
		b.put(t, f.at, p.report)
		b.least, b.most = b.least+1, b.most+1
		b.onceFrom(t, from, "error about "+f.name, 1, "", func(r *audit.Record) bool { return r.HasICMP })
		b.expect(f.from, p.reports)
	}
}

// left waits until a packet has left toward a host. The record of it is written before
// that, and what is tracked of its flow, by which an answer is translated back, is
// settled in between.
func (b *natBench) left(host string, packet []byte) {
	eventually(func() bool {
		return slices.ContainsFunc(b.cables[lab.GatewayName].Packets(), func(p lab.Captured) bool {
			return p.Outgoing && p.Interface == b.cable(host) && bytes.Equal(p.IPv4(), packet)
		})
	})
}

// inHalves cuts a packet, which gets an identification of its own.
func inHalves(packet []byte, id uint16) (pieces [][]byte) {
	n := headerLen(packet)
	half := (len(packet) - n) / 2 &^ 7
	for i, body := range [][]byte{packet[n : n+half], packet[n+half:]} {
		b := slices.Concat(packet[:n], body)
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		binary.BigEndian.PutUint16(b[4:], id)
		binary.BigEndian.PutUint16(b[6:], uint16(0x2000>>(13*i))&0x2000|uint16(half/8*i))
		binary.BigEndian.PutUint16(b[10:], 0)
		binary.BigEndian.PutUint16(b[10:], ^sum(b[:n]))
		pieces = append(pieces, b)
	}
	return pieces
}

// expect says that a packet must leave the gateway toward a host, once.
func (b *natBench) expect(host string, packet []byte) {
	b.expected[b.cable(host)+"\x00"+string(packet)]++
}

// once waits for the record of a packet, and for nothing more.
func (b *natBench) once(t *testing.T, name string, records int, reason string, match func(*audit.Record) bool) {
	t.Helper()
	b.onceFrom(t, 0, name, records, reason, match)
}

func (b *natBench) onceFrom(t *testing.T, from int, name string, records int, reason string, match func(*audit.Record) bool) {
	t.Helper()
	var found []audit.Record
	eventually(func() bool {
		found = found[:0]
		for _, r := range b.read(t)[from:] {
			if r.Event == audit.EventDecision && match(&r) {
				found = append(found, r)
			}
		}
		return len(found) > 0
	})
	if len(found) == 0 || records > 0 && len(found) != records {
		b.tally.add(&b.tally.twice, 1)
		t.Errorf("%s: %d records, want %d", name, len(found), records)
		return
	}
	for _, r := range found {
		if r.Reason != reason || (r.Action == audit.Denied) != (reason != "") {
			b.tally.add(&b.tally.wrong, 1)
			t.Errorf("%s: %s from %s to %s: %s %q, want %q", name, r.Subject, r.Saddr, r.Daddr, r.Verdict, r.Reason, reason)
		}
	}
}

// answered waits for what the gateway itself answers, and holds it against the flow.
func (b *natBench) answered(t *testing.T, f *natFlow, sport uint16) {
	t.Helper()
	b.least, b.most = b.least+1, b.most+1
	b.once(t, "answer to "+f.name, 1, "", func(r *audit.Record) bool { return r.HasPorts && r.Dest == sport && r.Fn == "gw_output" })
	var left [][]byte
	eventually(func() bool {
		left = left[:0]
		for _, p := range b.cables[lab.GatewayName].Packets() {
			ip := p.IPv4()
			if n := headerLen(ip); p.Outgoing && n > 0 && ip[9] == protoUDP && len(ip) >= n+8 && binary.BigEndian.Uint16(ip[n+2:]) == sport {
				left = append(left, trim(ip))
				if p.Interface != b.cable(f.from) {
					t.Errorf("%s: the answer is on %s", f.name, p.Interface)
				}
			}
		}
		return len(left) > 0
	})
	if len(left) != 1 {
		t.Errorf("%s: %d answers", f.name, len(left))
		return
	}
	ip := wellFormed(t, left[0])
	src, _ := netip.AddrFromSlice(ip.SrcIP.To4())
	want := b.label(f.from, f.back)
	want = append(want, make([]byte, -len(want)&3)...)
	n := headerLen(left[0])
	if src != b.where(f.to) || binary.BigEndian.Uint16(left[0][n:]) != f.port || !bytes.Equal(optionArea(left[0]), want) {
		b.tally.add(&b.tally.wrong, 1)
		t.Errorf("%s: answer % x", f.name, left[0])
	}
	b.ports[sport] = true
}

// own has the gateway itself send to one host what its rules send to another: what
// counts is the other.
func (b *natBench) own(t *testing.T) {
	t.Helper()
	for _, f := range []natFlow{
		{name: "the gateway's own, really not allowed", to: "pop", port: 9031, refused: "no-rule"},
		{name: "the gateway's own, really allowed", to: "sec", port: 9032, at: "pop"},
	} {
		b.tally.add(&b.tally.flows, 1)
		b.tally.add(&b.tally.packets, 1)
		sport := b.nextPort()
		if err := b.sendUDP(natHere, sport, netip.AddrPortFrom(b.where(f.to), f.port), []byte(f.name)); err != nil && !errors.Is(err, unix.EPERM) {
			t.Fatal(err)
		}
		b.least, b.most = b.least+1, b.most+1
		b.once(t, f.name, 1, f.refused, func(r *audit.Record) bool { return r.HasPorts && r.Src == sport && r.Fn == "gw_output" })
		if f.at == "" {
			continue
		}
		var left [][]byte
		eventually(func() bool {
			left = datagrams(b.cables[lab.GatewayName], b.cable(f.at), true, sport)
			return len(left) > 0
		})
		if len(left) != 1 || len(optionArea(left[0])) != 0 || netip.AddrFrom4([4]byte(left[0][16:20])) != b.where(f.at) {
			b.tally.add(&b.tally.wrong, 1)
			t.Errorf("%s: % x", f.name, left)
			continue
		}
		b.expect(f.at, left[0])
	}
}

// unmarks has another program take away the marks of packets that were judged and
// allowed: none of them leaves, and all are counted.
func (b *natBench) unmarks(t *testing.T) {
	b.unmark(t, 9040)
	for range 5 {
		for _, f := range []natFlow{
			{name: "unmarked, labeled", from: "mallory", to: "pop", port: 9040, says: "Foo"},
			{name: "unmarked, into the other domain", from: "mallory", to: "carol", port: 9040, says: "Foo"},
			{name: "unmarked, unlabeled", from: "pop", to: "mallory", port: 9040},
		} {
			b.put(t, f.from, b.packets(&f, b.nextPort()).sent)
			b.least, b.most = b.least+1, b.most+1
			b.unmarked++
		}
	}
	b.settle(t, b.ledger)
}

// judge holds everything that left the gateway against what was to leave it, and the
// records against what was sent.
func (b *natBench) judge(t *testing.T) {
	b.settle(t, b.ledger)
	y := b.tally
	ns, err := b.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	counters, err := nft.ReadCounters("", int(ns))
	if err != nil {
		t.Fatal(err)
	}
	clashes := b.clashes(t)
	decisions, filtered := 0, 0
	eventually(func() bool {
		decisions, filtered = 0, 0
		for _, r := range b.read(t) {
			switch {
			case r.Event == audit.EventDecision:
				decisions++
			case r.Event == audit.EventFiltered && r.Reason == audit.ReasonUnjudged:
				filtered += int(r.Count)
			}
		}
		return filtered >= b.unmarked
	})
	b.complete(t)
	fragments := map[uint16][][]byte{}
	late := 0
	for _, p := range b.cables[lab.GatewayName].Packets() {
		ip := p.IPv4()
		n := headerLen(ip)
		if !p.Outgoing || n == 0 {
			continue
		}
		toGray := p.Interface == b.cable("pop") || p.Interface == b.cable("sec")
		if toGray && (labelOptions(ip) > 0 || beginsLabel(p.Frame, b.dois["red"], b.dois["blue"])) {
			y.add(&y.leaks, 1)
			t.Errorf("label on %s: % x", p.Interface, ip)
		}
		key := p.Interface + "\x00" + string(ip)
		id := binary.BigEndian.Uint16(ip[4:])
		i := slices.IndexFunc(b.whole, func(w natWhole) bool { return w.id == id && w.cable == p.Interface })
		switch {
		case b.expected[key] > 0:
			b.expected[key]--
			y.add(&y.delivered, 1)
		case i >= 0 && (binary.BigEndian.Uint16(ip[6:])&0x3fff != 0):
			fragments[id] = append(fragments[id], ip)
		case ip[9] == protoUDP && len(ip) >= n+8 && b.ports[binary.BigEndian.Uint16(ip[n+2:])]:
			y.add(&y.delivered, 1) // the gateway's own answer
		case ip[9] == protoUDP && len(ip) >= n+8 && b.tolerated[binary.BigEndian.Uint16(ip[n:])]:
			late++
		default:
			y.add(&y.forbidden, 1)
			t.Errorf("on %s: % x", p.Interface, ip)
		}
	}
	y.add(&y.late, late)
	for key, n := range b.expected {
		if n > 0 {
			cable, packet, _ := strings.Cut(key, "\x00")
			y.add(&y.silent, n)
			t.Errorf("not on %s: % x", cable, packet)
		}
	}
	for _, w := range b.whole {
		b.together(t, w, fragments[w.id])
	}
	if decisions < b.least || decisions > b.most {
		y.add(&y.twice, max(b.least-decisions, decisions-b.most))
		t.Errorf("%d decisions on record, want %d to %d", decisions, b.least, b.most)
	}
	y.add(&y.decisions, decisions)
	b.lastWords(t)
	y.add(&y.unmarked, int(counters.Unjudged))
	if int(counters.Unjudged) != b.unmarked || filtered != b.unmarked {
		y.add(&y.silent, max(b.unmarked-filtered, filtered-b.unmarked))
		t.Errorf("%d packets were unmarked; the rules dropped %d, and %d of them are on record", b.unmarked, counters.Unjudged, filtered)
	}
	if clashes > 0 {
		t.Errorf("connection tracking dropped %d packets", clashes)
	}
}

// lastWords ends the gateway and holds its own count of packets against its records.
func (b *natBench) lastWords(t *testing.T) {
	t.Helper()
	d := b.Daemon(lab.GatewayName)
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(d.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`packets (\d+): passed (\d+), dropped (\d+)`).FindSubmatch(log)
	if words == nil {
		t.Fatal("no last words")
	}
	n := map[string]int{}
	for _, r := range b.read(t) {
		if r.Event == audit.EventDecision {
			n[r.Action]++
		}
	}
	if number(words[1]) != n[audit.Granted]+n[audit.Denied] || number(words[2]) != n[audit.Granted] || number(words[3]) != n[audit.Denied] {
		b.tally.add(&b.tally.twice, 1)
		t.Errorf("%q; on record are %v", words[0], n)
	}
}

// together holds the fragments of a datagram against what they must be.
func (b *natBench) together(t *testing.T, w natWhole, fragments [][]byte) {
	t.Helper()
	n := headerLen(w.packet)
	body := make([]byte, len(w.packet)-n)
	got := 0
	for _, ip := range fragments {
		h := headerLen(ip)
		offset := int(binary.BigEndian.Uint16(ip[6:])&0x1fff) * 8
		if !bytes.Equal(ip[12:h], w.packet[12:n]) || sum(ip[:h]) != 0xffff || offset > len(body) {
			b.tally.add(&b.tally.wrong, 1)
			t.Errorf("%s: fragment % x", w.name, ip[:h])
			continue
		}
		got += copy(body[offset:], ip[h:])
	}
	if got != len(body) || !bytes.Equal(body, w.packet[n:]) {
		b.tally.add(&b.tally.silent, 1)
		t.Errorf("%s: %d of %d bytes in %d fragments", w.name, got, len(body), len(fragments))
		return
	}
	b.tally.add(&b.tally.delivered, 1)
}

// natTally adds up what was found at all gateways.
type natTally struct {
	mu                                           sync.Mutex
	seed                                         uint64
	flows, packets, delivered, decisions         int
	forbidden, silent, leaks, wrong, twice, late int
	unmarked                                     int
}

func (y *natTally) add(n *int, more int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*n += more
}

func (y *natTally) report(t *testing.T) {
	t.Helper()
	f := func(id string, n int, unit string) figures.Figure {
		return figures.Figure{ID: "e2e/translation/" + id, Value: float64(n), Unit: unit}
	}
	report(t,
		f("seed", int(y.seed), "seed"),
		f("flows", y.flows, "flows").AtLeast(75),
		f("packets", y.packets, "packets").AtLeast(150),
		f("delivered", y.delivered, "packets").AtLeast(100),
		f("decisions", y.decisions, "records").AtLeast(150),
		f("dropped-unmarked", y.unmarked, "packets").AtLeast(15),
		f("forbidden-delivered", y.forbidden, "packets").AtMost(0),
		f("labels-on-unlabeled-cables", y.leaks, "packets").AtMost(0),
		f("wrong-verdict-or-option", y.wrong, "packets").AtMost(0),
		f("not-recorded-once", y.twice, "packets").AtMost(0),
		f("silent-losses", y.silent, "packets").AtMost(0),
		f("delivered-before-rules-were-noticed", y.late, "packets"),
	)
}

// natEcho answers what it hears on the gateway.
type natEcho struct {
	conn *net.UDPConn
	done chan struct{}
}

func (b *natBench) echoes() (*natEcho, error) {
	e := &natEcho{done: make(chan struct{})}
	err := b.Do(lab.GatewayName, func() (err error) {
		e.conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: natPort})
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(e.done)
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := e.conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			e.conn.WriteToUDPAddrPort(buffer[:n], from)
		}
	}()
	return e, nil
}

func (e *natEcho) close() {
	e.conn.Close()
	<-e.done
}
