package lab

import (
	"fmt"
	"slices"

	"labelgate/hostmap"
	"labelgate/internal/config"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// settings is what the gateway is told, as far as the lab has to know it.
type settings struct {
	*config.Config
	hosts *hostmap.Table
}

func readSettings(path string) (*settings, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	set, err := policyfile.Load(cfg.Policy, cfg.Dialect)
	if err != nil {
		return nil, err
	}
	b := hostmap.NewBuilder()
	for _, e := range set.Hosts {
		if err := b.Add(e); err != nil {
			return nil, err
		}
	}
	var zones []string
	for _, z := range cfg.Zones {
		zones = append(zones, z.Name)
	}
	table, err := b.Build(zones)
	if err != nil {
		return nil, err
	}
	return &settings{Config: cfg, hosts: table}, nil
}

// zone returns the zone in which an interface of the gateway is, and its number
// in the host table; nil and 0 for none.
func (s *settings) zone(name string) (*config.Zone, uint8) {
	for i := range s.Zones {
		if slices.Contains(s.Zones[i].Interfaces, name) {
			return &s.Zones[i], uint8(i + 1)
		}
	}
	return nil, 0
}

// agree checks that the topology and the gateway's settings mean the same zones.
func (s *settings) agree(t *Topology) error {
	for i := range t.Hosts {
		h := &t.Hosts[i]
		zone, _ := s.zone(h.Interface)
		switch {
		case h.Zone == "":
		case zone == nil:
			return fmt.Errorf("%s: host %s is to be in zone %s, but no zone of %s has the interface %s", t.Path, h.Name, h.Zone, s.Path, h.Interface)
		case zone.Name != h.Zone:
			return fmt.Errorf("%s: host %s is to be in zone %s, but %s:%d puts the interface %s into zone %s", t.Path, h.Name, h.Zone, s.Path, zone.Line, h.Interface, zone.Name)
		}
	}
	return nil
}

// identity says which label a host's packets have, how the gateway knows, and
// where that is written.
func (s *settings) identity(h *Host) (label, how, at string) {
	if h.Labeled() {
		return h.Label, fmt.Sprintf("labels its packets, DOI %d", h.DOI), ""
	}
	zone, number := s.zone(h.Interface)
	if i := s.hosts.Lookup(number, h.Address.Addr()); i >= 0 {
		e := s.hosts.Entry(i)
		at := fmt.Sprintf("%s:%d", e.File, e.Line)
		if e.Kind == hostmap.CIPSO {
			return "", "should label its packets", at
		}
		return e.Label, "single label", at
	}
	if zone == nil {
		return "", "in no zone", ""
	}
	at = fmt.Sprintf("%s:%d", s.Path, zone.Line)
	switch {
	case zone.Label != "":
		return zone.Label, "single label of its zone", at
	case zone.Labels == netlabel.Require:
		return "", "should label its packets", at
	}
	return s.Ambient, "in no table: ambient", ""
}
