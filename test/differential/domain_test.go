package differential

import (
	"fmt"
	"net/netip"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/netlabel"
)

// domain is a domain of interpretation that both the kernel and the gateway know.
type domain struct {
	name  string
	first uint32 // of the numbers for it; a run that finds one taken takes the next
	tags  []byte // types allowed in it

	doi    uint32
	judges [2]*netlabel.Snapshot // by netlabel.Mode
}

// domains are one with all tag types, one with a single one, and one that fills
// all five places of the kernel's list of types.
func domains() []*domain {
	return []*domain{
		{name: "wide", first: 777_700, tags: []byte{1, 2, 5}},
		{name: "narrow", first: 777_720, tags: []byte{2}},
		{name: "full", first: 777_740, tags: []byte{5, 1, 2, 5, 1}},
	}
}

// Every probe goes from the far end of the tun device to the near one. They are
// zones of the gateway, in this order.
var (
	far, near = netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("10.9.0.1")
)

const farZone, nearZone netlabel.Zone = 1, 2

// compile makes the gateway that is asked about options of the domain, in both
// modes. It is labeled * itself, which anybody may write to: what it drops on the
// way to itself is dropped for what is wrong with the packet. The labels that it
// knows are every level without categories.
func (d *domain) compile(t *testing.T) {
	t.Helper()
	tags := make([]cipso.TagType, len(d.tags))
	for i, tag := range d.tags {
		tags[i] = cipso.TagType(tag)
	}
	var levels []netlabel.Mapping
	for level := range 256 {
		levels = append(levels, netlabel.Mapping{Label: fmt.Sprintf("L%d", level), Level: uint8(level), Origin: engine.Origin{File: "cipso", Line: level + 1}})
	}
	number := cipso.DOI(d.doi)
	for mode := range d.judges {
		s, err := netlabel.Compile(netlabel.Spec{
			Mode:     netlabel.Mode(mode),
			Mappings: levels,
			DOIs:     []netlabel.DOISpec{{Number: number, Tags: tags}},
			Zones: []netlabel.ZoneSpec{
				{Name: "far", Trust: netlabel.Accept, DOI: number},
				{Name: "near", Trust: netlabel.Accept, DOI: number, Networks: []netip.Prefix{netip.PrefixFrom(near, 32)}},
			},
			Self: "*",
		})
		if err != nil {
			t.Fatal(err)
		}
		d.judges[mode] = s
	}
}

// judge asks the gateway in one mode about a packet from the far zone.
func (d *domain) judge(mode netlabel.Mode, way netlabel.Direction, packet, out []byte) netlabel.Verdict {
	return d.judges[mode].Process(way, farZone, packet, out)
}
