package config

import (
	"math"
	"slices"

	"labelgate/cipso"
)

// maxTags is the number of tag types that Linux keeps for a domain, too.
const maxTags = 5

func (c *checker) dois(raw []entry[rawDOI]) []DOI {
	var dois []DOI
	first := make(map[cipso.DOI]span)
	for i := range raw {
		d := c.doi(&raw[i])
		if at, ok := first[d.Number]; ok && d.Number != 0 {
			c.problem(raw[i].value.number.at, "duplicate", "", "DOI %d is defined twice, first in %s", d.Number, c.line(at))
		} else {
			first[d.Number] = raw[i].value.number.at
		}
		dois = append(dois, d)
	}
	return dois
}

func (c *checker) doi(raw *entry[rawDOI]) DOI {
	d := &raw.value
	doi := DOI{
		AcceptNonCanonical: c.word(d.noncanonical, "noncanonical", canonical[:]) == 1,
		CIPSO:              c.path(d.cipso, "cipso", ""),
	}
	doi.Line, _, _ = c.doc.position(raw.at)
	if d.number.set {
		doi.Number = c.doiNumber(d.number, "number")
	} else if d.number.absent() {
		c.missing(raw.at, "number", "this [[doi]]", "")
	}
	if d.tags.absent() {
		doi.Tags = []cipso.TagType{cipso.TagRestricted}
		return doi
	}
	if d.tags.set && len(d.tags.value) == 0 {
		c.problem(d.tags.at, "tags", "write tags = [1] for the tag type that Smack sends", "tags names no tag type")
	}
	if len(d.tags.value) > maxTags {
		c.problem(d.tags.at, "tags", "", "%d tag types are more than %d", len(d.tags.value), maxTags)
	}
	for _, t := range d.tags.value {
		switch tag := cipso.TagType(t.value); {
		case t.value != 1 && t.value != 2 && t.value != 5:
			c.problem(t.at, "tags", "", "tag type %d is none of 1 (bitmap), 2 (enumerated), 5 (ranges)", t.value)
		case slices.Contains(doi.Tags, tag):
			c.problem(t.at, "duplicate", "", "tag type %d is named twice", t.value)
		default:
			doi.Tags = append(doi.Tags, tag)
		}
	}
	return doi
}

// doiNumber returns a DOI, 0 when it cannot be one. 0 is reserved (CIPSO draft,
// section 3.1): no packet may carry it.
func (c *checker) doiNumber(n number, name string) cipso.DOI {
	if n.value == 0 {
		c.problem(n.at, "doi", "", "%s: DOI 0 is reserved and never accepted", name)
		return 0
	}
	return cipso.DOI(c.number(n, name, 1, math.MaxUint32, 0))
}
