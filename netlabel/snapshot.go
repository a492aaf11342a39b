package netlabel

import (
	"net/netip"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// Snapshot is one whole policy: rules, labels and their encodings, hosts, zones.
// It is immutable after Compile and may be shared by any number of goroutines.
// A packet is judged by one Snapshot only.
type Snapshot struct {
	mode       Mode
	generation uint32

	policy  *engine.Policy
	ambient engine.Label
	self    engine.Label
	mapped  uint8 // level of labels that are numbers of the machine that sent them
	direct  uint8

	hosts   *hostmap.Table
	entries []entry // by index of hosts

	zones    []zone         // by Zone; zones[0] is no zone
	networks *hostmap.Table // address -> index into networkZone
	network  []Zone

	dois []doi

	mappings map[engine.Label]Mapping // as read, for people
}

// entry is a hostmap.Entry compiled against the labels of a snapshot.
type entry struct {
	kind        hostmap.Kind
	label       engine.Label // single label; engine.Unknown for -CIPSO
	doi         int          // index into dois, -1: the zone's
	via         int          // index into dois of a labeled next hop, -1: there is none
	only        labelSet
	onLabel     hostmap.OnLabel
	onUnlabeled hostmap.OnUnlabeled
	unlabeledAs engine.Label
	replacement engine.Label // of an @ host toward labeled ones, engine.Unknown for none
}

// doi is a domain of interpretation with the encodings of every label in it.
type doi struct {
	number  cipso.DOI
	decoder cipso.Decoder
	labels  *labelMap
	wire    []wireOption // by label
	longest int          // of wire, padded

	mappings map[engine.Label]Mapping // of this domain only, as read, for people
	origin   engine.Origin
}

// wireOption is a label's option in one domain, unpadded and canonical.
type wireOption struct {
	bytes [cipso.MaxOptionLen]byte
	n     uint8 // 0: the label cannot be written in this domain
}

// Mode returns the behaviour the snapshot was compiled for.
func (s *Snapshot) Mode() Mode { return s.mode }

// Generation returns the number that Compile was given.
func (s *Snapshot) Generation() uint32 { return s.generation }

// Policy returns the compiled rules.
func (s *Snapshot) Policy() *engine.Policy { return s.policy }

// Ambient returns the label of unlabeled packets from hosts without an entry.
func (s *Snapshot) Ambient() engine.Label { return s.ambient }

// Self returns the machine's own label, engine.Unknown when it has none.
func (s *Snapshot) Self() engine.Label { return s.self }

// Direct returns the level of labels that their categories spell. A set of
// categories at any other level may look like text by accident.
func (s *Snapshot) Direct() uint8 { return s.direct }

// LabelName returns a label's name; the empty string for engine.Unknown.
func (s *Snapshot) LabelName(l engine.Label) string {
	if l == engine.Unknown {
		return ""
	}
	return s.policy.Name(l)
}

// Zones returns the number of zones; they are 1..Zones().
func (s *Snapshot) Zones() int { return len(s.zones) - 1 }

// ZoneNamed finds a zone by its name.
func (s *Snapshot) ZoneNamed(name string) (Zone, bool) {
	for i := 1; i < len(s.zones); i++ {
		if s.zones[i].name == name {
			return Zone(i), true
		}
	}
	return 0, false
}

// ZoneName returns the zone's name; the empty string for no zone.
func (s *Snapshot) ZoneName(z Zone) string {
	if int(z) >= len(s.zones) {
		return ""
	}
	return s.zones[z].name
}

// ZoneTrust returns whether the zone's hosts may assert labels.
func (s *Snapshot) ZoneTrust(z Zone) Trust { return s.zoneAt(z).trust }

// ZoneOrigin returns where the zone was defined.
func (s *Snapshot) ZoneOrigin(z Zone) engine.Origin { return s.zoneAt(z).origin }

// ZoneOnly returns the labels that may come from or go to the zone, as they were
// written; none means all.
func (s *Snapshot) ZoneOnly(z Zone) []string { return s.zoneAt(z).onlyNames }

// ZoneErrors reports whether ICMP errors about dropped packets may go to the zone.
func (s *Snapshot) ZoneErrors(z Zone) bool { return s.zoneAt(z).errors }

// ZoneMTU returns the smallest MTU of the zone's links, 0 when it is not known.
func (s *Snapshot) ZoneMTU(z Zone) int { return s.zoneAt(z).mtu }

// ZoneDOI returns the domain of interpretation that the zone speaks, 0 for none.
func (s *Snapshot) ZoneDOI(z Zone) cipso.DOI {
	if i := s.zoneAt(z).doi; i >= 0 {
		return s.dois[i].number
	}
	return 0
}

// ZoneOf returns the zone that holds an address, 0 for none.
func (s *Snapshot) ZoneOf(a netip.Addr) Zone {
	if i := s.networks.Lookup(0, a); i >= 0 {
		return s.network[i]
	}
	return 0
}

// zoneAt returns a zone's compiled form; that of no zone, which refuses
// everything, for an index out of range.
func (s *Snapshot) zoneAt(z Zone) *zone {
	if int(z) >= len(s.zones) {
		z = 0
	}
	return &s.zones[z]
}

// Entry returns an entry of the host table by the index in a Verdict, nil for -1.
func (s *Snapshot) Entry(i int32) *hostmap.Entry {
	if i < 0 {
		return nil
	}
	return s.hosts.Entry(i)
}

// Entries returns the number of entries in the host table.
func (s *Snapshot) Entries() int { return s.hosts.Len() }

// Mapping returns the line of cipso.d that gives a label its encoding in a domain
// of interpretation: the domain's own, or else the one for all.
func (s *Snapshot) Mapping(number cipso.DOI, l engine.Label) (Mapping, bool) {
	for i := range s.dois {
		if m, ok := s.dois[i].mappings[l]; ok && s.dois[i].number == number {
			return m, true
		}
	}
	m, ok := s.mappings[l]
	return m, ok
}

// Encoding returns the option, unpadded, that carries a label in a domain of
// interpretation; nil when none can.
func (s *Snapshot) Encoding(number cipso.DOI, l engine.Label) []byte {
	for i := range s.dois {
		if s.dois[i].number == number && int(l) < len(s.dois[i].wire) {
			w := &s.dois[i].wire[l]
			return w.bytes[:w.n:w.n]
		}
	}
	return nil
}

// LabelOf returns the label that has a level and categories in a domain of
// interpretation, engine.Unknown when the policy names none.
func (s *Snapshot) LabelOf(number cipso.DOI, key *cipso.Label) engine.Label {
	for i := range s.dois {
		if s.dois[i].number == number {
			return s.dois[i].labels.lookup(key)
		}
	}
	return engine.Unknown
}

// Decoder returns the decoder that knows every domain of the snapshot; tools use
// it, Process asks the one domain that a zone speaks.
func (s *Snapshot) Decoder() *cipso.Decoder {
	d := &cipso.Decoder{Compat: s.mode == Compat}
	for i := range s.dois {
		d.Definitions = append(d.Definitions, s.dois[i].decoder.Definitions...)
	}
	return d
}

// WithMTUs returns a snapshot that differs in the MTUs of its zones only: mtus[z]
// for zone z, 0 where unknown. Both share everything else.
func (s *Snapshot) WithMTUs(mtus []int) *Snapshot {
	t := *s
	t.zones = append([]zone(nil), s.zones...)
	for i := range t.zones {
		if i < len(mtus) {
			t.zones[i].mtu = mtus[i]
		}
	}
	return &t
}
