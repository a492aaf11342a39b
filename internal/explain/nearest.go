package explain

import (
	"strings"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// hints says below a denial what in the policy is to be looked at.
func (e *explainer) hints() {
	switch e.v.Reason {
	case netlabel.ReasonNoRule, netlabel.ReasonRuleLacks:
		e.nearest()
	case netlabel.ReasonSourceNotInZone:
		if z := e.s.ZoneOf(e.view.Src); z != 0 {
			e.remark("hint", origin(e.s.ZoneOrigin(z)), "%s lives in zone %s", e.view.Src, e.s.ZoneName(z))
		}
	case netlabel.ReasonUnknownLabel:
		e.unknown()
	case netlabel.ReasonSourceNotAccredited:
		e.only("source", e.s.Entry(e.v.SourceEntry), e.v.InZone)
	case netlabel.ReasonDestinationNotAccredited:
		e.only("target", e.s.Entry(e.v.DestEntry), e.v.OutZone)
	}
}

// unknown tells a label that is not in the policy from one that is, under another
// level: whoever sends it has another cipso.d.
func (e *explainer) unknown() {
	if e.direct == "" {
		return
	}
	l, known := e.s.Policy().Lookup(e.direct)
	if !known {
		e.remark("hint", "", "no file of the policy names %q", e.direct)
		return
	}
	if m, mapped := e.s.Mapping(e.doi, l); mapped {
		e.remark("hint", origin(m.Origin), "the policy knows %q, as level %d, categories %s", e.direct, m.Level, categories(&m.Categories))
	}
}

func categories(c *cipso.Categories) string {
	if c.Empty() {
		return "none"
	}
	return c.String()
}

// only shows where it stands which labels a host and its zone admit.
func (e *explainer) only(what string, entry *hostmap.Entry, zone netlabel.Zone) {
	if entry != nil && len(entry.Only) > 0 {
		e.remark("only", at(entry), "the %s's entry admits %s", what, strings.Join(entry.Only, ", "))
	}
	if labels := e.s.ZoneOnly(zone); len(labels) > 0 {
		e.remark("only", origin(e.s.ZoneOrigin(zone)), "zone %s admits %s", e.s.ZoneName(zone), strings.Join(labels, ", "))
	}
}

// nearest names the existing rule that comes closest to the one that is missing:
// of the same subject, to the object whose name has most in common; else to the
// same object. It never proposes a new rule.
func (e *explainer) nearest() {
	p := e.s.Policy()
	best, score := engine.Rule{}, 0
	for r := range p.Rules() {
		if r.Access&engine.Write == 0 {
			continue
		}
		n := 0
		switch {
		case r.Subject == e.v.Subject && r.Object != e.v.Object:
			n = 1000 + common(p.Name(r.Object), p.Name(e.v.Object))
		case r.Object == e.v.Object && r.Subject != e.v.Subject:
			n = 1 + common(p.Name(r.Subject), p.Name(e.v.Subject))
		}
		if n > score {
			best, score = r, n
		}
	}
	if score > 0 {
		e.remark("nearest", best.Origin.String(), "%s → %s %s", p.Name(best.Subject), p.Name(best.Object), best.Access)
	}
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
