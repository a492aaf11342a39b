package faults

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// TestChildren ends the processes that the gateway has started. The one that owns
// the queue starts others; packets wait in the kernel meanwhile, and those that the
// dead one had are dropped, counted and on record.
func TestChildren(t *testing.T) {
	seed := long.Seed(t, 8)
	p := allKinds(t, seed)
	random := rand.New(rand.NewPCG(seed, 8))
	// Nobody is in a hurry about the last one: its successor comes within a second.
	victims := []string{"judge", "auditor", "judge", "auditor", "judge", "auditor", "control"}
	keeper := p.Service().PID()
	before := p.books(t)
	p.load.Start(faultRate)
	kills := 0
	var back gate.Histogram // until another is there
	var killed []time.Time
	for i := range long.Rounds(100, 5_000, 0.1) {
		role := victims[i%len(victims)]
		pid, ok := p.member(role)
		if !ok {
			t.Fatalf("there is no %s\n%s", role, p.Tail(12))
		}
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		kills++
		if role == "judge" {
			killed = append(killed, at)
		}
		if i%5 == 0 {
			continue // the next is killed while this one is being replaced
		}
		if !gate.Eventually(func() bool { now := p.Service().Role(role); return now != 0 && now != pid }) {
			t.Fatalf("%s is not replaced\n%s", role, p.Tail(12))
		}
		if role == "judge" {
			back.Add(int64(time.Since(at)))
		}
	}
	p.load.Stop()
	end := time.Now()
	b := p.balance(t, before)
	v := p.judge(t)
	p.table(t, v)
	if p.Service().PID() != keeper || p.Service().Ended() != gate.Running {
		t.Errorf("the process that was started: %s", p.Service().Ended())
	}
	pause := p.sniffer("tess").Times().Pause(killed[0], end, p.load.Busy())
	p.passes(t)
	p.closed(t, "children", v)
	missing := b.unaccounted()
	again := p.again()
	long.Report(t,
		figures.Figure{ID: "faults/children/kills", Value: float64(kills), Unit: "kills"}.AtLeast(100),
		figures.Figure{ID: "faults/children/judge-replaced", Value: float64(back.Quantile(0.5).Milliseconds()), Unit: "ms"},
		figures.Figure{ID: "faults/children/stall", Value: float64(pause.Milliseconds()), Unit: "ms", Against: "longest time in which nothing passed"},
		figures.Figure{ID: "faults/children/dropped-with-a-judge", Value: float64(again), Unit: "packets"},
		figures.Figure{ID: "faults/children/unaccounted", Value: float64(max(missing, 0)), Unit: "packets"}.AtMost(0),
		// What a judge had put on record and not answered when it died was dropped with
		// it, whatever its record says.
		figures.Figure{ID: "faults/children/recorded-twice", Value: float64(max(-missing, 0)), Unit: "packets"}.AtMost(float64(again)),
	)
}

// member waits for a process of a role.
func (p *perimeter) member(role string) (pid int, ok bool) {
	ok = gate.Eventually(func() bool { pid = p.Service().Role(role); return pid != 0 })
	return pid, ok
}

// TestHang stops the process that judges, which no signal of its own would tell. It is
// found and replaced; until then nothing passes.
func TestHang(t *testing.T) {
	seed := long.Seed(t, 9)
	p := allKinds(t, seed)
	random := rand.New(rand.NewPCG(seed, 9))
	before := p.books(t)
	p.load.Start(faultRate)
	var replaced, back gate.Histogram
	hangs, meanwhile := 0, uint64(0)
	var found time.Time // when the last one was recorded: before its packets were dropped
	p.records.Each = func(r *audit.Record) {
		if r.Event == audit.EventHang {
			found = r.Time
		}
	}
	for range long.Rounds(3, 100, 0.02) {
		time.Sleep(time.Duration(200+random.IntN(200)) * time.Millisecond)
		pid, ok := p.member("judge")
		if !ok {
			t.Fatal("nobody judges")
		}
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if !gate.Eventually(func() bool { now := p.Service().Role("judge"); return now != 0 && now != pid }) {
			t.Fatalf("the judge hangs and is not replaced\n%s", p.Tail(12))
		}
		replaced.Add(int64(time.Since(at)))
		p.passesSome(t)
		p.sniffer("tess").Sync()
		// What was answered before is on the cable soon.
		settled := at.Add(50 * time.Millisecond)
		first, _ := p.sniffer("tess").Times().First(settled)
		back.Add(int64(first.Sub(at)))
		if !gate.Eventually(func() bool { p.records.Read(t); return found.After(at) }) {
			t.Fatal("it is not on record")
		}
		for _, n := range p.sniffers {
			meanwhile += n.Times().Between(settled, found)
		}
		hangs++
	}
	p.load.Stop()
	b := p.balance(t, before)
	v := p.judge(t)
	p.table(t, v)
	p.passes(t)
	p.closed(t, "hang", v)
	missing := b.unaccounted()
	again := p.again()
	long.Report(t,
		figures.Figure{ID: "faults/hang/hangs", Value: float64(hangs), Unit: "hangs"}.AtLeast(3),
		figures.Figure{ID: "faults/hang/replaced", Value: float64(replaced.Longest().Milliseconds()), Unit: "ms"}.AtMost(5000),
		figures.Figure{ID: "faults/hang/back", Value: float64(back.Longest().Milliseconds()), Unit: "ms", Against: "until something passes again"},
		figures.Figure{ID: "faults/hang/passed-meanwhile", Value: float64(meanwhile), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/hang/unaccounted", Value: float64(max(missing, 0)), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "faults/hang/recorded-twice", Value: float64(max(-missing, 0)), Unit: "packets"}.AtMost(float64(again)),
	)
}

// again is how many packets may be on record twice: those that a judge had put on
// record and not answered when it died.
func (p *perimeter) again() uint64 {
	died := p.records.Counted["crash"] + p.records.Counted["hang"]
	return died + uint64(p.records.Events["suppressed/died"])*died
}
