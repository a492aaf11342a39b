package links

import (
	"errors"
	"testing"
)

// TestRevision: numbers of zones mean something only together with the revision,
// so it follows the zones even where nothing is known of any link.
func TestRevision(t *testing.T) {
	k := &fakeKernel{}
	k.set(nil, Link{Index: 1, Name: "a"})
	w, feed := startFake(t, k)
	_, first := w.Numbered()
	if err := w.SetZones([][]string{{"b"}, {"a"}}); err != nil {
		t.Fatal(err)
	}
	table, second := w.Numbered()
	if z, _, _ := table.Zone(1); z != 2 || second == first {
		t.Errorf("zone %d in revision %d, which was %d", z, second, first)
	}
	if err := w.SetZones([][]string{{"a"}, {"a"}}); err == nil {
		t.Error("an interface is in two zones")
	}
	if _, same := w.Numbered(); same != second {
		t.Errorf("revision %d after zones that were refused, want %d", same, second)
	}
	if err := w.SetZones([][]string{{"b"}, {"a"}, {"c"}}); err != nil {
		t.Fatal(err)
	}
	_, third := w.Numbered()
	if third == second {
		t.Errorf("the same revision %d for other zones", third)
	}
	// Notices are lost: nothing is known any more, but by the same numbers.
	k.set(errors.New("not now"))
	feed.lost <- struct{}{}
	until(t, w, "nothing", func(t *Table) bool { return len(t.Links()) == 0 })
	if _, got := w.Numbered(); got != third {
		t.Errorf("revision %d, want %d", got, third)
	}
}

func TestNewTable(t *testing.T) {
	table := NewTable(Link{Index: 3, Name: "x", Zone: 4, MTU: 1500}, Link{Index: 5, Name: "y", Zone: 4, MTU: 1400})
	if !in(3, 4)(table) || table.Name(5) != "y" || table.MTU(4) != 1400 {
		t.Errorf("%+v", table.Links())
	}
}
