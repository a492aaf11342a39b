package daemon

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/judge"
	"labelgate/internal/links"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
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

// fakeLinks are links that the test moves.
type fakeLinks struct {
	mu       sync.Mutex
	table    *links.Table
	revision uint32
	zones    [][]string
	err      error
	changed  chan struct{}
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

// Egress knows no routes: the link decides.
func (f *fakeLinks) Egress(uint32, netip.Addr, netip.Addr) (links.Egress, bool) {
	return links.Egress{}, false
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

// lines is a writer that may be read while it is written to.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// kept are records as they were written.
type kept struct{ lines }

func (k *kept) Write(r *audit.Record) bool {
	k.lines.Write(append(r.AppendText(nil), '\n'))
	return true
}

// newDaemon returns a daemon without a kernel that judges in this process, its log,
// its records and what was given to netfilter.
func newDaemon(t testing.TB, path string) (d *daemon, log *lines, records *kept, plans *[]nft.Plan) {
	t.Helper()
	log, records, plans = new(lines), new(kept), new([]nft.Plan)
	bundle, config, err := collect(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newLinks()
	d = &daemon{
		Options: Options{Config: path, Log: slog.New(slog.NewTextHandler(log, nil)), Stdout: log, Stderr: log},
		links:   f, table: f.table, records: records,
		install: func(p nft.Plan) (nft.Report, error) {
			*plans = append(*plans, p)
			return nft.Report{Ethertypes: true}, nil
		},
		guard: guard{
			check: func(nft.Plan) error { return nil }, counters: func() (nft.Counters, error) { return nft.Counters{}, nil },
			narrow:   func(nft.Plan) error { return nil },
			ruleset:  ruleset{narrowest: 1500, translates: func() (string, bool, error) { return "", false, nil }},
			bypasses: bypasses{find: func(nft.Plan) ([]nft.Bypass, error) { return nil, nil }},
		},
		domains: domains{registrar: new(fakeRegistrar)},
		tally:   tally{before: judge.NewCounters()},
	}
	producer, auditor, err := audit.NewPair(audit.DefaultBuffer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { producer.Close(); auditor.Close() })
	d.bench = &local{Service: judge.New(judge.Config{Links: f, Records: audit.NewPipe(int(producer.Fd()), audit.PipeOptions{})})}
	summary, err := d.bench.Prepare(bundle, 1)
	if err == nil {
		err = d.bench.Commit(1)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.inForce = inForce{config: config, bundle: bundle, summary: summary, stamp: 1}
	return d, log, records, plans
}

// handle judges one packet as the queue would have it judged.
func handle(d *daemon, p queue.Packet) queue.Verdict {
	verdicts := make([]queue.Verdict, 1)
	d.bench.(*local).Handler().Handle([]queue.Packet{p}, verdicts)
	return verdicts[0]
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
