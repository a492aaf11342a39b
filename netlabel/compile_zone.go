package netlabel

import (
	"errors"
	"net/netip"
	"slices"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

func (c *compiler) compileZones() {
	c.s.zones = make([]zone, 1, len(c.spec.Zones)+1)
	c.s.zones[0].doi = -1
	if len(c.spec.Zones) > MaxZones {
		c.problem(c.spec.Zones[MaxZones].Origin, "", "more than %d zones", MaxZones)
	}
	networks := hostmap.NewBuilder()
	everything := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	for i := range c.spec.Zones {
		spec := &c.spec.Zones[i]
		if first, ok := c.s.ZoneNamed(spec.Name); spec.Name == "" {
			c.problem(spec.Origin, "", "a zone has no name")
		} else if ok {
			c.problem(spec.Origin, "give each zone a name of its own", "zone %q is defined twice, first at %s", spec.Name, c.s.zones[first].origin)
		}
		z := zone{
			name: spec.Name, trust: spec.Trust, doi: c.doiIndex(spec.DOI), label: c.label(spec.Label), only: c.labels(spec.Only),
			labelAmbient: spec.LabelAmbient || spec.Trust == Require, errors: spec.Errors && spec.Trust != Refuse, mtu: spec.MTU,
			onlyNames: spec.Only, networks: spec.Networks, origin: spec.Origin,
		}
		for _, name := range spec.Tunnels {
			t, ok := tunnelNamed(name)
			if !ok {
				c.problem(spec.Origin, "", "zone %q admits the tunnel %q, which is not known", spec.Name, name)
			}
			z.tunnels |= t
		}
		if spec.DOI != 0 && z.doi < 0 {
			c.problem(spec.Origin, "add a [[doi]] with that number", "zone %q speaks DOI %d, which is not defined", spec.Name, spec.DOI)
		}
		if spec.DOI == 0 && spec.Trust != Refuse {
			c.problem(spec.Origin, "say doi = N, or labels = \"refuse\"", "zone %q lets its hosts assert labels but speaks no DOI", spec.Name)
		}
		if spec.Trust == Require && spec.Label != "" {
			c.problem(spec.Origin, "leave the label out, or say labels = \"accept\"", "zone %q requires labels, so its hosts cannot have the single label %q", spec.Name, spec.Label)
		}
		if spec.Layer != "" {
			layer, ok := c.s.policy.Layer(spec.Layer)
			if !ok {
				c.problem(spec.Origin, "", "zone %q is restricted by %q, which does not exist", spec.Name, spec.Layer)
			}
			z.layer = layer
		}
		c.s.zones = append(c.s.zones, z)
		prefixes := spec.Networks
		if len(prefixes) == 0 {
			prefixes = everything
		}
		for _, p := range prefixes {
			err := networks.Add(hostmap.Entry{Prefix: p, File: spec.Origin.File, Line: spec.Origin.Line})
			var taken *hostmap.DuplicateError
			switch {
			case err == nil:
				c.s.network = append(c.s.network, Zone(i+1))
				continue
			case !errors.As(err, &taken):
				c.problem(spec.Origin, "", "network of zone %q: %v", spec.Name, err)
			case len(spec.Networks) == 0:
				c.problem(spec.Origin, "give all zones but one their networks", "zone %q holds every other address, as does the one at %s", spec.Name, taken.Earlier.Origin())
			default:
				c.problem(spec.Origin, "every address lives in one zone", "network %s of zone %q is named already at %s", p, spec.Name, taken.Earlier.Origin())
			}
			if len(spec.Networks) == 0 {
				break // of both families, and one problem will do
			}
		}
	}
	table, err := networks.Build(nil)
	if err != nil {
		c.problem(engine.Origin{}, "", "networks of the zones: %v", err)
	}
	c.s.networks = table
}

func (c *compiler) compileHosts() {
	hosts := hostmap.NewBuilder()
	names := make([]string, len(c.spec.Zones))
	for i := range c.spec.Zones {
		names[i] = c.spec.Zones[i].Name
	}
	for i := range c.spec.Hosts {
		spec := &c.spec.Hosts[i]
		at := engine.Origin{File: spec.File, Line: spec.Line}
		if spec.Zone != "" && !slices.Contains(names, spec.Zone) {
			c.problem(at, "name one of the [[zone]]s, or none", "entry %s is bound to zone %q, which does not exist", spec.Prefix, spec.Zone)
			continue
		}
		if err := hosts.Add(*spec); err != nil {
			c.problem(at, "", "%v", err)
			continue
		}
		e := entry{
			via: -1, kind: spec.Kind, label: c.label(spec.Label), doi: c.doiIndex(cipso.DOI(spec.DOI)), only: c.labels(spec.Only), onLabel: spec.OnLabel,
			onUnlabeled: spec.OnUnlabeled, unlabeledAs: c.label(spec.UnlabeledLabel), replacement: c.label(spec.Replacement),
		}
		if spec.DOI != 0 && e.doi < 0 {
			c.problem(at, "add a [[doi]] with that number", "entry %s speaks DOI %d, which is not defined", spec.Prefix, spec.DOI)
		}
		switch {
		case spec.Kind == hostmap.SingleLabel && spec.Label == "":
			c.problem(at, "", "entry %s has no label", spec.Prefix)
		case spec.OnUnlabeled == hostmap.UnlabeledAs && spec.UnlabeledLabel == "":
			c.problem(at, "", "entry %s gives unlabeled packets no label", spec.Prefix)
		case e.replacement == engine.Web || e.replacement == engine.Star || e.replacement == engine.Huh:
			c.problem(at, "", "%q cannot stand for @: no labeled host would be safe from it, or could answer it", spec.Replacement)
		}
		if c.spec.Mode == Compat {
			e.onLabel = hostmap.LabelHonour
		}
		c.s.entries = append(c.s.entries, e)
	}
	table, err := hosts.Build(names)
	if err != nil {
		c.problem(engine.Origin{}, "", "host table: %v", err)
	}
	c.s.hosts = table
	if len(c.problems) == 0 {
		c.compileNextHops()
	}
}
