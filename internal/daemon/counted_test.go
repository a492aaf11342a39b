package daemon

import (
	"reflect"
	"strings"
	"testing"

	"labelgate/internal/control"
	"labelgate/internal/queue"
)

// filled sets every count in a value to n, and every name to a fixed one.
func filled(v reflect.Value, n uint64) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i), n)
		}
	case reflect.Uint64:
		v.SetUint(n)
	case reflect.Int:
		v.SetInt(int64(n))
	case reflect.String:
		v.SetString("red")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0), n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]uint64{"pass": n}))
	}
}

// TestAdded: no count is forgotten, also not one that is new.
func TestAdded(t *testing.T) {
	var a, b, want control.Counters
	filled(reflect.ValueOf(&a).Elem(), 3)
	filled(reflect.ValueOf(&b).Elem(), 4)
	filled(reflect.ValueOf(&want).Elem(), 7)
	want.Control = b.Control // the control process's own
	if got := added(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	a.Packets = append(a.Packets, control.ZonePackets{Zone: "gone", Dropped: map[string]uint64{"no-rule": 1}})
	got := added(a, b).Packets
	if len(got) != 2 || got[1].Zone != "gone" || got[1].Dropped["no-rule"] != 1 {
		t.Errorf("a zone that is gone: %+v", got)
	}
	if a.Packets[0].Passed["pass"] != 3 || b.Packets[0].Passed["pass"] != 4 {
		t.Error("what was added was changed")
	}
}

// TestHandCounted: what was counted reaches the next program, and what cannot be read
// there is said.
func TestHandCounted(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	d.overflow, d.packets = new(overflow), new(queue.Queue)
	d.before = counted{Counters: control.Counters{Unanswered: 5}, Written: 9}
	c := d.bench.(*local).Handler()
	c.Handle([]queue.Packet{{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: packet(t, red1, grayPop, foo3)}}, make([]queue.Verdict, 1))
	d.handCounted()
	next := &daemon{Options: d.Options, handover: d.handover}
	next.before = next.takeCounted()
	want := counted{Written: 9, Counters: control.Counters{Unanswered: 5, Packets: []control.ZonePackets{
		{Zone: "red", Passed: map[string]uint64{"strip": 1}, Dropped: map[string]uint64{}},
	}}}
	if !reflect.DeepEqual(next.before, want) {
		t.Errorf("got  %+v\nwant %+v", next.before, want)
	}
	if next.handover.Counted != 0 || log.String() != "" {
		t.Errorf("descriptor %d\n%s", next.handover.Counted, log)
	}
	f, err := newMemory("counted")
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("{")
	f.Seek(0, 0)
	next.handover.Counted = descriptor(f)
	if got := next.takeCounted(); !reflect.DeepEqual(got, counted{}) || !strings.Contains(log.String(), "not known") {
		t.Errorf("%+v\n%s", got, log)
	}
	if got := (&daemon{}).takeCounted(); !reflect.DeepEqual(got, counted{}) {
		t.Errorf("%+v", got)
	}
}
