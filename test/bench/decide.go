package main

import (
	"fmt"
	"runtime"

	"labelgate/netlabel"
	"labelgate/test/figures"
)

// packets is how many different packets of a kind are judged in turn.
const packets = 4096

// measureDecisions times the whole decision about a packet: header, option,
// label, host table, rules, and the bytes that leave.
func measureDecisions(sets []*set, r *report) error {
	r.title("One packet through the whole decision (Process), %s packets at random, in ns", thousands(packets))
	all := kinds()
	head := "packet"
	times := make([][]float64, len(all))
	worst := 0.0
	for _, s := range sets {
		for _, hosts := range []int{1_000, 10_000} {
			g, err := newGateway(s, hosts)
			if err != nil {
				return err
			}
			head += fmt.Sprintf("\t%s rules", thousands(len(s.pairs)))
			each, allocations, err := g.measure(all)
			if err != nil {
				return err
			}
			for i, k := range all {
				times[i] = append(times[i], each[i])
				f := figures.Figure{ID: fmt.Sprintf("process/%s/%d/%s", s.id, hosts, k.id), Value: each[i], Unit: "ns"}
				r.Add(f)
			}
			worst = max(worst, allocations)
			runtime.GC()
		}
	}
	r.row("%s", head)
	head = ""
	for range sets {
		head += "\t1,000 networks\t10,000 networks"
	}
	r.row("%s", head)
	for i, k := range all {
		line := k.name
		for _, t := range times[i] {
			line += fmt.Sprintf("\t%.0f", t)
		}
		r.row("%s", line)
	}
	r.row("")
	r.row("allocations a packet, the most of all: %.4f", worst)
	r.Add(figures.Figure{ID: "process/allocations", Value: worst, Unit: "a packet"}.AtMost(0.001))
	return nil
}

// measure times each kind of traffic in turn and returns nanoseconds a packet,
// and the most allocations a packet that any kind took.
func (g *gateway) measure(all []traffic) (each []float64, allocations float64, err error) {
	out := make([]byte, 256)
	var sides []side
	for _, k := range all {
		made := make([][]byte, packets)
		for i := range made {
			made[i] = k.make(g)
		}
		if err := g.check(k, made, out); err != nil {
			return nil, 0, err
		}
		zone := g.zones[k.from]
		sides = append(sides, side{k.id, func() int {
			const passes = 4
			n := 0
			for range passes {
				for _, p := range made {
					v := g.snapshot.Process(netlabel.Forward, zone, p, out)
					n += v.Length
				}
			}
			keep(n)
			return passes * len(made)
		}})
	}
	for i, took := range interleave(sides) {
		each = append(each, median(took))
		allocations = max(allocations, allocated(sides[i].run))
	}
	return each, allocations, nil
}

// allocated returns how many objects a run allocates for each operation.
func allocated(run func() int) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := run()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}
