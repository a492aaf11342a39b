package explain

import (
	"strings"

	"labelgate/cipso"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// hints says below a denial what in the policy is to be looked at.
func (e *explainer) hints() {
	entry := e.s.Entry(e.v.SourceEntry)
	switch e.v.Reason {
	case netlabel.ReasonNoRule, netlabel.ReasonRuleLacks:
		e.nearest()
	case netlabel.ReasonSourceNotInZone:
		if z := e.s.ZoneOf(e.view.Src); z != 0 {
			e.remark("hint", origin(e.s.ZoneOrigin(z)), "%s lives in zone %s", e.view.Src, e.s.ZoneName(z))
		}
	case netlabel.ReasonICMPType:
		e.remark("hint", "", "it is of type %d", e.view.ICMPType)
	case netlabel.ReasonTunnel:
		e.tunnels()
	case netlabel.ReasonUnknownDOI:
		if entry == nil || entry.Kind != hostmap.CIPSO || entry.DOI == 0 {
			e.remark("hint", origin(e.s.ZoneOrigin(e.v.InZone)), "zone %s speaks DOI %d", e.s.ZoneName(e.v.InZone), e.s.ZoneDOI(e.v.InZone))
		}
	case netlabel.ReasonUnknownLabel:
		e.unknown()
	case netlabel.ReasonLabelMissing, netlabel.ReasonLabelSpoof:
		e.demanded(entry)
	case netlabel.ReasonSourceNotAccredited:
		e.only("source", entry, e.v.InZone)
	case netlabel.ReasonDestinationNotAccredited:
		e.only("target", e.s.Entry(e.v.DestEntry), e.v.OutZone)
	case netlabel.ReasonTooBig:
		e.remark("hint", "", "packets of up to %d bytes pass, and its sender is told so", e.v.MTU)
	}
}

// tunnels names the tunnel that a packet belongs to, and where it is not admitted.
func (e *explainer) tunnels() {
	for _, z := range []netlabel.Zone{e.v.InZone, e.v.OutZone} {
		for _, name := range e.s.TunnelsRefused(&e.view, z) {
			e.remark("tunnel", origin(e.s.ZoneOrigin(z)), "zone %s does not admit %q", e.s.ZoneName(z), name)
		}
	}
}

// demanded says what demands a label, or which one, of a packet from an entry, which
// may be nil.
func (e *explainer) demanded(entry *hostmap.Entry) {
	zone, zoneAt := e.s.ZoneName(e.v.InZone), origin(e.s.ZoneOrigin(e.v.InZone))
	missing := e.v.Reason == netlabel.ReasonLabelMissing
	switch {
	case missing && e.s.ZoneTrust(e.v.InZone) == netlabel.Require:
		e.remark("hint", zoneAt, "zone %s requires labels", zone)
	case entry != nil && entry.Via.IsValid() && missing:
		e.remark("hint", at(entry), "packets from there come by %s, which labels them", entry.Via)
	case entry != nil && entry.Via.IsValid():
		e.remark("hint", at(entry), "from behind %s only %q is believed", entry.Via, entry.Label)
	case entry != nil && missing:
		e.remark("hint", at(entry), "on-unlabeled= can say what %s is without one", entry.Prefix)
	case entry != nil:
		e.remark("hint", at(entry), "on-label= can say what becomes of one from %s", entry.Prefix)
	case !missing:
		e.remark("hint", zoneAt, "the hosts of zone %s have a single label", zone)
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
