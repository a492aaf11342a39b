package judge

import (
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/control"
	"labelgate/netlabel"
)

func domainRows(now moment) rows {
	s := now.snapshot
	return rows{s.Domains(), func(i int) any {
		d := s.Domain(i)
		row := &control.Domain{
			Number: uint32(d.Number), NonCanonical: d.AcceptNonCanonical, Mappings: d.Mappings, At: place(d.Origin),
		}
		for _, t := range d.Tags {
			row.Tags = append(row.Tags, int(t))
		}
		return row // whether the kernel knows it is not known here
	}}
}

func hostRows(now moment) rows {
	s := now.snapshot
	return rows{s.Entries(), func(i int) any {
		e := s.Entry(int32(i))
		row := &control.Host{Prefix: e.Prefix.String(), Zone: e.Zone, Kind: control.HostSingle, At: e.Origin()}
		if e.Kind == hostmap.CIPSO {
			row.Kind, row.DOI, row.Only = control.HostCIPSO, e.DOI, e.Only
			switch e.OnUnlabeled {
			case hostmap.UnlabeledDrop:
				row.OnUnlabeled = "drop"
			case hostmap.UnlabeledAmbient:
				row.OnUnlabeled = "ambient"
			case hostmap.UnlabeledAs:
				row.OnUnlabeled = e.UnlabeledLabel
			}
			return row
		}
		row.Label, row.WebAs = e.Label, e.Replacement
		if e.Via.IsValid() {
			row.Via = e.Via.String()
		} else {
			row.OnLabel = s.EntryOnLabel(int32(i)).String()
		}
		return row
	}}
}

// labelRows has a place for each label as it is anywhere, and one more for it in
// each domain.
func labelRows(now moment) rows {
	s := now.snapshot
	each := s.Domains() + 1
	return rows{s.Policy().Labels() * each, func(i int) any {
		l, domain := engine.Label(i/each), i%each-1
		anywhere := s.Writing(l)
		switch {
		case l == engine.Unknown:
			return nil
		case domain >= 0:
			if w := s.WritingIn(domain, l); w != anywhere {
				return labelRow(s.LabelName(l), uint32(s.Domain(domain).Number), w)
			}
			return nil
		}
		for d := range s.Domains() {
			if s.WritingIn(d, l) == anywhere {
				return labelRow(s.LabelName(l), 0, anywhere)
			}
		}
		if s.Domains() > 0 {
			return nil // it is so nowhere
		}
		return labelRow(s.LabelName(l), 0, anywhere)
	}}
}

func labelRow(name string, doi uint32, w netlabel.Writing) *control.Label {
	row := &control.Label{Name: name, DOI: doi, Encoding: w.Encoding.String()}
	if w.Encoding != netlabel.NotWritten {
		row.Level, row.Categories, row.At = w.Level, w.Categories.String(), place(w.Origin)
	}
	return row
}

func ruleRows(now moment) rows {
	p := now.snapshot.Policy()
	restricts := make(map[engine.LayerID][]string)
	for z := netlabel.Zone(1); int(z) <= now.snapshot.Zones(); z++ {
		if l := now.snapshot.ZoneLayer(z); l != 0 {
			restricts[l] = append(restricts[l], now.snapshot.ZoneName(z))
		}
	}
	return rows{p.RuleIDs(), func(i int) any {
		r := p.Rule(engine.RuleID(i))
		return &control.Rule{
			Subject: p.Name(r.Subject), Object: p.Name(r.Object), Access: r.Access.String(),
			Restricts: restricts[p.RuleLayer(engine.RuleID(i))], At: place(r.Origin),
		}
	}}
}
