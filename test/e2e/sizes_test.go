package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

const sizesConfig = `
policy = "policy"

[[doi]]
number = 3
tags   = [1]

[[zone]]
name       = "red"
interfaces = ["ge2e-red"]
networks   = ["10.1.0.0/16"]
labels     = "require"
doi        = 3

[[zone]]
name       = "gray"
interfaces = ["ge2e-gray"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

// TestSizes sends data past options of every size. A labeled host and one with
// the same single label stand on the two sides, and get another label each time.
func TestSizes(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"labelgate.toml": sizesConfig, "policy/netlabel.d/site": "10.4.0.2 A zone=gray\n"})
	l := startLab(t, "s", filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("red", "10.1.0.2/28", "red", "A", 3),
		host("gray", "10.4.0.2/28", "gray", "", 0),
	})
	s := &sizes{Lab: l, dir: dir, port: 30000}
	for _, row := range []struct {
		label  string
		option int // bytes with padding
	}{
		{"A", 12}, {"Abcd", 16}, {"Abcdefgh", 20}, {"Abcdefghijkl", 24}, {"Abcdefghijklmnop", 28},
		{"Abcdefghijklmnopqrst", 32}, {"Abcdefghijklmnopqrstuvw", 36},
	} {
		t.Run(fmt.Sprintf("option of %d bytes", row.option), func(t *testing.T) { s.transfer(t, row.label, row.option) })
	}
	t.Run("short datagrams", s.short)
	report(t,
		figures.Figure{ID: "e2e/sizes/bytes-delivered", Value: float64(s.delivered), Unit: "B"}.AtLeast(7*2*4<<20),
		figures.Figure{ID: "e2e/sizes/labels-on-unlabeled-cables", Value: float64(s.leaks), Unit: "options"}.AtMost(0),
	)
}

type sizes struct {
	*lab.Lab
	dir       string
	port      uint16
	delivered int
	leaks     int
}

// relabel gives both hosts a label.
func (s *sizes) relabel(t *testing.T, label string) {
	t.Helper()
	write(t, s.dir, map[string]string{"policy/netlabel.d/site": "10.4.0.2 " + label + " zone=gray\n"})
	setLabel(t, s.Lab, "red", label)
	reload(t, s.Lab, lab.GatewayName)
}

// setLabel gives a labeled host another label.
func setLabel(t *testing.T, l *lab.Lab, host, label string) {
	t.Helper()
	path := filepath.Join(l.Directory(), host+".toml")
	settings, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^label = .*$`)
	if !line.Match(settings) {
		t.Fatalf("%s names no label:\n%s", path, settings)
	}
	if err := os.WriteFile(path, line.ReplaceAll(settings, []byte("label = '"+label+"'")), 0o644); err != nil {
		t.Fatal(err)
	}
	reload(t, l, host)
}

// reload has a node's labelgated read its files again, and fails when it did not
// take them over.
func reload(t *testing.T, l *lab.Lab, node string) {
	t.Helper()
	d := l.Daemon(node)
	if _, err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last := d.Tail(1); !strings.Contains(last, "msg=reloaded") {
		t.Fatalf("%s: %s", node, last)
	}
}

// watch captures both cables at both ends.
func (s *sizes) watch(t *testing.T) (gateway, red, gray *lab.Capture) {
	t.Helper()
	var c [3]*lab.Capture
	for i, node := range []string{lab.GatewayName, "red", "gray"} {
		var err error
		if c[i], err = s.Capture(node); err != nil {
			t.Fatal(err)
		}
	}
	return c[0], c[1], c[2]
}

// transfer sends two megabytes each way over connections opened from either
// side, an echo and fragments.
func (s *sizes) transfer(t *testing.T, label string, option int) {
	s.relabel(t, label)
	gateway, red, gray := s.watch(t)
	for _, way := range [][2]string{{"red", "gray"}, {"gray", "red"}} {
		for _, p := range []lab.Probe{
			{Proto: lab.TCP, Size: 2 << 20, Timeout: 15 * time.Second},
			{Proto: lab.UDP, Timeout: 3 * time.Second},
			{Proto: lab.UDP, Size: 5000, Timeout: 3 * time.Second},
			{Proto: lab.ICMP, Timeout: 3 * time.Second},
		} {
			p.From, p.To = way[0], way[1]
			r, err := s.Probe(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Delivered {
				t.Errorf("%v from %s: %+v", p.Proto, p.From, r)
				continue
			}
			s.delivered += r.Bytes
			if p.Proto == lab.TCP {
				s.delivered += r.Bytes // and back
			}
		}
	}
	for _, c := range []*lab.Capture{gateway, red, gray} {
		c.Stop()
	}
	want := append(direct(3, 1, label).encoded(t), make([]byte, 4)...)[:option]
	// Every packet on the labeled cable carries the label, and nothing else.
	n := 0
	for _, c := range red.Packets() {
		if ip := c.IPv4(); headerLen(ip) > 0 {
			if n++; !bytes.Equal(optionArea(ip), want) {
				t.Fatalf("options on the labeled cable % x, want % x", optionArea(ip), want)
			}
		}
	}
	s.bare(t, gateway, s.Topology().Host("gray").Interface, option)
	s.bare(t, gray, lab.HostInterface, option)
	t.Logf("%d packets on the labeled cable", n)
}

// bare holds every packet on the unlabeled cable against having no label: its
// header has 20 bytes, or, where the kernel takes no shorter packet, NOPs.
func (s *sizes) bare(t *testing.T, c *lab.Capture, cable string, option int) {
	t.Helper()
	n := 0
	for _, p := range c.Packets() {
		ip := p.IPv4()
		if p.Interface != cable || headerLen(ip) == 0 {
			continue
		}
		n++
		if labelOptions(ip) > 0 {
			s.leaks++
			t.Errorf("label on the unlabeled cable: % x", trim(ip))
		}
		body := len(trim(ip)) - headerLen(ip)
		if area := optionArea(ip); len(area) != 0 && (body >= option || len(bytes.Trim(area, "\x00\x01")) != 0) {
			t.Errorf("options % x before %d bytes", area, body)
		}
		if p.Outgoing == (cable != lab.HostInterface) {
			wellFormed(t, trim(ip))
		}
		if t.Failed() {
			return
		}
	}
	if n == 0 {
		t.Error("nothing was on the unlabeled cable")
	}
}

// short sends datagrams that are shorter than the option before them: the kernel
// takes back no packet that is shorter than the header it had, so the label is
// overwritten where it stands, and nothing is lost.
func (s *sizes) short(t *testing.T) {
	const label, option = "Abcdefghijklmnopqrstuvw", 36
	s.relabel(t, label)
	b := &bench{Lab: s.Lab}
	boxes := map[string]*inbox{}
	for _, node := range []string{"red", "gray"} {
		box, err := b.listen(node)
		if err != nil {
			t.Fatal(err)
		}
		defer box.close()
		boxes[node] = box
	}
	gateway, _, gray := s.watch(t)
	for _, way := range [][2]string{{"red", "gray"}, {"gray", "red"}} {
		for size := range 31 {
			s.port++
			port := s.port
			payload := bytes.Repeat([]byte{byte('a' + size%26)}, size)
			to := netip.AddrPortFrom(b.address(t, way[1], way[0]), inboxPort)
			if err := b.sendUDP(way[0], port, to, payload); err != nil {
				t.Fatal(err)
			}
			if !eventually(func() bool { _, n := boxes[way[1]].heard(port); return n > 0 }) {
				t.Errorf("%d bytes from %s were lost", size, way[0])
				continue
			}
			if got, n := boxes[way[1]].heard(port); n != 1 || !bytes.Equal(got, payload) {
				t.Errorf("%d bytes from %s: %q, %d times", size, way[0], got, n)
			}
			if way[1] != "gray" {
				continue
			}
			for _, cable := range []func() [][]byte{
				func() [][]byte { return datagrams(gateway, s.Topology().Host("gray").Interface, true, port) },
				func() [][]byte { return datagrams(gray, "", false, port) },
			} {
				// The receiver may be quicker than the capture.
				eventually(func() bool { return len(cable()) > 0 })
				packets := cable()
				want := 0
				if 8+size < option {
					want = option
				}
				if len(packets) != 1 || len(optionArea(packets[0])) != want {
					t.Errorf("%d bytes: on the cable % x, want %d bytes of options", size, packets, want)
				}
			}
		}
	}
	gateway.Stop()
	gray.Stop()
	s.bare(t, gateway, s.Topology().Host("gray").Interface, option)
	s.bare(t, gray, lab.HostInterface, option)
}
