package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

const shortConfig = `
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
name        = "blue"
interfaces  = ["ge2e-carol"]
networks    = ["10.2.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 16

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

// The sizes of the options and of the layer-4 parts behind them. From leastOption on
// there is a label of which the option has just that many bytes.
const (
	smallestOption, leastOption, largestOption = 4, 10, 40
	largestShort                               = 64
)

// shortOption is an option of n bytes: a level and one category, in the last of the
// bytes that are left for categories; a part of one where n bytes are too few.
func shortOption(n int) []byte {
	switch {
	case n == leastOption:
		return tag1(3, 20)
	case n > leastOption:
		return tag1(3, 20, 8*(n-leastOption)-1)
	}
	b := tag1(3, 20)[:n]
	b[1] = byte(n)
	if n >= 8 {
		b[7] = byte(n - 6)
	}
	return b
}

// otherOption is how the label of shortOption(n) reads in the other domain: never
// longer, and mostly shorter.
func otherOption(n int) []byte {
	if n == leastOption {
		return tag2(16, 20)
	}
	return tag2(16, 20, 8*(n-leastOption)-1)
}

func shortFiles() map[string]string {
	var labels, rules, hosts strings.Builder
	hosts.WriteString("10.4.0.2 Pop zone=gray\n")
	for n := leastOption; n <= largestOption; n++ {
		fmt.Fprintf(&labels, "L%d 20", n)
		if n > leastOption {
			fmt.Fprintf(&labels, " %d", 8*(n-leastOption)-1)
		}
		labels.WriteString("\n")
		fmt.Fprintf(&rules, "L%d Pop w\nL%d Gate w\n", n, n)
		fmt.Fprintf(&hosts, "10.4.%d.0/24 L%d zone=gray\n", n, n)
	}
	return map[string]string{
		"labelgate.toml": shortConfig, "policy/cipso.d/site": labels.String(),
		"policy/accesses.d/site": rules.String(), "policy/netlabel.d/site": hosts.String(),
	}
}

// shortWay is what becomes of a label.
type shortWay byte

const (
	shortStrip   shortWay = iota // to a host with a single label: it comes off
	shortHere                    // to the gateway itself: it is overwritten
	shortReplace                 // to a host in another domain: another takes its place
	shortAdd                     // from a host with a single label: it goes on
	shortWays
)

func (w shortWay) String() string { return [...]string{"strip", "here", "replace", "add"}[w] }

// shortSending is one combination, sent from an address of its own.
type shortSending struct {
	way      shortWay
	proto    byte
	size, l4 int // of the option and of what is behind the header
	packet   []byte
}

// TestShortParts sends options of all sizes before layer-4 parts of all sizes: what the
// kernel does not take back from the queue, a packet shorter than its header was, is
// neither lost nor let through as it is.
func TestShortParts(t *testing.T) {
	needLab(t)
	seed := long.Seed(t, 91)
	y := &shortTally{seed: seed}
	for wave := range long.Count(1, 12) {
		t.Run(fmt.Sprintf("wave %d", wave), func(t *testing.T) { y.wave(t, wave) })
		if t.Failed() {
			break
		}
	}
	y.report(t)
}

// protocols returns two to send in a wave: with ports and without, and later any that
// are no tunnels and that a socket can be opened for.
func (y *shortTally) protocols(wave int) [2]byte {
	if wave == 0 {
		return [2]byte{protoUDP, 253}
	}
	all := []byte{protoICMP, protoTCP, 2, 3, 5, 7, 8, 9, 20, 27, 33, 46, 54, 88, 89, 103, 112, 124, 132, 136, 142, 200, 252, 254}
	r := rand.New(rand.NewPCG(y.seed, 91))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	at := 2 * (wave - 1) % len(all)
	return [2]byte{all[at], all[at+1]}
}

// shortPart is a layer-4 part: the beginning of a header that says nothing special.
func shortPart(proto byte, n int, wave int) []byte {
	b := make([]byte, 64)
	for i := range b {
		b[i] = 'a' + byte((i+wave)%26)
	}
	switch proto {
	case protoUDP:
		binary.BigEndian.PutUint16(b[4:], uint16(max(n, 8)))
		binary.BigEndian.PutUint16(b[6:], 0)
	case protoTCP:
		b[12], b[13] = 0x50, 0x10 // a header without options; ACK
	case protoICMP:
		b[0], b[1] = 0, 0 // an echo reply
	}
	return b[:n]
}

func (y *shortTally) wave(t *testing.T, wave int) {
	dir := t.TempDir()
	write(t, dir, shortFiles())
	b := newBench(t, fmt.Sprintf("k%d", wave), filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("mallory", "10.1.0.2/28", "red", "", 0), host("carol", "10.2.0.2/28", "blue", "", 0), host("pop", "10.4.0.2/28", "gray", "", 0),
	})
	for _, h := range []string{"mallory", "carol", "pop"} {
		b.deafen(t, h)
	}
	records := &ledger{path: filepath.Join(dir, "audit.json")}
	protocols := y.protocols(wave)
	t.Logf("protocols %d and %d", protocols[0], protocols[1])
	here, err := b.overhear(protocols[:]...)
	if err != nil {
		t.Fatal(err)
	}
	defer here.close()
	cables := map[string]*rawCable{}
	for _, h := range []string{"mallory", "pop"} {
		if cables[h], err = b.rawCable(h); err != nil {
			t.Fatal(err)
		}
		defer cables[h].close()
	}
	sent := map[netip.Addr]*shortSending{}
	combinations := map[[2]int]bool{}
	for size := smallestOption; size <= largestOption; size++ {
		for l4 := range largestShort + 1 {
			combinations[[2]int{size, l4}] = true
			for i, proto := range protocols {
				for way := range shortWays {
					if way == shortAdd && size < leastOption {
						continue // no label has such an option
					}
					s := &shortSending{way: way, proto: proto, size: size, l4: l4}
					h := header{proto: proto, body: shortPart(proto, l4, wave)}
					from := "mallory"
					switch way {
					case shortAdd:
						from = "pop"
						h.src, h.dst = netip.AddrFrom4([4]byte{10, 4, byte(size), byte(1 + l4 + 100*i)}), b.address(t, "mallory", "pop")
					default:
						h.src = netip.AddrFrom4([4]byte{10, 1, byte(size + 64*int(way)), byte(1 + l4 + 100*i)})
						h.dst = b.address(t, [...]string{shortStrip: "pop", shortHere: lab.GatewayName, shortReplace: "carol"}[way], "mallory")
						h.options = shortOption(size)
						if wave%2 == 1 {
							h.options = append(bytes.Repeat([]byte{1}, -size&3), h.options...)
						}
					}
					s.packet = h.bytes()
					sent[h.src] = s
					if err := cables[from].send(s.packet); err != nil {
						t.Fatal(err)
					}
				}
			}
			if l4%8 == 7 {
				b.pace(t)
			}
		}
	}
	y.combinations = len(combinations)
	b.settle(t, records)
	y.judge(t, b, sent, records, here)
}

// judge holds every place where a packet may have come against every one that was sent.
func (y *shortTally) judge(t *testing.T, b *bench, sent map[netip.Addr]*shortSending, l *ledger, here *overheard) {
	b.complete(t)
	arrived := map[netip.Addr][][]byte{}
	took := func(ip []byte) {
		if src := netip.AddrFrom4([4]byte(ip[12:16])); sent[src] != nil {
			arrived[src] = append(arrived[src], ip)
		}
	}
	for _, node := range []string{lab.GatewayName, "pop"} {
		for _, p := range b.cables[node].Packets() {
			ip := p.IPv4()
			if ip == nil {
				continue
			}
			toPop := node == "pop" && !p.Outgoing || node == lab.GatewayName && p.Outgoing && p.Interface == b.cable("pop")
			if toPop && (labelOptions(ip) > 0 || beginsLabel(p.Frame, 3)) {
				y.leaks++
				t.Errorf("label on the unlabeled cable: % x", ip)
			}
			if node == lab.GatewayName && p.Outgoing {
				took(ip)
			}
		}
	}
	for _, ip := range here.all() {
		took(ip)
	}
	passed, denied := map[netip.Addr]int{}, map[netip.Addr]int{}
	for _, r := range l.read(t) {
		switch r.Action {
		case audit.Granted:
			passed[r.Saddr]++
		case audit.Denied:
			denied[r.Saddr]++
		}
	}
	for src, s := range sent {
		y.packets++
		got := arrived[src]
		name := fmt.Sprintf("%s, protocol %d, option of %d, %d bytes behind", s.way, s.proto, s.size, s.l4)
		if passed[src]+denied[src] != 1 {
			y.twice++
			t.Errorf("%s: %d records of having passed, %d of having been refused", name, passed[src], denied[src])
		}
		if n := 1 - len(got) - denied[src]; n != 0 {
			y.silent += max(n, -n)
			t.Errorf("%s: sent once, %d came through, %d recorded as refused", name, len(got), denied[src])
			continue
		}
		if len(got) == 0 {
			y.refused++
			if s.size >= leastOption {
				y.missing++
				t.Errorf("%s: refused", name)
			}
			continue
		}
		y.delivered++
		if s.size < leastOption {
			y.forbidden++
			t.Errorf("%s: came through: % x", name, got[0])
		}
		if want := s.leaves(); !bytes.Equal(got[0], want) {
			y.wrong++
			t.Errorf("%s: came through as\n% x, want\n% x", name, got[0], want)
		}
	}
}

// leaves is what must become of a packet: byte by byte the same but for its option, its
// length, a hop where it was forwarded, and the checksum of it all.
func (s *shortSending) leaves() []byte {
	var area []byte
	was := optionArea(s.packet)
	switch s.way {
	case shortAdd:
		area = append(shortOption(s.size), make([]byte, -s.size&3)...)
	case shortHere:
		area = blanked(was)
	case shortReplace:
		area = otherOption(s.size)
		area = append(area, make([]byte, -len(area)&3)...)
		if len(area)+s.l4 < len(was) {
			area = append(area, make([]byte, len(was)-len(area))...)
		}
	case shortStrip:
		if s.l4 < len(was) {
			area = blanked(was)
		}
	}
	b := slices.Concat(s.packet[:minHeader], area, s.packet[headerLen(s.packet):])
	b[0] = 0x40 | byte((minHeader+len(area))/4)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if s.way != shortHere {
		b[8]--
	}
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:minHeader+len(area)]))
	return b
}

// blanked has NOPs where the option was, and leaves what pads it.
func blanked(area []byte) []byte {
	b := bytes.Clone(area)
	at := bytes.IndexByte(b, cipsoType)
	for i := range b[at : at+int(area[at+1])] {
		b[at+i] = 1
	}
	return b
}

// shortTally adds up what was found in all waves.
type shortTally struct {
	seed                                     uint64
	combinations                             int
	packets, delivered, refused              int
	forbidden, missing, wrong, leaks, silent int
	twice                                    int
}

func (y *shortTally) report(t *testing.T) {
	t.Helper()
	f := func(id string, n int, unit string) figures.Figure {
		return figures.Figure{ID: "e2e/short-parts/" + id, Value: float64(n), Unit: unit}
	}
	report(t,
		f("seed", int(y.seed), "seed"),
		f("combinations", y.combinations, "combinations").AtLeast(2405),
		f("packets", y.packets, "packets").AtLeast(18000),
		f("delivered", y.delivered, "packets").AtLeast(16000),
		f("refused", y.refused, "packets").AtLeast(2000),
		f("forbidden-delivered", y.forbidden, "packets").AtMost(0),
		f("allowed-refused", y.missing, "packets").AtMost(0),
		f("wrong-bytes", y.wrong, "packets").AtMost(0),
		f("labels-on-unlabeled-cables", y.leaks, "packets").AtMost(0),
		f("not-recorded-once", y.twice, "packets").AtMost(0),
		f("silent-losses", y.silent, "packets").AtMost(0),
	)
}

// overheard are the packets that the gateway's kernel takes for its own, header and all.
type overheard struct {
	files []*os.File
	done  sync.WaitGroup

	mu      sync.Mutex
	packets [][]byte
}

func (b *bench) overhear(protocols ...byte) (*overheard, error) {
	o := &overheard{}
	for _, proto := range protocols {
		err := b.Do(lab.GatewayName, func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(proto))
			if err != nil {
				return fmt.Errorf("socket of protocol %d: %w", proto, err)
			}
			f := os.NewFile(uintptr(fd), "protocol "+fmt.Sprint(proto))
			o.files = append(o.files, f)
			return roomy(f)
		})
		if err != nil {
			o.close()
			return nil, err
		}
	}
	for _, f := range o.files {
		o.done.Add(1)
		go func() {
			defer o.done.Done()
			buffer := make([]byte, 1<<16)
			for {
				n, err := f.Read(buffer)
				if err != nil {
					return
				}
				o.mu.Lock()
				o.packets = append(o.packets, bytes.Clone(buffer[:n]))
				o.mu.Unlock()
			}
		}()
	}
	return o, nil
}

func (o *overheard) all() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.packets)
}

func (o *overheard) close() {
	for _, f := range o.files {
		f.Close()
	}
	o.done.Wait()
}
