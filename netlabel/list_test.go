package netlabel

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

func TestListedZones(t *testing.T) {
	spec := strictSpec()
	spec.Zones[2].Label, spec.Zones[2].LabelAmbient, spec.Zones[2].Tunnels = "Foo", true, []string{"gre", "esp"}
	spec.Zones = append(spec.Zones, ZoneSpec{Name: "rest"})
	s := compile(t, spec)
	layer, _ := s.Policy().Layer("gray.rules")
	for _, tt := range []struct {
		zone, label, networks, tunnels string
		layer                          engine.LayerID
		ambient                        bool
	}{
		{"red", "", "[10.1.0.0/16]", "[]", 0, true},
		{"green", "Foo", "[10.3.0.0/16]", "[gre esp]", 0, true},
		{"gray", "", "[10.4.0.0/16]", "[]", layer, false},
		{"rest", "", "[]", "[]", 0, false},
		{"", "", "[]", "[]", 0, false},
	} {
		z := zoneNamed(t, s, tt.zone)
		if got := s.LabelName(s.ZoneLabel(z)); got != tt.label {
			t.Errorf("%s: label %q", tt.zone, got)
		}
		if got := fmt.Sprint(s.ZoneNetworks(z)); got != tt.networks {
			t.Errorf("%s: networks %s", tt.zone, got)
		}
		if got := fmt.Sprint(s.ZoneTunnels(z)); got != tt.tunnels {
			t.Errorf("%s: tunnels %s", tt.zone, got)
		}
		if s.ZoneLayer(z) != tt.layer || s.ZoneLabelAmbient(z) != tt.ambient {
			t.Errorf("%s: layer %d, ambient %v", tt.zone, s.ZoneLayer(z), s.ZoneLabelAmbient(z))
		}
	}
}

func TestListedDomains(t *testing.T) {
	spec := strictSpec()
	spec.DOIs[1].AcceptNonCanonical, spec.DOIs[1].Origin = true, engine.Origin{File: "gw.toml", Line: 7}
	s := compile(t, spec)
	if s.Domains() != 2 {
		t.Fatalf("%d domains", s.Domains())
	}
	d := s.Domain(1)
	if d.Number != 16 || !slices.Equal(d.Tags, []cipso.TagType{2, 1}) || !d.AcceptNonCanonical || d.Mappings != 1 || d.Origin.String() != "gw.toml:7" {
		t.Errorf("%+v", d)
	}
	if d := s.Domain(0); d.Number != 3 || d.AcceptNonCanonical || d.Mappings != 0 {
		t.Errorf("%+v", d)
	}
}

// TestEntryOnLabel: where Linux knows nothing but to believe a label, what is told is
// that.
func TestEntryOnLabel(t *testing.T) {
	for mode, want := range map[Mode]hostmap.OnLabel{Strict: hostmap.LabelStrip, Compat: hostmap.LabelHonour} {
		s := compile(t, perimeterSpec(mode))
		i := s.hosts.Lookup(0, netip.MustParseAddr(greenStrip))
		if got := s.EntryOnLabel(i); got != want {
			t.Errorf("%s: %s", mode, got)
		}
	}
}
