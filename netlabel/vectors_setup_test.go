package netlabel_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// write is one write to a file of smackfs.
type write struct{ file, text string }

// setup reads what was written before and during a group.
func setup(t *testing.T, group string) []write {
	t.Helper()
	name := "receive/state/rx_" + group + ".setup"
	var writes []write
	for i, line := range recordedLines(t, name) {
		file, rest, _ := strings.Cut(line, "\t")
		text, result, ok := strings.Cut(rest, "\t")
		if !ok || !strings.HasPrefix(result, "OK:") {
			t.Fatalf("%s:%d: %q", name, i+1, line)
		}
		writes = append(writes, write{file, strings.ReplaceAll(text, `\n`, "\n")})
	}
	return writes
}

// readBack is a line of smackfs/cipso2 as the kernel shows it.
type readBack struct {
	label string
	wire  cipso.Label
}

// readBacks reads cipso2 as it was at the end of a group, the newest label first.
func readBacks(t *testing.T, name string) []readBack {
	t.Helper()
	var all []readBack
	for _, line := range recordedLines(t, name) {
		label, rest, _ := strings.Cut(line, " ")
		level, list, _ := strings.Cut(strings.TrimSpace(rest), "/")
		all = append(all, readBack{label, wireLabel(t, level, list)})
	}
	return all
}

// wireLabel reads a level and a list of categories.
func wireLabel(t *testing.T, level, list string) cipso.Label {
	t.Helper()
	n, err := strconv.ParseUint(level, 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cipso.ParseCategories(list)
	if err != nil {
		t.Fatal(err)
	}
	return cipso.Label{Level: uint8(n), Categories: c}
}

// policy is what the writes so far amount to.
type policy struct {
	rules    *engine.Builder
	mappings []netlabel.Mapping
	hosts    []hostmap.Entry
	ambient  string
	doi      cipso.DOI
}

func newPolicy() *policy {
	return &policy{rules: engine.NewBuilder(), doi: 3}
}

// intern makes a label known. As in the kernel, the order of that decides which
// of two labels with one mapping is meant: the newest.
func (p *policy) intern(t *testing.T, name string) engine.Label {
	t.Helper()
	l, err := p.rules.Intern(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// apply does what the kernel does at a write.
func (p *policy) apply(t *testing.T, w write) {
	t.Helper()
	switch w.file {
	case "load2":
		f := strings.Fields(w.text)
		if len(f) != 3 {
			t.Fatalf("load2 %q", w.text)
		}
		s, o := p.intern(t, f[0]), p.intern(t, f[1])
		p.rules.Set(s, o, engine.ParseAccessKernel(f[2]), p.rules.File("load2"), 0)
	case "cipso2":
		label, columns, _ := strings.Cut(w.text, " ")
		p.intern(t, label)
		// Fields of four columns: level, count, categories.
		number := func(i int) uint16 {
			n, err := strconv.ParseUint(strings.TrimSpace(columns[4*i:min(4*i+4, len(columns))]), 10, 16)
			if err != nil {
				t.Fatalf("cipso2 %q: %v", w.text, err)
			}
			return uint16(n)
		}
		m := netlabel.Mapping{Label: label, Level: uint8(number(0))}
		for i := range int(number(1)) {
			if c := number(2 + i); !m.Categories.Add(c, c) {
				t.Fatalf("cipso2 %q: category %d", w.text, c)
			}
		}
		p.mappings = append(p.mappings, m)
	case "netlabel":
		address, label, _ := strings.Cut(w.text, " ")
		p.host(t, address, label)
	case "ambient":
		p.intern(t, w.text)
		p.ambient = w.text
	case "doi":
		n, err := strconv.ParseUint(w.text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		p.doi = cipso.DOI(n)
	default:
		t.Fatalf("a write to %s", w.file)
	}
}

func (p *policy) host(t *testing.T, address, label string) {
	t.Helper()
	if !strings.Contains(address, "/") {
		address += "/32"
	}
	e := hostmap.Entry{Prefix: netip.MustParsePrefix(address), Kind: hostmap.CIPSO}
	if label != "-CIPSO" {
		p.intern(t, label)
		e.Kind, e.Label = hostmap.SingleLabel, label
	}
	p.hosts = append(p.hosts, e)
}

// Zones of the recordings: one interface led to the network of the far end, and
// what was forwarded left for another network.
const near netlabel.Zone = 1

// compile makes the snapshot of a host with one label. A label of more than 23
// characters has the number that the kernel gave it, so it must be in known.
func (p *policy) compile(t *testing.T, self string, known []readBack) *netlabel.Snapshot {
	t.Helper()
	mappings := slices.Clone(p.mappings)
	for _, r := range known {
		if len(r.label) > cipso.MaxDirectLen && !slices.ContainsFunc(mappings, func(m netlabel.Mapping) bool { return m.Label == r.label }) {
			mappings = append(mappings, netlabel.Mapping{Label: r.label, Level: r.wire.Level, Categories: r.wire.Categories})
		}
	}
	p.mappings = mappings
	return p.compileAt(t, self, cipso.DirectLevel, cipso.MappedLevel)
}

// compileAt makes the snapshot of a host with one label and other levels of
// direct and mapped labels than the usual.
func (p *policy) compileAt(t *testing.T, self string, direct, mapped uint8) *netlabel.Snapshot {
	t.Helper()
	s, err := netlabel.Compile(netlabel.Spec{
		Mode: netlabel.Compat, Rules: p.rules, Mappings: p.mappings, Hosts: p.hosts, Ambient: p.ambient, Self: self,
		Direct: direct, Mapped: mapped,
		DOIs: []netlabel.DOISpec{{Number: p.doi, Tags: []cipso.TagType{cipso.TagRestricted}}},
		Zones: []netlabel.ZoneSpec{
			{Name: "near", Trust: netlabel.Accept, DOI: p.doi},
			{Name: "far", Trust: netlabel.Accept, DOI: p.doi, Networks: []netip.Prefix{netip.MustParsePrefix("10.10.0.0/16")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
