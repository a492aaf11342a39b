package judge

import (
	"labelgate/internal/control"
	"labelgate/internal/links"
	"labelgate/netlabel"
)

func zoneRows(now moment) rows {
	s := now.snapshot
	present := make(map[string]links.Link)
	for _, l := range now.links.Links() {
		present[l.Name] = l
	}
	return rows{s.Zones(), func(i int) any {
		z := netlabel.Zone(i + 1)
		row := &control.Zone{
			Name: s.ZoneName(z), Labels: s.ZoneTrust(z).String(), DOI: uint32(s.ZoneDOI(z)), Label: s.LabelName(s.ZoneLabel(z)),
			Restrict: s.Policy().LayerName(s.ZoneLayer(z)), LabelAmbient: s.ZoneLabelAmbient(z), Tunnels: s.ZoneTunnels(z),
			ICMPErrors: s.ZoneErrors(z), MTU: s.ZoneMTU(z), At: place(s.ZoneOrigin(z)),
		}
		row.Only, row.OnlyMore = cut(s.ZoneOnly(z))
		networks, more := cut(s.ZoneNetworks(z))
		for _, n := range networks {
			row.Networks = append(row.Networks, n.String())
		}
		row.NetworksMore = more
		interfaces, more := cut(now.gateway.Config.Zones[i].Interfaces)
		row.Links, row.LinksMore = make([]control.Link, len(interfaces)), more
		for i, name := range interfaces {
			l := present[name]
			row.Links[i] = control.Link{Name: name, Index: l.Index, Up: l.Up, MTU: l.MTU}
		}
		return row
	}}
}

// zoneWord is how a zone of what is remembered is called: 0 is this machine there.
func (m moment) zoneWord(z uint8) string {
	if z == 0 {
		return control.ThisMachine
	}
	return m.snapshot.ZoneName(netlabel.Zone(z))
}
