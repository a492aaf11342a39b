package faults

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// perimeter is a site with a gateway, a load and sniffers.
type perimeter struct {
	*gate.Site
	*gate.Manager
	load     *gate.Load
	sniffers []*gate.Sniffer
	records  *gate.Records

	socket, control string // path of a control socket, and the settings that ask for it
}

// newPerimeter builds the perimeter of most tests with these files, and starts the
// gateway.
func newPerimeter(t *testing.T, with map[string]string, seed uint64, kinds ...*gate.Kind) *perimeter {
	t.Helper()
	p := newSite(t, hosts)
	with[gate.Settings] += p.control
	p.Write(t, with)
	p.Route6(t, "tess", netip.MustParsePrefix("fd00:1::/64"))
	p.Manager.Run(t)
	p.watch(t, seed, kinds...)
	return p
}

// newSite builds hosts around a gateway that is not started.
func newSite(t *testing.T, hosts map[string]string) *perimeter {
	t.Helper()
	needSite(t)
	p := &perimeter{Site: gate.NewSite(t, sitePrefix, scratch, hosts)}
	// No one else may write to a directory on the way to a control socket.
	run, err := os.MkdirTemp("/run", sitePrefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	p.socket = run + "/control"
	p.control = fmt.Sprintf("\n[control]\nsocket = %q\n", p.socket)
	p.records = gate.NewRecords(p.Directory + "/audit.json")
	p.Manager = gate.NewManager(t, p.Site, program)
	return p
}

// watch puts the load and the sniffers in place.
func (p *perimeter) watch(t *testing.T, seed uint64, kinds ...*gate.Kind) {
	t.Helper()
	p.load = gate.NewLoad(t, p.Site, seed, kinds...)
	for _, h := range p.Nodes()[1:] {
		var domains []uint32
		if slices.Contains(unlabeled, h) {
			domains = []uint32{redDOI, blueDOI}
		}
		p.sniffers = append(p.sniffers, gate.NewSniffer(t, p.Site, p.load, h, domains...))
	}
}

// sniffer returns the one at a host.
func (p *perimeter) sniffer(host string) *gate.Sniffer {
	i := slices.IndexFunc(p.sniffers, func(n *gate.Sniffer) bool { return n.Host() == host })
	return p.sniffers[i]
}

// settle waits until nothing is on its way any more.
func (p *perimeter) settle(t *testing.T) {
	t.Helper()
	empty := 0 // a packet may be on its way from one hook to the next
	if !gate.Eventually(func() bool {
		if p.Kernel(t).Depth > 0 {
			empty = 0
		} else {
			empty++
		}
		return empty == 5
	}) {
		t.Error("the gateway answers no more")
	}
	for _, n := range p.sniffers {
		n.Sync()
	}
}

// verdict is what all sniffers have seen.
type verdict struct {
	gate.Tally
	forbidden uint64   // packets of kinds of which nothing may come out
	said      []string // the first few of what should not be
}

// look adds up what the sniffers have seen.
func (p *perimeter) look() (v verdict) {
	v.Delivered = make([]uint64, len(p.load.Kinds()))
	for _, n := range p.sniffers {
		tally := n.Tally()
		v.Lost += tally.Lost
		for kind, d := range tally.Delivered {
			v.Delivered[kind] += d
			if p.load.Kinds()[kind].Forbidden() {
				v.forbidden += d
			}
		}
		for _, f := range []struct {
			what     string
			from, to *gate.Findings
		}{
			{"wrong", &tally.Wrong, &v.Wrong}, {"label where none may be", &tally.Leaked, &v.Leaked},
			{"here twice", &tally.Twice, &v.Twice}, {"not sent by anybody", &tally.Strange, &v.Strange},
		} {
			f.to.Count += f.from.Count
			if len(f.from.Shown) > 0 {
				v.said = append(v.said, fmt.Sprintf("%s, %d times:\n  %s", f.what, f.from.Count, strings.Join(f.from.Shown, "\n  ")))
			}
		}
		v.Latency.Merge(&tally.Latency)
	}
	return v
}

// judge returns what the sniffers have seen, and shows what should not be. A
// sniffer that has missed something is no judge.
func (p *perimeter) judge(t *testing.T) verdict {
	t.Helper()
	v := p.look()
	for _, s := range v.said {
		t.Log(s)
	}
	if v.Lost > 0 {
		t.Errorf("the sniffers missed %d packets", v.Lost)
	}
	return v
}

// forgetRecords removes the records of a gateway that does not run: of a day there
// would be more than a disk holds.
func (p *perimeter) forgetRecords(t *testing.T) {
	t.Helper()
	old, err := filepath.Glob(p.Directory + "/audit.json*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

// table shows what became of each kind.
func (p *perimeter) table(t *testing.T, v verdict) {
	t.Helper()
	var b strings.Builder
	for i, k := range p.load.Kinds() {
		fmt.Fprintf(&b, "%-26s sent %8d  delivered %8d  recorded %8d\n", k.Name, p.load.Sent(k), v.Delivered[i], p.records.Denied[k.Source])
	}
	t.Logf("\n%srecords by event %v, packets in them %v, suppressed %d, reasons %v", b.String(), p.records.Events, p.records.Counted, p.records.Suppressed, p.records.Reasons)
}

// allKinds builds a perimeter with all kinds of packets but those that the kernel
// refuses by itself. more are settings of the records.
func allKinds(t *testing.T, seed uint64, more ...string) *perimeter {
	counted, with := unseen(), files()
	with[gate.Settings] += strings.Join(more, "")
	return newPerimeter(t, with, seed, slices.Concat(permitted(), forbidden(), counted["filtered/ipv6"], counted["filtered/ethertype"])...)
}

// passes checks that the gateway is of use after all: that what is permitted comes
// out.
func (p *perimeter) passes(t *testing.T) {
	t.Helper()
	before := p.look()
	if !gate.Eventually(func() bool {
		p.load.Send(500, faultRate)
		p.sniffers[0].Sync()
		after := p.look()
		for i, k := range p.load.Kinds() {
			if !k.Forbidden() && after.Delivered[i] == before.Delivered[i] {
				return false
			}
		}
		return true
	}) {
		t.Error("not everything that is permitted passes afterwards")
	}
}

// closed reports that nothing came out that was not to.
func (p *perimeter) closed(t *testing.T, name string, v verdict) {
	t.Helper()
	var delivered uint64
	for _, n := range v.Delivered {
		delivered += n
	}
	long.Report(t,
		figures.Figure{ID: "faults/" + name + "/sent", Value: float64(p.load.Total()), Unit: "packets"},
		figures.Figure{ID: "faults/" + name + "/delivered", Value: float64(delivered), Unit: "packets"}.AtLeast(1000),
		figures.Figure{ID: "faults/" + name + "/forbidden", Value: float64(v.forbidden + v.Wrong.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/" + name + "/labels-on-unlabeled-cables", Value: float64(v.Leaked.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/" + name + "/twice", Value: float64(v.Twice.Count), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/" + name + "/strange", Value: float64(v.Strange.Count), Unit: "packets", Against: "IP packets that nobody sent"}.AtMost(0),
	)
}
