package netlabel

import (
	"slices"

	"labelgate/cipso"
	"labelgate/engine"
)

func (c *compiler) compileDOIs() {
	global := make(map[engine.Label]Mapping)
	c.mappings(global, c.spec.Mappings)
	c.s.mappings = global
	c.s.dois = make([]doi, len(c.spec.DOIs))
	for i := range c.spec.DOIs {
		spec := &c.spec.DOIs[i]
		first := c.doiIndex(spec.Number)
		switch {
		case spec.Number == 0:
			c.problem(spec.Origin, "choose 1 or more", "DOI 0 is reserved and never appears on the wire")
		case first != i:
			c.problem(spec.Origin, "", "DOI %d is defined twice, first at %s", spec.Number, c.spec.DOIs[first].Origin)
		}
		if !slices.ContainsFunc(spec.Tags, writable) {
			c.problem(spec.Origin, "name one of 1, 2 and 5", "DOI %d has no tag type in which a label could be written", spec.Number)
		}
		own := make(map[engine.Label]Mapping)
		c.mappings(own, spec.Mappings)
		c.s.dois[i].mappings, c.s.dois[i].origin = own, spec.Origin
		c.compileDOI(&c.s.dois[i], spec, own, global)
	}
}

func writable(t cipso.TagType) bool {
	return t == cipso.TagRestricted || t == cipso.TagEnumerated || t == cipso.TagRanges
}

// mappings collects lines of cipso.d by label. Smack lets the last one win.
func (c *compiler) mappings(into map[engine.Label]Mapping, from []Mapping) {
	for _, m := range from {
		l := c.label(m.Label)
		if l == engine.Unknown {
			if m.Label == "" {
				c.problem(m.Origin, "", "a mapping of no label")
			}
			continue
		}
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
				c.collision(at, d, earlier, l, own, global)
			}
			// Linux searches its newest labels first, and labels are numbered in
			// the order they were first named.
			d.labels.replace(&key, l)
		}
		if staysInside(l, c.spec.Mode) {
			continue
		}
		w := &d.wire[l]
		length, _ := definition.Encode(&w.bytes, &key)
		w.n = uint8(length)
		d.longest = max(d.longest, (length+3)&^3)
	}
}

// staysInside reports whether a label never leaves: no host could answer for * and ?,
// and @ may do everything.
func staysInside(l engine.Label, m Mode) bool {
	return l == engine.Star || l == engine.Huh || l == engine.Web && m == Strict
}

// collision reports two labels that a receiver could not tell apart. It stands at
// the mapping that made them so: a name that is encoded directly has no line.
func (c *compiler) collision(at engine.Origin, d *doi, earlier, l engine.Label, own, global map[engine.Label]Mapping) {
	if at == (engine.Origin{}) {
		var key cipso.Label
		at, _ = c.encode(&key, earlier, own, global)
	}
	pair := collision{earlier, l, at}
	if c.collisions[pair] {
		return // a mapping for every domain collides in every domain
	}
	if c.collisions == nil {
		c.collisions = make(map[collision]bool)
	}
	c.collisions[pair] = true
	c.problem(at, "give each label its own level and categories",
		"labels %q and %q have the same level and categories in DOI %d", c.s.policy.Name(earlier), c.s.policy.Name(l), d.number)
}

type collision struct {
	earlier, later engine.Label
	at             engine.Origin
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
