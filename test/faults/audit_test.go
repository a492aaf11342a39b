package faults

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestAuditorKilled ends the process that writes records while records come. None
// is lost for that, and none stands there twice.
func TestAuditorKilled(t *testing.T) {
	seed := long.Seed(t, 12)
	p := allKinds(t, seed, "rotate-size = 1\n")
	random := rand.New(rand.NewPCG(seed, 12))
	if _, ok := p.member("auditor"); !ok {
		t.Fatal("there is no auditor")
	}
	sequence := p.followSequence()
	before := p.books(t)
	p.load.Start(faultRate)
	kills := 0
	for i := range long.Rounds(100, 5_000, 0.05) {
		pid, ok := p.member("auditor")
		if !ok {
			t.Fatalf("the auditor is not replaced\n%s", p.Tail(12))
		}
		if i%10 != 0 { // the others may still be starting
			p.awaitRecords(t)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		kills++
		if !gate.Eventually(func() bool { now := p.Service().Role("auditor"); return now != 0 && now != pid }) {
			t.Fatalf("the auditor is not replaced\n%s", p.Tail(12))
		}
	}
	p.load.Stop()
	b := p.balance(t, before)
	v := p.judge(t)
	p.table(t, v)
	p.closed(t, "auditor-killed", v)
	p.Service().Stop(t)
	files, err := filepath.Glob(p.Directory + "/audit.json*")
	if err != nil {
		t.Fatal(err)
	}
	report, err := trail.Verify(files, trail.Options{Settled: true})
	if err != nil {
		t.Errorf("the trail is not intact: %v", err)
	}
	missing := b.unaccounted()
	long.Report(t,
		figures.Figure{ID: "faults/auditor-killed/kills", Value: float64(kills), Unit: "kills"}.AtLeast(100),
		figures.Figure{ID: "faults/auditor-killed/records", Value: float64(p.records.Total), Unit: "records"},
		figures.Figure{ID: "faults/auditor-killed/files", Value: float64(report.Files), Unit: "files"}.AtLeast(2),
		figures.Figure{ID: "faults/auditor-killed/lines-intact", Value: float64(report.Lines), Unit: "records"}.AtLeast(float64(p.records.Total)),
		figures.Figure{ID: "faults/auditor-killed/sequence-broken", Value: float64(sequence.broken), Unit: "records"}.AtMost(0),
		figures.Figure{ID: "faults/auditor-killed/unaccounted", Value: float64(max(missing, -missing)), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/auditor-killed/halted", Value: float64(p.records.Counted["audit_recovered/halt"]), Unit: "packets", Against: "dropped because there was no room for their records"},
	)
}

// awaitRecords waits until there are more of them.
func (p *perimeter) awaitRecords(t *testing.T) {
	t.Helper()
	before := p.records.Total
	if !gate.Eventually(func() bool { p.records.Read(t); return p.records.Total > before }) {
		t.Fatalf("no records are written\n%s", p.Tail(12))
	}
}

// sequence looks whether the numbers of records follow one another.
type sequence struct {
	last   uint64
	broken int
}

func (p *perimeter) followSequence() *sequence {
	s := &sequence{}
	p.records.Each = func(r *audit.Record) {
		if s.last != 0 && r.Seq != s.last+1 {
			s.broken++
		}
		s.last = r.Seq
	}
	return s
}

// TestDiskFull fills the disk that the records are on. Nothing passes that could not
// be recorded, or, where the settings say so, what is not recorded is owned up to.
// When there is room again everything goes on, and the books are even.
func TestDiskFull(t *testing.T) {
	t.Run("halt", func(t *testing.T) { diskFull(t, "halt") })
	t.Run("degrade", func(t *testing.T) { diskFull(t, "degrade") })
}

func diskFull(t *testing.T, full string) {
	p := newSite(t, hosts)
	p.trailOnDisk(t, "64k", "full = \""+full+"\"\nbuffer = 1\n")
	p.Manager.Run(t)
	p.watch(t, long.Seed(t, 13), append(permitted(), forbidden()...)...)
	before := p.books(t)
	p.load.Start(faultRate)
	filled := p.filled(t)
	// The socket before the auditor takes some more.
	tess := p.sniffer("tess").Times()
	const silence = time.Second
	stopped := gate.Eventually(func() bool {
		now := time.Now()
		return full == "degrade" && now.Sub(filled) > 3*time.Second || now.Sub(filled) > silence && tess.Between(now.Add(-silence), now) == 0
	})
	if !stopped {
		t.Error("packets pass that cannot be recorded")
	}
	var passed uint64
	closed := time.Now()
	time.Sleep(2 * time.Second)
	for _, n := range p.sniffers {
		n.Sync()
		passed += n.Times().Between(closed, closed.Add(2*time.Second))
	}
	p.Disk.Resize(t, "512m")
	room := time.Now()
	if !gate.Eventually(func() bool { _, ok := tess.First(room); return ok }) {
		t.Errorf("nothing passes, though there is room again\n%s", p.Tail(12))
	}
	first, _ := tess.First(room)
	time.Sleep(500 * time.Millisecond)
	p.load.Stop()
	b := p.balance(t, before)
	v := p.judge(t)
	p.table(t, v)
	p.closed(t, "disk-full/"+full, v)
	missing := b.unaccounted()
	meanwhile := figures.Figure{ID: "faults/disk-full/" + full + "/passed-while-full", Value: float64(passed), Unit: "packets"}
	if full == "halt" {
		meanwhile = meanwhile.AtMost(0)
		full, last := p.faded(closed)
		long.Report(t,
			figures.Figure{ID: "faults/disk-full/halt/buffered", Value: float64(full.Sub(filled).Milliseconds()), Unit: "ms", Against: "from the full disk to the full buffer"},
			figures.Figure{ID: "faults/disk-full/halt/stopped", Value: float64(max(0, last.Sub(full)).Milliseconds()), Unit: "ms", Against: "from the full buffer to the last packet"}.AtMost(1000),
		)
	} else {
		meanwhile = meanwhile.AtLeast(1)
		long.Report(t, figures.Figure{ID: "faults/disk-full/degrade/unrecorded", Value: float64(p.records.Unrecorded), Unit: "records", Against: "that a later one owns up to"}.AtLeast(1))
	}
	long.Report(t, meanwhile,
		figures.Figure{ID: "faults/disk-full/" + full + "/resumed", Value: float64(first.Sub(room).Milliseconds()), Unit: "ms", Against: "after there was room"},
		figures.Figure{ID: "faults/disk-full/" + full + "/unaccounted", Value: float64(max(missing, -missing)), Unit: "packets"}.AtMost(0),
	)
}

// faded returns when the first packet was sent that did not come out though it might
// have, and the last one before a moment that did.
func (p *perimeter) faded(before time.Time) (lost, passed time.Time) {
	busy := p.load.Busy()
	first, last := uint64(0), uint64(0)
	for n := range busy.Between(time.UnixMilli(0), before) {
		switch k := p.load.Kind(n); {
		case k == nil, k.Forbidden(), k.Apart:
		case p.sniffer(k.To).Saw(n):
			last = n
		case first == 0:
			first = n
		}
	}
	return busy.When(first), busy.When(last)
}

// trailOnDisk writes the perimeter's files, with the records on a disk of some size
// and other settings of them.
func (p *perimeter) trailOnDisk(t *testing.T, size, more string) {
	t.Helper()
	p.Disk = gate.NewDisk(t, p.Directory+"/trail", size)
	p.records = gate.NewRecords(p.Disk.Path("audit.json"))
	with := files()
	with[gate.Settings] = strings.Replace(settings, `output = "audit.json"`, `output = "trail/audit.json"`, 1) + more
	p.Write(t, with)
}

// filled waits until the disk takes no more records and returns when that was.
func (p *perimeter) filled(t *testing.T) (at time.Time) {
	t.Helper()
	size := int64(0)
	if !gate.Eventually(func() bool {
		info, err := os.Stat(p.Disk.Path("audit.json"))
		if err != nil {
			return false
		}
		if info.Size() > size {
			size, at = info.Size(), time.Now()
		}
		return size > 0 && time.Since(at) > 200*time.Millisecond
	}) {
		t.Fatal("the disk does not fill up")
	}
	t.Logf("the disk took %d bytes of records", size)
	return at
}
