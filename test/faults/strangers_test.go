package faults

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"labelgate/internal/control"
	"labelgate/internal/load"
	"labelgate/internal/memory"
	"labelgate/netlabel"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// strangers are labels that no policy knows, each written as its own text, and as
// many senders. Nothing of them may be kept (bar: 8 MiB, and not one label).
const (
	strangersNetwork = "10.64.0.0/10"
	strangersGrowth  = 8 << 20
)

func strangersFiles() map[string]string {
	f := files()
	f[gate.Settings] = strings.Replace(f[gate.Settings], `"10.1.0.0/16"`, `"10.1.0.0/16", "`+strangersNetwork+`"`, 1)
	return f
}

// stranger is the n-th label: eight characters, of which the last ends in a bit, so
// that all are written with as many bytes.
func stranger(n uint64) [8]byte {
	name := [8]byte{'s', 7: 'y'}
	for i := range 6 {
		name[1+i] = 'a' + byte(n>>(4*i)&15)
	}
	return name
}

// estrange gives a packet the n-th label and the n-th source of a million. Its IP
// header is at its start.
func estrange(packet []byte, n uint64) {
	// Smack's direct encoding is the text, a bit later: see gate.Direct.
	carry := byte(0)
	for i, c := range stranger(n) {
		packet[20+10+i] = c>>1 | carry
		carry = c << 7
	}
	packet[20+10+8] = carry
	binary.BigEndian.PutUint32(packet[12:], 10<<24|64<<16|uint32(n%1_000_000))
	gate.SetChecksum(packet)
}

func strangerOption(n uint64) []byte {
	name := stranger(n)
	return gate.Bitmap(redDOI, gate.DirectLevel, gate.Direct(string(name[:]))...)
}

func strangerKind() *gate.Kind {
	k := gate.Datagram("strangers", "mallory", netip.MustParseAddr("10.64.0.0"), address("pop", 0), strangerOption(0))
	k.Shape = func(frame []byte, number uint64) { estrange(frame[14:], number) }
	return k
}

// TestStrangers sends them through a gateway.
func TestStrangers(t *testing.T) {
	p := newSite(t, hosts)
	with := strangersFiles()
	with[gate.Settings] += p.control
	p.Write(t, with)
	p.Manager.Run(t)
	known := slices.Concat(permitted(), forbidden())
	for _, k := range known {
		k.Share = 1
	}
	p.watch(t, long.Seed(t, 5), append(known, strangerKind().Shared(20*len(known)))...)
	// Everything that is made once is made by now.
	p.load.Send(60_000, 20_000)
	p.settle(t)
	before, labels := p.resident(t), p.labels(t)
	rounds := 0
	for range long.Rounds(1, 100, 0.1) {
		p.load.Send(300_000, 25_000)
		p.settle(t)
		rounds++
	}
	time.Sleep(200 * time.Millisecond)
	growth := 0
	for role, now := range p.resident(t) {
		t.Logf("%s: %d KiB, %d KiB more", role, now>>10, (now-before[role])>>10)
		growth += max(0, now-before[role])
	}
	v := p.judge(t)
	if p.load.Sent(p.load.Kinds()[len(known)]) < uint64(rounds)*270_000 {
		t.Error("they were too few")
	}
	long.Report(t,
		figures.Figure{ID: "faults/strangers/live/labels", Value: float64(p.load.Sent(p.load.Kinds()[len(known)])), Unit: "labels"},
		figures.Figure{ID: "faults/strangers/live/growth", Value: float64(growth >> 10), Unit: "KiB", Against: "of all its processes"}.AtMost(strangersGrowth>>10),
		figures.Figure{ID: "faults/strangers/live/labels-kept", Value: float64(p.labels(t) - labels), Unit: "labels"}.AtMost(0),
		figures.Figure{ID: "faults/strangers/live/forbidden", Value: float64(v.forbidden + v.Wrong.Count), Unit: "packets"}.AtMost(0),
	)
}

// labels returns how many labels the gateway knows.
func (p *perimeter) labels(t *testing.T) int {
	t.Helper()
	c, err := control.Dial(t.Context(), p.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := control.All[control.Label](t.Context(), c, control.VerbLabels)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d labels, %v", len(all), err)
	}
	return len(all)
}

// resident returns the memory of each process of the gateway by its role.
func (p *perimeter) resident(t *testing.T) map[string]int {
	t.Helper()
	all := make(map[string]int)
	for _, process := range p.Service().Family() {
		n, err := gate.Resident(process.PID)
		if err != nil {
			t.Fatal(err)
		}
		all[process.Role] += n
	}
	return all
}

// TestStrangersInMemory shows the judge of the gateway more of them than a network
// could.
func TestStrangersInMemory(t *testing.T) {
	dir := t.TempDir()
	site := &gate.Site{Directory: dir}
	site.Write(t, strangersFiles())
	gateway, err := load.Load(dir+"/"+gate.Settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := gateway.Snapshot
	red, _ := s.ZoneNamed("red")
	m := memory.New(s.Zones())
	frame := strangerKind().Frames[0]
	packet, out := frame[14:], make([]byte, len(frame)+netlabel.MaxGrowth)
	labels := s.Policy().Labels()
	show := func(from, to uint64) {
		for n := from; n < to; n++ {
			estrange(packet, n)
			at := memory.Moment{Snapshot: s, Generation: 1, Seconds: uint32(n / 100_000)}
			p := memory.Packet{Direction: netlabel.Forward, In: red, Bytes: packet, Out: out}
			v := m.Process(at, p, netlabel.Known{})
			m.Remember(at, p, &v)
			if v.Action != netlabel.Drop || v.Reason != netlabel.ReasonUnknownLabel {
				t.Fatalf("stranger %d: %v, %v", n, v.Action, v.Reason)
			}
		}
	}
	heap := func() int {
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return int(now.HeapAlloc)
	}
	show(0, 1000)
	if !bytes.HasPrefix(packet[20:], strangerOption(999)) {
		t.Fatalf("% x, want % x", packet[20:], strangerOption(999))
	}
	before := heap()
	n := uint64(long.Count(5_000_000, 50_000_000))
	begun := time.Now()
	show(1000, 1000+n)
	took := time.Since(begun)
	long.Report(t,
		figures.Figure{ID: "faults/strangers/in-memory/labels", Value: float64(n), Unit: "labels"}.AtLeast(5_000_000),
		figures.Figure{ID: "faults/strangers/in-memory/rate", Value: float64(int(float64(n) / took.Seconds())), Unit: "packets/s"},
		figures.Figure{ID: "faults/strangers/in-memory/growth", Value: float64((heap() - before) >> 10), Unit: "KiB"}.AtMost(strangersGrowth>>10),
		figures.Figure{ID: "faults/strangers/in-memory/labels-kept", Value: float64(s.Policy().Labels() - labels), Unit: "labels"}.AtMost(0),
	)
	runtime.KeepAlive(m)
}
