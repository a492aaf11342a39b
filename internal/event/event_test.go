package event

import (
	"encoding/hex"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/explain"
	"labelgate/netlabel"
)

var update = flag.Bool("update", false, "write the records into testdata/records; commit only what you understand")

func snapshot(t *testing.T, direct uint8) *netlabel.Snapshot {
	t.Helper()
	b := engine.NewBuilder()
	foo, _ := b.Intern("Foo")
	pop, _ := b.Intern("Pop")
	b.Set(foo, pop, engine.Write, b.File("accesses.d/site"), 3)
	s, err := netlabel.Compile(netlabel.Spec{
		Generation: 9, Rules: b, Direct: direct, Mapped: 251, Self: "Pop",
		DOIs: []netlabel.DOISpec{{Number: 3, Tags: []cipso.TagType{1}}},
		Zones: []netlabel.ZoneSpec{
			{Name: "red", Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Trust: netlabel.Require, DOI: 3},
			{Name: "gray", Networks: []netip.Prefix{netip.MustParsePrefix("10.4.0.0/16")}},
		},
		Hosts: []hostmap.Entry{
			{Prefix: netip.MustParsePrefix("10.4.0.1/32"), Label: "Pop", File: "netlabel.d/site", Line: 1},
			{Prefix: netip.MustParsePrefix("10.4.0.2/32"), Label: "Foo", File: "netlabel.d/site", Line: 2},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func packet(t *testing.T, src, dst, proto, option string) []byte {
	t.Helper()
	o, err := hex.DecodeString(option)
	if err != nil {
		t.Fatal(err)
	}
	n, err := explain.Protocol(proto)
	if err != nil {
		t.Fatal(err)
	}
	p, err := explain.Synthesize(netip.MustParseAddr(src), netip.MustParseAddr(dst), n, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	foo3      = "860e00000003010800fa2337b780"
	stranger3 = "861200000003010c00fa29ba3930b733b2b9"
	red, gray = "10.1.0.1", "10.4.0.1"
)

// TestRecord holds what is recorded of verdicts of every kind.
func TestRecord(t *testing.T) {
	s := snapshot(t, 250)
	tests := []struct {
		name      string
		direction netlabel.Direction
		zone      netlabel.Zone
		packet    []byte
	}{
		{"strip", netlabel.Forward, 1, packet(t, red, gray, "udp", foo3)},
		{"add", netlabel.Forward, 2, packet(t, gray, red, "tcp", "")},
		{"keep", netlabel.Forward, 1, packet(t, red, red, "icmp", foo3)},
		{"denied", netlabel.Forward, 2, packet(t, gray, "10.4.0.2", "udp", "")},
		{"unknown label", netlabel.Forward, 1, packet(t, red, gray, "udp", stranger3)},
		{"malformed option", netlabel.Forward, 1, packet(t, red, gray, "udp", "860e00000003090800fa2337b780")},
		{"malformed header", netlabel.Forward, 1, packet(t, red, gray, "udp", "8201")},
		{"cut off", netlabel.Forward, 1, packet(t, red, gray, "udp", foo3)[:30]},
		{"nothing", netlabel.Forward, 1, nil},
		{"input", netlabel.Input, 1, packet(t, red, "10.1.0.254", "udp", foo3)},
		{"output", netlabel.Output, 0, packet(t, "10.1.0.254", red, "udp", "")},
	}
	var got strings.Builder
	for _, tt := range tests {
		out := make([]byte, len(tt.packet)+netlabel.MaxGrowth)
		v := s.Process(tt.direction, tt.zone, tt.packet, out)
		r := Record(s, Packet{Direction: tt.direction, Bytes: tt.packet, Out: out, In: "eth1", OutDev: "eth0"}, &v)
		clear(out) // a record keeps nothing of it
		got.WriteString("# " + tt.name + "\n" + string(r.AppendText(nil)) + "\n")
	}
	const golden = "testdata/records"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("(-want +got); see -update\n%s", d)
	}
}

// TestDirectLevel: categories spell a label at the policy's direct level only.
func TestDirectLevel(t *testing.T) {
	at9 := strings.Replace(foo3, "00fa", "0009", 1)
	for _, tt := range []struct {
		name   string
		direct uint8
		option string
		want   string
	}{
		{"at the default level", 250, foo3, "Foo"},
		{"at another level", 250, at9, ""},
		{"at the level that was set", 9, at9, "Foo"},
		{"at the default, which was changed", 9, foo3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := snapshot(t, tt.direct)
			v := netlabel.Dropped(netlabel.ReasonNoRule)
			r := Record(s, Packet{Bytes: packet(t, red, gray, "udp", tt.option)}, &v)
			if r.Direct != tt.want || r.DOI != 3 {
				t.Errorf("DOI %d spells %q, want %q", r.DOI, r.Direct, tt.want)
			}
		})
	}
}
