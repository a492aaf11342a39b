package audit

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCounters(t *testing.T) {
	c := NewCounters([]string{"drop", "pass", "strip"}, []string{"", "no-rule", "unknown-label"})
	inside, outside := c.Slot("inside"), c.Slot("outside")
	if inside == outside || c.Slot("inside") != inside || c.Slot("") != 0 {
		t.Errorf("slots %d, %d", inside, outside)
	}
	for range 20 {
		c.Pass(inside, 2)
	}
	c.Pass(inside, 1)
	c.Drop(inside, 1)
	c.Drop(inside, 2)
	c.Drop(0, 1)
	c.Drop(0, 99)
	c.Pass(0, -1)
	c.Pass(77, 1) // a slot nobody has
	want := "packets 24: passed 21, dropped 3\n" +
		"from no zone 1: passed 0, dropped 1 (no-rule 1)\n" +
		"from inside 23: passed 21 (pass 1, strip 20), dropped 2 (no-rule 1, unknown-label 1)\n"
	if diff := cmp.Diff(want, string(c.AppendSummary(nil))); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if c.Passed(inside, 2) != 20 || c.Dropped(inside, 1) != 1 {
		t.Error("counts differ from the summary")
	}
	if n := testing.AllocsPerRun(100, func() { c.Drop(inside, 1) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func TestCountersFull(t *testing.T) {
	c := NewCounters([]string{"pass"}, nil)
	for i := range maxSlots + 10 {
		c.Pass(c.Slot(fmt.Sprint(i)), 0)
	}
	if got := c.Passed(0, 0); got != 11 {
		t.Errorf("%d packets in the shared slot, want 11", got)
	}
}
