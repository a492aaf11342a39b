package judge

import (
	"labelgate/engine"
	"labelgate/internal/control"
)

// Table returns a page of a table of what is in force. A cursor belongs to one
// generation of the policy; with that of another the error is of CodeStale. A page
// costs as much as it holds, whatever the size of the table.
func (s *Service) Table(r control.Request) (control.Response, error) {
	if s.live.load() == nil {
		return control.Response{}, control.Errorf(control.CodeUnavailable, "no policy is in force yet; try again")
	}
	now := s.live.moment(s.Links)
	switch r.Verb {
	case control.VerbZones:
		return page(r, now, zoneRows(now))
	case control.VerbDomains:
		return page(r, now, domainRows(now))
	case control.VerbHosts:
		return page(r, now, hostRows(now))
	case control.VerbLabels:
		return page(r, now, labelRows(now))
	case control.VerbRules:
		return page(r, now, ruleRows(now))
	case control.VerbFlows:
		return s.flows.page(s, r)
	case control.VerbFragments:
		return s.datagrams.page(s, r)
	}
	return control.Response{}, control.Errorf(control.CodeUnknownVerb, "there is no table %q", r.Verb)
}

// rows are the rows of a table that does not change, by their places.
type rows struct {
	places int
	// row returns the row of a place, nil where there is none.
	row func(place int) any
}

// maxPlaces is how many places a page looks at. Not every place needs to have a row.
const maxPlaces = 1 << 16

// page fills an answer from where the cursor points.
func page(r control.Request, now moment, all rows) (control.Response, error) {
	c, err := control.ParseCursor(r.Args.Cursor, now.snapshot.Generation())
	if err != nil {
		return control.Response{}, err
	}
	p := control.Page{Limit: r.Args.Limit}
	for looked := 0; c.Position < uint64(all.places); c.Position++ {
		if looked++; looked > maxPlaces {
			return p.Response(c.String()), nil
		}
		row := all.row(int(c.Position))
		if row == nil {
			continue
		}
		switch fits, err := p.Add(row); {
		case err != nil:
			return control.Response{}, err
		case !fits:
			return p.Response(c.String()), nil
		}
	}
	return p.Response(""), nil
}

// cut shortens a list to what a row may have, and returns how many are missing.
func cut[T any](all []T) (kept []T, more int) {
	n := min(len(all), control.MaxList)
	return all[:n:n], len(all) - n
}

// place is where something was written, "" when that was nowhere.
func place(o engine.Origin) string {
	if o.File == "" {
		return ""
	}
	return o.String()
}
