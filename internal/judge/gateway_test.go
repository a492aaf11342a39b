package judge

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/links"
	"labelgate/internal/load"
)

// settings of the tests: red requires labels in DOI 3, blue in DOI 16, gray knows
// none.
const settings = `
policy = "policy"
logging = 1
[self]
label = "Gate"
[[doi]]
number = 3
tags = [1]
[[doi]]
number = 16
tags = [1]
[[zone]]
name = "red"
interfaces = ["red0"]
networks = ["10.1.0.0/16"]
labels = "require"
doi = 3
[[zone]]
name = "blue"
interfaces = ["blue0"]
networks = ["10.2.0.0/16"]
labels = "require"
doi = 16
[[zone]]
name = "gray"
interfaces = ["gray0"]
networks = ["10.4.0.0/16"]
`

const (
	rules = "Foo Pop w\nPop Foo w\nFoo Gate w\nGate Pop w\n"
	hosts = "10.4.0.1 Pop\n"

	foo3  = "860e00000003010800fa2337b780"
	foo16 = "860e00000010010800fa2337b780"

	red1, red2, blue1 = "10.1.0.1", "10.1.0.2", "10.2.0.1"
	grayPop, grayNone = "10.4.0.1", "10.4.9.9"
	gate              = "10.1.0.254"
)

// Interface indices of the tests.
const (
	redIf, blueIf, grayIf, otherIf = 11, 12, 13, 14
)

// write writes files, named as in "policy/accesses.d/site", below a new directory
// and returns the path of the settings.
func write(t testing.TB, settings, rules, hosts string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"labelgate.toml": settings, "policy/accesses.d/site": rules, "policy/netlabel.d/site": hosts,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "labelgate.toml")
}

func loaded(t testing.TB, path string, generation uint32) *load.Gateway {
	t.Helper()
	g, err := load.Load(path, generation)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// fakeLinks are links that the test moves.
type fakeLinks struct {
	mu       sync.Mutex
	table    *links.Table
	revision uint32
	zones    [][]string
	err      error
	changed  chan struct{}
	egress   links.Egress // by which all leave, if it is not zero
}

func newLinks(c ...links.Link) *fakeLinks {
	if c == nil {
		c = []links.Link{
			{Index: redIf, Name: "red0", Zone: 1, MTU: 1500}, {Index: blueIf, Name: "blue0", Zone: 2, MTU: 1500},
			{Index: grayIf, Name: "gray0", Zone: 3, MTU: 1500}, {Index: otherIf, Name: "other0", MTU: 1500},
		}
	}
	return &fakeLinks{table: links.NewTable(c...), changed: make(chan struct{}, 1)}
}

func (f *fakeLinks) Numbered() (*links.Table, uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table, f.revision
}

func (f *fakeLinks) Changed() <-chan struct{} { return f.changed }

// Egress knows no routes unless there is one for all: the link decides.
func (f *fakeLinks) Egress(uint32, netip.Addr, netip.Addr) (links.Egress, bool) {
	return f.egress, f.egress != links.Egress{}
}

func (f *fakeLinks) SetZones(zones [][]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.zones = zones
	f.revision++
	all := f.table.Links()
	for i := range all {
		all[i].Zone = 0
		for z, names := range zones {
			for _, name := range names {
				if name == all[i].Name {
					all[i].Zone = uint8(z + 1)
				}
			}
		}
	}
	f.table = links.NewTable(all...)
	return nil
}

func (f *fakeLinks) set(all ...links.Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.table = links.NewTable(all...)
}

// daemon is a Service and its links.
type daemon struct {
	*Service
	links *fakeLinks
	path  string
}

// trail is the auditor's end of a pipe.
type trail struct{ end *os.File }

// newTrail returns a pipe and where its records come out.
func newTrail(t testing.TB) (*audit.Pipe, *trail) {
	t.Helper()
	producer, auditor, err := audit.NewPair(audit.DefaultBuffer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { producer.Close(); auditor.Close() })
	return audit.NewPipe(int(producer.Fd()), audit.PipeOptions{}), &trail{auditor}
}

// take takes one datagram from the pipe, and returns false when there is none.
func (r *trail) take(b []byte) (int, bool) {
	n, _, err := unix.Recvfrom(int(r.end.Fd()), b, unix.MSG_DONTWAIT)
	return n, err == nil
}

// String takes what is there, as text.
func (r *trail) String() string {
	var text []byte
	b := make([]byte, audit.MaxDatagram)
	for n, ok := r.take(b); ok; n, ok = r.take(b) {
		for line := range bytes.Lines(b[:n]) {
			record, err := audit.ParseJSON(bytes.TrimSpace(line))
			if err != nil {
				panic(err)
			}
			text = append(record.AppendText(text), '\n')
		}
	}
	return string(text)
}

// newDaemon returns a Service by settings, and its records.
func newDaemon(t testing.TB, path string) (d *daemon, records *trail) {
	t.Helper()
	pipe, records := newTrail(t)
	d = &daemon{links: newLinks(), path: path}
	d.Service = New(Config{Links: d.links, Records: pipe})
	d.live.store(newState(loaded(t, path, 1), d.links, d.counters, 1))
	return d, records
}

// move gives d other links.
func (d *daemon) move(f *fakeLinks) { d.links, d.Links = f, f }

// reload puts in force what the files say now.
func (d *daemon) reload(t testing.TB) {
	t.Helper()
	b, err := load.Options{}.Collect(d.path)
	if err != nil {
		t.Fatal(err)
	}
	now := d.live.load()
	if _, err := d.Prepare(b, now.snapshot.Generation()+1); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(now.stamp + 1); err != nil {
		t.Fatal(err)
	}
}

// packet builds an IPv4 packet with the given option area (hex), UDP.
func packet(t testing.TB, src, dst, options string) []byte {
	t.Helper()
	opt, err := hex.DecodeString(options)
	if err != nil {
		t.Fatal(err)
	}
	for len(opt)%4 != 0 {
		opt = append(opt, 0)
	}
	p := make([]byte, 20, 100)
	p[0], p[8], p[9] = 0x40|byte(5+len(opt)/4), 64, 17
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	copy(p[12:], s[:])
	copy(p[16:], d[:])
	p = append(append(p, opt...), make([]byte, 40)...)
	binary.BigEndian.PutUint16(p[20+len(opt)+4:], 40)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[10:], checksum(p[:20+len(opt)]))
	return p
}

func checksum(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// optionArea returns the option area of a packet in hex.
func optionArea(p []byte) string { return hex.EncodeToString(p[20 : int(p[0]&15)*4]) }
