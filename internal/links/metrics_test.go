package links

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// slowMetrics is the obvious twin of metrics: a list of routes.
type slowMetrics []route

func (s slowMetrics) smallest() map[uint32]int {
	m := make(map[uint32]int)
	for _, r := range s {
		for out := range r.outs() {
			if mtu, known := m[out]; !known || int(r.mtu) < mtu {
				m[out] = int(r.mtu)
			}
		}
	}
	return m
}

func TestMetricsAgainstList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var fast metrics
	var slow slowMetrics
	for step := range 20000 {
		before := slow.smallest()
		var changed bool
		if n := len(slow); n == 0 || n < 40 && random.IntN(2) == 0 {
			r := limited(byte(random.IntN(4)), uint32(1+random.IntN(3)), uint32(1280+random.IntN(3)*100))
			if random.IntN(4) == 0 {
				r.out, r.paths = 0, slices.Concat(hop(1+random.IntN(3)), hop(1+random.IntN(3)))
			}
			slow = append(slow, r)
			changed = fast.add(&r)
		} else {
			i := random.IntN(n)
			r := slow[i]
			if !fast.knows(&r) || !fast.has(r.routeKey) {
				t.Fatalf("step %d: route is not known: %+v", step, r)
			}
			slow = slices.Delete(slow, i, i+1)
			changed = fast.remove(&r)
		}
		after := slow.smallest()
		if got := fast.smallest(); !maps.Equal(got, after) {
			t.Fatalf("step %d: %v, want %v", step, got, after)
		}
		if !changed && !maps.Equal(before, after) {
			t.Fatalf("step %d: no change said, from %v to %v", step, before, after)
		}
		if fast.empty() != (len(slow) == 0) {
			t.Fatalf("step %d: empty %v with %d routes", step, fast.empty(), len(slow))
		}
	}
	for _, r := range slow {
		fast.remove(&r)
	}
	if len(fast.routes) != 0 || len(fast.counts) != 0 {
		t.Errorf("%d routes and %d ways out are left", len(fast.routes), len(fast.counts))
	}
}
