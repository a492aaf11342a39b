package judge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/control"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
	"labelgate/internal/memory"
	"labelgate/internal/queue"
)

// worker is the goroutine that a handler belongs to.
type worker struct {
	*Handler
	do chan func()
}

// newWorker starts a worker that is idle as often as it can.
func newWorker(t testing.TB, d *daemon) *worker {
	w := &worker{d.Handler(), make(chan func())}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case f := <-w.do:
				f()
			case <-time.After(time.Millisecond):
				w.Idle()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return w
}

// judge has packets judged, all of which must pass or be dropped.
func (w *worker) judge(t testing.TB, pass bool, packets ...queue.Packet) {
	t.Helper()
	verdicts := make([]queue.Verdict, len(packets))
	done := make(chan struct{})
	w.do <- func() {
		w.Handle(packets, verdicts)
		close(done)
	}
	<-done
	for i := range verdicts {
		if verdicts[i].Accept != pass {
			t.Fatalf("packet %d: accepted %v", i, verdicts[i].Accept)
		}
	}
}

func from(in uint32, p []byte) queue.Packet {
	return queue.Packet{Hook: queue.Prerouting, Protocol: ethertypeIPv4, In: in, Payload: p}
}

func forward(in, out uint32, p []byte) queue.Packet {
	return queue.Packet{Hook: queue.Forward, Protocol: ethertypeIPv4, In: in, Out: out, Payload: p}
}

// ports gives a UDP packet its ports.
func ports(p []byte, src, dst uint16) []byte {
	header := int(p[0]&15) * 4
	binary.BigEndian.PutUint16(p[header:], src)
	binary.BigEndian.PutUint16(p[header+2:], dst)
	return p
}

// piece makes a packet one of a datagram.
func piece(p []byte, id, field uint16) []byte {
	return with(p, func(p []byte) {
		binary.BigEndian.PutUint16(p[4:], id)
		binary.BigEndian.PutUint16(p[6:], field)
	})
}

const moreFragments = 0x2000

func TestShowFlows(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	w := newWorker(t, d)
	if got := show[control.Flow](t, d.Service, control.VerbFlows, 0); len(got) != 0 {
		t.Errorf("before the first packet: %+v", got)
	}
	w.judge(t, true, from(redIf, ports(packet(t, red1, grayPop, foo3), 4000, 53)), forward(grayIf, redIf, ports(packet(t, grayPop, red1, ""), 53, 4000)),
		queue.Packet{Hook: queue.Output, Protocol: ethertypeIPv4, Out: redIf, Payload: packet(t, gate, red2, "")})
	w.judge(t, false, from(redIf, packet(t, red1, grayNone, foo3)))
	got := show[control.Flow](t, d.Service, control.VerbFlows, 1)
	slices.SortFunc(got, func(a, b control.Flow) int { return strings.Compare(a.Source, b.Source) })
	want := []control.Flow{
		{Source: red1, Destination: grayPop, Protocol: 17, SourcePort: 4000, DestPort: 53, In: "red", Out: "gray", Label: "Foo", Labeled: true, Grew: -16},
		{Source: gate, Destination: red2, Protocol: 17, In: "this machine", Out: "red", Label: "Gate", Grew: 16},
		{Source: grayPop, Destination: red1, Protocol: 17, SourcePort: 53, DestPort: 4000, In: "gray", Out: "red", Label: "Pop", Grew: 16},
	}
	for i := range got {
		if got[i].Age > 60 {
			t.Errorf("%+v is old", got[i])
		}
		got[i].Age = 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestShowFragments(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, _ := newDaemon(t, path)
	w := newWorker(t, d)
	w.judge(t, true, from(redIf, piece(packet(t, red1, grayPop, foo3), 7, moreFragments)), from(redIf, piece(packet(t, red1, grayPop, foo3), 7, 100)),
		from(grayIf, piece(packet(t, grayPop, red1, ""), 8, moreFragments)))
	w.judge(t, false, from(redIf, piece(packet(t, red1, grayNone, foo3), 9, moreFragments)))
	want := []control.Fragment{
		{Source: red1, Destination: grayPop, Protocol: 17, ID: 7, In: "red", Label: "Foo", Labeled: true, Seen: 80, Length: 840},
		{Source: grayPop, Destination: red1, Protocol: 17, ID: 8, In: "gray", Seen: 40},
		{Source: red1, Destination: grayNone, Protocol: 17, ID: 9, In: "red", Condemned: true},
	}
	look := func(name string) {
		got := show[control.Fragment](t, d.Service, control.VerbFragments, 1)
		slices.SortFunc(got, func(a, b control.Fragment) int { return int(a.ID) - int(b.ID) })
		for i := range got {
			if got[i].Age > 50 {
				t.Errorf("%s: %+v is old", name, got[i])
			}
			got[i].Age = 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
	look("at once")
	d.reload(t)
	look("after a reload")
	if err := os.WriteFile(path, []byte(strings.Replace(settings, `label = "Gate"`, `label = "Aaa"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimSuffix(path, "labelgate.toml")+"policy/accesses.d/site", []byte("Pop Foo w\nFoo Pop w\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.reload(t)
	want[0].Label = "" // its number is that of another
	look("with the labels numbered anew")
}

// TestShowTwinOfFlows: whatever the size of the pages, and however little is looked at
// between two batches, all flows are listed once.
func TestShowTwinOfFlows(t *testing.T) {
	const n = 3000
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	w := newWorker(t, d)
	var batch []queue.Packet
	for i := range n {
		batch = append(batch, from(redIf, ports(packet(t, red1, grayPop, foo3), 40000+uint16(i), 53)))
	}
	for part := range slices.Chunk(batch, 64) {
		w.judge(t, true, part...)
	}
	stop := make(chan struct{})
	var packets sync.WaitGroup
	packets.Go(func() { // always a batch and never idle
		for {
			select {
			case <-stop:
				return
			case w.do <- func() { w.Handle(batch[:1], make([]queue.Verdict, 1)) }:
			}
		}
	})
	for i, size := range []struct{ room, limit int }{{room, 1000}, {100, 1000}, {1000, 100}, {room, 0}, {room, 7}, {50, 1000}, {1000, 1000}, {n, 999}} {
		if i == 3 {
			close(stop) // from here on it is idle
			packets.Wait()
		}
		d.flows.room = size.room
		seen := make(map[uint16]int)
		for _, f := range show[control.Flow](t, d.Service, control.VerbFlows, size.limit) {
			seen[f.SourcePort]++
		}
		lost := 0
		for i := range n {
			switch seen[40000+uint16(i)] {
			case 0:
				lost++ // it had to give way: a set has eight
			case 1:
			default:
				t.Fatalf("%+v: flow %d is listed %d times", size, i, seen[uint16(i)])
			}
		}
		if lost > n/100 {
			t.Errorf("%+v: %d of %d flows are not listed", size, lost, n)
		}
	}
}

// TestNobodyComesBy: who asks is told after a while, and what he asked for is not
// done any more.
func TestNobodyComesBy(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	d.visits.patience = 10 * time.Millisecond
	for _, verb := range []string{control.VerbFlows, control.VerbFragments} {
		if _, err := d.Table(control.Request{Verb: verb}); codeOf(err) != control.CodeUnavailable {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if d.visits.p.Load() != nil {
		t.Error("a visit waits that nobody waits for")
	}
	// The handler may have taken it, and not come back in time.
	h := d.Handler()
	h.Handle([]queue.Packet{from(redIf, packet(t, red1, grayPop, foo3))}, make([]queue.Verdict, 1))
	late := func(_ moment, _ *memory.Memory, _ int) bool {
		if d.visits.make(func(moment, *memory.Memory, int) bool { return true }) {
			t.Error("the handler was in two places")
		}
		d.visits.p.Store(&visit{done: make(chan struct{})}) // the next one that waits
		return false
	}
	old := &visit{look: late, done: make(chan struct{})}
	d.visits.p.Store(old)
	h.receive(allPlaces)
	if d.visits.p.Load() == old {
		t.Error("a visit that was given up took the place of the next")
	}
}

// TestVisitsCostLittle: between two batches only so much is looked at as packets can
// wait for.
func TestVisitsCostLittle(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	h := d.Handler()
	now := uint64(time.Hour)
	h.judge.clock = func() (time.Time, uint64) { return time.Time{}, now }
	batch := []queue.Packet{from(redIf, packet(t, red1, grayPop, foo3))}
	handle := func() { h.Handle(batch, make([]queue.Verdict, 1)) }
	handle()
	var looked []int
	d.visits.p.Store(&visit{done: make(chan struct{}), look: func(_ moment, m *memory.Memory, places int) bool {
		looked = append(looked, min(places, m.FlowPlaces()))
		return false
	}})
	for _, gap := range []time.Duration{0, 10 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Hour} {
		now += uint64(gap)
		handle()
	}
	h.Idle()
	h.HandleTest(batch, make([]queue.Verdict, 1))
	all := h.judge.memory.FlowPlaces()
	if want := []int{256, 256, 256, 2560, all, all, all}; !slices.Equal(looked, want) {
		t.Errorf("looked at %v places, want %v", looked, want)
	}
}

// TestVisitsAllocateNothing: not in the goroutine that judges.
func TestVisitsAllocateNothing(t *testing.T) {
	d, _ := newDaemon(t, write(t, settings, rules, hosts))
	h := d.Handler()
	packets := []queue.Packet{
		from(redIf, packet(t, red1, grayPop, foo3)), forward(grayIf, redIf, packet(t, grayPop, red1, "")),
		from(redIf, piece(packet(t, red1, grayPop, foo3), 7, moreFragments)),
	}
	verdicts := make([]queue.Verdict, len(packets))
	h.Handle(packets, verdicts)
	packets = packets[:2] // the fragment is a duplicate now
	flows, datagrams := make([]flow.Listed, 64), make([]fragment.Listed, 64)
	at, visited := 0, 0
	d.visits.p.Store(&visit{done: make(chan struct{}), look: func(now moment, m *memory.Memory, places int) bool {
		visited++
		_, at = m.Flows(now.memory(), at, at+places, flows)
		m.Datagrams(now.memory(), 0, places, datagrams)
		return false
	}})
	if n := testing.AllocsPerRun(200, func() {
		clear(verdicts)
		h.Handle(packets, verdicts[:2])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if visited < 200 {
		t.Errorf("%d visits", visited)
	}
}

// TestShowAfterRenumbering: until the next packet comes the handler knows zones by
// numbers that stand for others.
func TestShowAfterRenumbering(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, _ := newDaemon(t, path)
	w := newWorker(t, d)
	w.judge(t, true, from(redIf, piece(packet(t, red1, grayPop, foo3), 7, moreFragments)))
	red, rest, _ := strings.Cut(settings, "[[zone]]\nname = \"blue\"")
	head, red, _ := strings.Cut(red, "[[zone]]\n")
	if err := os.WriteFile(path, []byte(head+"[[zone]]\nname = \"blue\""+rest+"[[zone]]\n"+red), 0o644); err != nil {
		t.Fatal(err)
	}
	d.reload(t)
	if got := show[control.Fragment](t, d.Service, control.VerbFragments, 0); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestShowWhileJudging: tables are asked for while packets are judged and policies
// replaced. What is shown is one of the policies, and a flow that lives all the while
// is there once.
func TestShowWhileJudging(t *testing.T) {
	for _, reloads := range []bool{false, true} {
		t.Run(fmt.Sprintf("reloads %v", reloads), func(t *testing.T) { showWhileJudging(t, reloads) })
	}
}

func showWhileJudging(t *testing.T, reloads bool) {
	d, records := newDaemon(t, write(t, settings, rules, hosts))
	const stay = 50
	var steady, passing []queue.Packet
	for i := range stay {
		steady = append(steady, from(redIf, ports(packet(t, red1, grayPop, foo3), 40000+uint16(i), 1)))
	}
	for i := range 2000 {
		passing = append(passing, forward(grayIf, redIf, ports(packet(t, grayPop, red1, ""), 40000+uint16(i), 2)),
			from(redIf, piece(packet(t, red1, grayPop, foo3), uint16(i), moreFragments)))
	}
	h := d.Handler()
	h.Handle(steady, make([]queue.Verdict, stay))
	var stop atomic.Bool
	var others sync.WaitGroup
	others.Go(func() {
		verdicts := make([]queue.Verdict, 64)
		b := make([]byte, audit.MaxDatagram)
		for i := 0; !stop.Load(); i++ {
			clear(verdicts)
			at := i * 32 % (len(passing) - 64)
			h.Handle(passing[at:at+64], verdicts)
			h.Handle(steady, verdicts[:stay])
			if i%16 == 0 {
				h.HandleTest(steady[:1], verdicts[:1])
			}
			for _, ok := records.take(b); ok; _, ok = records.take(b) {
			}
		}
	})
	if reloads {
		others.Go(func() {
			for !stop.Load() {
				d.reload(t)
				d.Relink()
			}
		})
	}
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	var dumps sync.WaitGroup
	stale := make([]int, 3)
	for reader := range 3 {
		dumps.Go(func() {
			for range rounds {
				for _, verb := range []string{control.VerbZones, control.VerbDomains, control.VerbHosts, control.VerbLabels, control.VerbRules} {
					if _, err := ask[map[string]any](d.Service, verb, 1+reader); codeOf(err) == control.CodeStale {
						stale[reader]++
					} else if err != nil {
						t.Errorf("%s: %v", verb, err)
					}
				}
				flows, err := ask[control.Flow](d.Service, control.VerbFlows, 100*reader)
				if codeOf(err) == control.CodeStale {
					stale[reader]++
				} else if err != nil {
					t.Errorf("flows: %v", err)
				} else if wrong := wrongFlows(flows, stay, reloads); wrong != nil {
					t.Error(wrong)
				}
				fragments, err := ask[control.Fragment](d.Service, control.VerbFragments, 100*reader)
				if err != nil && codeOf(err) != control.CodeStale {
					t.Errorf("fragments: %v", err)
				}
				for _, f := range fragments {
					if f.Label != "Foo" || !f.Labeled || f.In != "red" {
						t.Errorf("%+v", f)
					}
				}
			}
		})
	}
	dumps.Wait()
	stop.Store(true)
	others.Wait()
	t.Logf("stale pages: %v", stale)
	if !reloads && slices.Max(stale) > 0 {
		t.Error("a page was stale, and nothing was reloaded")
	}
}

// wrongFlows says what is wrong with a list of flows of which some are there all the
// time.
func wrongFlows(flows []control.Flow, stay int, reloads bool) error {
	seen := make(map[uint16]int)
	for _, f := range flows {
		switch {
		case f.DestPort == 1 && f.Label == "Foo" && f.In == "red" && f.Out == "gray" && f.Labeled:
			seen[f.SourcePort]++
		case f.DestPort == 2 && f.Label == "Pop" && f.In == "gray" && f.Out == "red" && !f.Labeled:
		case f.DestPort == 0 && f.Label == "Foo": // of the first fragments
		default:
			return fmt.Errorf("a flow that is none: %+v", f)
		}
	}
	missing := 0
	for i := range stay {
		switch n := seen[40000+uint16(i)]; {
		case n > 1:
			return fmt.Errorf("flow %d is listed %d times", i, n)
		case n == 0:
			missing++
		}
	}
	if missing > 3 && !reloads {
		return errors.New("flows that are there are not listed")
	}
	return nil
}

// BenchmarkVisits: what a batch of 64 packets costs, while nobody looks and while
// somebody always does, at a full table.
func BenchmarkVisits(b *testing.B) {
	for _, looks := range []bool{false, true} {
		b.Run(fmt.Sprintf("looks %v", looks), func(b *testing.B) {
			d, _ := newDaemon(b, write(b, settings, rules, hosts))
			h := d.Handler()
			packets, verdicts := make([]queue.Packet, 64), make([]queue.Verdict, 64)
			for i := range packets {
				packets[i] = from(redIf, ports(packet(b, red1, grayPop, foo3), 40000+uint16(i), 53))
			}
			h.Handle(packets, verdicts)
			for i := range 1 << 17 { // of other flows
				ports(packets[0].Payload, 32768+uint16(i)%32768, 100+uint16(i>>15))
				h.Handle(packets[:1], verdicts[:1])
			}
			entries, at := make([]flow.Listed, room), 0
			for b.Loop() {
				if looks && d.visits.p.Load() == nil {
					d.visits.p.Store(&visit{done: make(chan struct{}), look: func(now moment, m *memory.Memory, places int) bool {
						_, at = m.Flows(now.memory(), at, at+places, entries)
						if at == m.FlowPlaces() {
							at = 0
						}
						return false
					}})
				}
				clear(verdicts)
				h.Handle(packets, verdicts)
			}
		})
	}
}
