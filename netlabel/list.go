package netlabel

import (
	"net/netip"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// ZoneLabel returns the single label of the zone's hosts without an entry,
// engine.Unknown when they have none.
func (s *Snapshot) ZoneLabel(z Zone) engine.Label { return s.zoneAt(z).label }

// ZoneNetworks returns the addresses that live in the zone, as they were written;
// none means all that live in no other. They must not be changed.
func (s *Snapshot) ZoneNetworks(z Zone) []netip.Prefix { return s.zoneAt(z).networks }

// ZoneLayer returns the layer that restricts the zone, 0 for none.
func (s *Snapshot) ZoneLayer(z Zone) engine.LayerID { return s.zoneAt(z).layer }

// ZoneLabelAmbient reports whether packets with the ambient label leave to the zone
// labeled.
func (s *Snapshot) ZoneLabelAmbient(z Zone) bool { return s.zoneAt(z).labelAmbient }

// ZoneTunnels returns the names of the tunnels that the zone admits.
func (s *Snapshot) ZoneTunnels(z Zone) (names []string) {
	admitted := s.zoneAt(z).tunnels
	for i, t := range tunnels {
		if admitted&(1<<i) != 0 {
			names = append(names, t.Name)
		}
	}
	return names
}

// EntryOnLabel returns what becomes of labeled packets from the hosts of an entry,
// which is not what was written where Linux knows nothing else. The index is one of
// Entry.
func (s *Snapshot) EntryOnLabel(i int32) hostmap.OnLabel { return s.entries[i].onLabel }

// Domain is a domain of interpretation for people.
type Domain struct {
	Number             cipso.DOI
	Tags               []cipso.TagType // in order of preference; must not be changed
	AcceptNonCanonical bool
	Mappings           int // that hold in it only
	Origin             engine.Origin
}

// Domains returns the number of domains of interpretation.
func (s *Snapshot) Domains() int { return len(s.dois) }

// Domain returns a domain by its index, 0..Domains()-1, in the order in which they
// were defined.
func (s *Snapshot) Domain(i int) Domain {
	d := &s.dois[i]
	definition := &d.decoder.Definitions[0]
	return Domain{
		Number: d.number, Tags: definition.Tags, AcceptNonCanonical: definition.AcceptNonCanonical,
		Mappings: len(d.mappings), Origin: d.origin,
	}
}
