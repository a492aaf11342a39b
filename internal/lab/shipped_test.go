package lab_test

import (
	"io"
	"testing"

	"labelgate/internal/capture"
	"labelgate/internal/lab"
	"labelgate/internal/load"
	"labelgate/internal/replay"
)

const shipped = "../../examples/lab/demo.pcapng"

// The capture that ships with the example lab, for those who cannot build it,
// has what the gateway saw in a demo, and what came in is judged as it was then. With
// -update a demo is run to make it.
func TestShippedCapture(t *testing.T) {
	if *update {
		recordDemo(t)
	}
	g, err := load.Load("../../examples/lab/gateway/labelgate.toml", 1)
	if err != nil {
		t.Fatal(err)
	}
	var zoneOf []string
	for _, z := range g.Config.Zones {
		for _, name := range z.Interfaces {
			zoneOf = append(zoneOf, name+"="+z.Name)
		}
	}
	zones, err := replay.ParseZones(g.Snapshot, zoneOf)
	if err != nil {
		t.Fatal(err)
	}
	topology, err := lab.Read("../../examples/lab/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	in, err := capture.Open(shipped)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	type key struct {
		from, to string
		proto    uint8
	}
	reasons := make(map[key]string)
	player := replay.New(g.Snapshot, zones, g.Config.PinFlows)
	for frame, err := range in.All() {
		if err != nil {
			t.Fatal(err)
		}
		if frame.Direction != capture.Inbound {
			continue
		}
		record, _ := player.Judge(frame)
		reasons[key{record.Saddr.String(), record.Daddr.String(), record.Proto}] = record.Reason
	}
	for _, e := range topology.Expect {
		from, to := topology.Host(e.From), topology.Host(e.To)
		got, ok := reasons[key{from.Address.Addr().String(), to.Address.Addr().String(), e.Proto.Number()}]
		want := ""
		if e.Outcome == lab.Dropped && !(to.Labeled() && e.Reason == "no-rule") {
			want = e.Reason // otherwise the labeled host itself drops it
		}
		if !ok || got != want {
			t.Errorf("%v from %s to %s: %q (in the capture: %v), want %q", e.Proto, e.From, e.To, got, ok, want)
		}
	}
}

func recordDemo(t *testing.T) {
	t.Helper()
	o := lab.DemoOptions{Options: lab.Options{Labelgated: daemon(t), Directory: short(t)}, Capture: shipped}
	if err := lab.Demo(t.Context(), o, io.Discard); err != nil {
		t.Fatal(err)
	}
}
