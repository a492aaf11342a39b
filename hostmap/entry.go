package hostmap

import (
	"net/netip"
	"strconv"
)

// Kind says who gives the packets of a host their label.
type Kind uint8

const (
	// SingleLabel hosts know nothing of labels: all they send has Entry.Label, and
	// packets go to them without an option. The label @ is one like any other here.
	SingleLabel Kind = iota
	// CIPSO hosts put a label into each packet themselves.
	CIPSO
)

// OnLabel says what becomes of a labeled packet from a single-label host. The
// zero value refuses it: whoever may choose his label has none to be held to.
type OnLabel uint8

const (
	LabelDrop   OnLabel = iota // refuse the packet
	LabelStrip                 // take the option off and use the entry's label
	LabelHonour                // believe the packet, as Linux does
)

// OnUnlabeled says what becomes of an unlabeled packet from a CIPSO host. The
// zero value refuses it.
type OnUnlabeled uint8

const (
	UnlabeledDrop    OnUnlabeled = iota // refuse the packet
	UnlabeledAmbient                    // give it the ambient label
	UnlabeledAs                         // give it Entry.UnlabeledLabel
)

// Entry is one line of the host table. Its key is (Prefix, Zone).
type Entry struct {
	Prefix         netip.Prefix // host bits are cleared by Builder.Add
	Zone           string       // the zone it is bound to; "" holds in all of them
	Kind           Kind
	OnLabel        OnLabel     // valid iff SingleLabel
	OnUnlabeled    OnUnlabeled // valid iff CIPSO
	DOI            uint32      // valid iff CIPSO; 0 is that of the zone
	Label          string      // valid iff SingleLabel
	Only           []string    // valid iff CIPSO: the labels its hosts may have; nil is any
	UnlabeledLabel string      // valid iff UnlabeledAs
	Replacement    string      // for Label "@": what its packets are labeled as toward CIPSO hosts; "" is nothing
	Via            netip.Addr  // valid iff SingleLabel: the next hop that speaks labels for these hosts; invalid is none
	File           string      // where it was written
	Line           int
}

// Origin is "file:line", or "" for an entry that was not read from a file.
func (e *Entry) Origin() string {
	if e.File == "" {
		return ""
	}
	return e.File + ":" + strconv.Itoa(e.Line)
}

func (e *Entry) name() string {
	s := e.Prefix.String()
	if e.Zone != "" {
		s += " in zone " + strconv.Quote(e.Zone)
	}
	return s
}

// String returns the word used in host files.
func (o OnLabel) String() string {
	switch o {
	case LabelStrip:
		return "strip"
	case LabelHonour:
		return "honour"
	}
	return "drop"
}
