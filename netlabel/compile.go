package netlabel

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// Compile makes a Snapshot. Every name in the spec becomes a label: the label
// set of a policy is exactly what its files name, and no packet adds to it. The
// error is of type Problems and lists everything that is wrong.
func Compile(spec Spec) (*Snapshot, error) {
	c := compiler{spec: &spec, s: &Snapshot{mode: spec.Mode, generation: spec.Generation}}
	if spec.Rules == nil {
		spec.Rules = engine.NewBuilder()
	}
	if spec.Direct == 0 && spec.Mapped == 0 {
		spec.Direct, spec.Mapped = cipso.DirectLevel, cipso.MappedLevel
	}
	c.names()
	if len(c.problems) != 0 {
		return nil, c.problems
	}
	c.s.policy = spec.Rules.Build()
	c.compileDOIs()
	c.compileZones()
	c.compileHosts()
	if len(c.problems) != 0 {
		return nil, c.problems
	}
	return c.s, nil
}

type compiler struct {
	spec     *Spec
	s        *Snapshot
	problems Problems
}

func (c *compiler) problem(at engine.Origin, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{Origin: at, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// names interns every label that the spec names outside its rules.
func (c *compiler) names() {
	intern := func(name string, at engine.Origin) engine.Label {
		if name == "" {
			return engine.Unknown
		}
		l, err := c.spec.Rules.Intern(name)
		if err != nil {
			c.problem(at, "", "%v", err)
		}
		return l
	}
	c.s.ambient = engine.Floor
	if c.spec.Ambient != "" {
		c.s.ambient = intern(c.spec.Ambient, engine.Origin{})
	}
	c.s.self = intern(c.spec.Self, engine.Origin{})
	for _, m := range c.spec.Mappings {
		intern(m.Label, m.Origin)
	}
	for _, d := range c.spec.DOIs {
		for _, m := range d.Mappings {
			intern(m.Label, m.Origin)
		}
	}
	for i := range c.spec.Zones {
		z := &c.spec.Zones[i]
		intern(z.Label, z.Origin)
		for _, name := range z.Only {
			intern(name, z.Origin)
		}
	}
	for i := range c.spec.Hosts {
		e := &c.spec.Hosts[i]
		at := engine.Origin{File: e.File, Line: e.Line}
		intern(e.Label, at)
		intern(e.UnlabeledLabel, at)
		intern(e.Replacement, at)
		for _, name := range e.Only {
			intern(name, at)
		}
	}
}

func (c *compiler) label(name string) engine.Label {
	if name == "" {
		return engine.Unknown
	}
	l, _ := c.s.policy.Lookup(name)
	return l
}

func (c *compiler) labels(names []string) labelSet {
	set := make([]engine.Label, len(names))
	for i, name := range names {
		set[i] = c.label(name)
	}
	return newLabelSet(set)
}

func (c *compiler) compileDOIs() {
	global := make(map[engine.Label]Mapping)
	c.mappings(global, c.spec.Mappings)
	c.s.mappings = global
	c.s.dois = make([]doi, len(c.spec.DOIs))
	for i := range c.spec.DOIs {
		spec := &c.spec.DOIs[i]
		if spec.Number == 0 {
			c.problem(spec.Origin, "choose 1 or more", "DOI 0 is reserved and never appears on the wire")
		}
		if c.doiIndex(spec.Number) != i {
			c.problem(spec.Origin, "", "DOI %d is defined twice", spec.Number)
		}
		own := make(map[engine.Label]Mapping)
		c.mappings(own, spec.Mappings)
		c.compileDOI(&c.s.dois[i], spec, own, global)
	}
}

// mappings collects lines of cipso.d by label. Smack lets the last one win.
func (c *compiler) mappings(into map[engine.Label]Mapping, from []Mapping) {
	for _, m := range from {
		l := c.label(m.Label)
		if earlier, ok := into[l]; ok && c.spec.Mode == Strict {
			c.problem(m.Origin, "keep one of the two lines", "label %q has a mapping already at %s", m.Label, earlier.Origin)
		}
		into[l] = m
	}
}

func (c *compiler) compileDOI(d *doi, spec *DOISpec, own, global map[engine.Label]Mapping) {
	definition := cipso.Definition{DOI: spec.Number, Tags: spec.Tags, AcceptNonCanonical: spec.AcceptNonCanonical}
	d.number = spec.Number
	d.decoder = cipso.Decoder{Definitions: []cipso.Definition{definition}, Compat: c.spec.Mode == Compat}
	n := c.s.policy.Labels()
	d.wire = make([]wireOption, n)
	d.labels = newLabelMap(n)
	for l := engine.Label(1); int(l) < n; l++ {
		var key cipso.Label
		at, ok := c.encode(&key, l, own, global)
		if !ok {
			continue
		}
		if earlier := d.labels.insert(&key, l); earlier != engine.Unknown {
			if c.spec.Mode == Strict {
				c.problem(at, "give each label its own level and categories",
					"labels %q and %q have the same level and categories in DOI %d", c.s.policy.Name(earlier), c.s.policy.Name(l), d.number)
			}
			// Linux searches its newest labels first, and labels are numbered in
			// the order they were first named.
			d.labels.replace(&key, l)
		}
		if l == engine.Star || l == engine.Huh {
			continue // never leave: no host could answer for them
		}
		w := &d.wire[l]
		length, _ := definition.Encode(&w.bytes, &key)
		w.n = uint8(length)
	}
}

// encode finds a label's level and categories: its own mapping, or its name
// written as categories. A long name without a mapping has none. Smack would
// number it, but those numbers mean something on one machine until it reboots.
func (c *compiler) encode(key *cipso.Label, l engine.Label, own, global map[engine.Label]Mapping) (engine.Origin, bool) {
	m, ok := own[l]
	if !ok {
		m, ok = global[l]
	}
	if ok {
		key.Level, key.Categories = m.Level, m.Categories
		return m.Origin, true
	}
	name := c.s.policy.Name(l)
	key.Level = c.spec.Direct
	if cipso.DirectCategories(name, &key.Categories) {
		return engine.Origin{}, true
	}
	if c.spec.Mode == Compat {
		key.Level = c.spec.Mapped
		cipso.MappedCategories(uint32(l), binary.NativeEndian, &key.Categories)
		return engine.Origin{}, true
	}
	return engine.Origin{}, false
}

func (c *compiler) doiIndex(number cipso.DOI) int {
	if number != 0 {
		for i := range c.spec.DOIs {
			if c.spec.DOIs[i].Number == number {
				return i
			}
		}
	}
	return -1
}

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
		if _, ok := c.s.ZoneNamed(spec.Name); ok || spec.Name == "" {
			c.problem(spec.Origin, "give each zone a name of its own", "zone %q is defined twice or has no name", spec.Name)
		}
		z := zone{
			name: spec.Name, trust: spec.Trust, doi: c.doiIndex(spec.DOI), label: c.label(spec.Label), only: c.labels(spec.Only),
			labelAmbient: spec.LabelAmbient || spec.Trust == Require, mtu: spec.MTU, origin: spec.Origin,
		}
		if spec.DOI != 0 && z.doi < 0 {
			c.problem(spec.Origin, "add a [[doi]] with that number", "zone %q speaks DOI %d, which is not defined", spec.Name, spec.DOI)
		}
		if spec.DOI == 0 && spec.Trust != Refuse {
			c.problem(spec.Origin, "say doi = N, or labels = \"refuse\"", "zone %q lets its hosts assert labels but speaks no DOI", spec.Name)
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
			if err := networks.Add(hostmap.Entry{Prefix: p, File: spec.Origin.File, Line: spec.Origin.Line}); err != nil {
				c.problem(spec.Origin, "every address lives in one zone", "network %s of zone %q: %v", p, spec.Name, err)
				continue
			}
			c.s.network = append(c.s.network, Zone(i+1))
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
		if err := hosts.Add(*spec); err != nil {
			c.problem(at, "", "%v", err)
			continue
		}
		e := entry{
			kind: spec.Kind, label: c.label(spec.Label), doi: c.doiIndex(cipso.DOI(spec.DOI)), only: c.labels(spec.Only), onLabel: spec.OnLabel,
			onUnlabeled: spec.OnUnlabeled, unlabeledAs: c.label(spec.UnlabeledLabel), replacement: c.label(spec.Replacement),
		}
		if spec.DOI != 0 && e.doi < 0 {
			c.problem(at, "add a [[doi]] with that number", "entry %s speaks DOI %d, which is not defined", spec.Prefix, spec.DOI)
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
}
