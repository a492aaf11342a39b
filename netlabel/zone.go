package netlabel

import (
	"net/netip"

	"labelgate/cipso"
	"labelgate/engine"
)

// Zone is the index of a zone in a Snapshot, 1..MaxZones. Its zero value is no
// zone: packets that are in none are dropped.
type Zone uint8

// MaxZones is the number of zones that the packet mark can tell apart.
const MaxZones = 63

// Trust says whether the hosts of a zone may assert labels. A label is only as
// good as the interface it arrived on: CIPSO is not authenticated.
type Trust uint8

// The zero Trust believes nobody.
const (
	// Refuse: a packet that carries a label is dropped, and none leaves labeled.
	Refuse Trust = iota
	// Accept: labels are believed, unlabeled packets get their label from the
	// host table.
	Accept
	// Require: a packet without a label is dropped, and none leaves unlabeled
	// unless the host table says that its destination is a single-label host.
	Require
)

// String returns the word used in the settings.
func (t Trust) String() string {
	switch t {
	case Accept:
		return "accept"
	case Require:
		return "require"
	}
	return "refuse"
}

// ZoneSpec describes a zone to Compile.
type ZoneSpec struct {
	Name     string
	Networks []netip.Prefix // the addresses that live there; none means all
	Trust    Trust
	DOI      cipso.DOI // 0: the zone speaks none; then no label enters or leaves
	Label    string    // "" or the single label of hosts without an entry of their own
	Only     []string  // accreditation: the labels that may come from or go to the zone; none means all
	Layer    string    // "" or the engine layer consulted after the rules allowed

	// LabelAmbient makes packets with the ambient label leave labeled, where
	// Linux sends them without an option. A Require zone always does.
	LabelAmbient bool

	// Tunnels names those that are admitted from and to the zone; see Tunnels.
	Tunnels []string

	// Errors lets ICMP errors about packets that were dropped go to the zone. A
	// Refuse zone never gets any but those about a packet's size: they would tell
	// an attacker which check his packet failed.
	Errors bool

	// MTU of the zone's links in bytes, 0 when unknown. It bounds the segment
	// size offered in TCP SYNs when options may be added.
	MTU int

	Origin engine.Origin
}

// zone is a ZoneSpec compiled against the labels of a snapshot.
type zone struct {
	name         string
	trust        Trust
	doi          int // index into Snapshot.dois, -1 for none
	label        engine.Label
	only         labelSet
	layer        engine.LayerID
	labelAmbient bool
	tunnels      tunnelSet
	errors       bool
	mtu          int
	onlyNames    []string       // as written, for people
	networks     []netip.Prefix // as written, for people
	origin       engine.Origin
}
