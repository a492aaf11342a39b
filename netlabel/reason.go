package netlabel

// Reason says why a packet was dropped. Its zero value belongs to packets that
// were not.
type Reason uint8

// The reasons, in the order in which Process asks.
const (
	ReasonNone Reason = iota
	ReasonNotIPv4
	ReasonTruncated
	ReasonMalformedHeader
	ReasonNoZone
	ReasonIPOption
	ReasonForeignLabel
	ReasonTinyFragment
	ReasonRedirect
	ReasonICMPType
	ReasonMartianSource
	ReasonSourceNotInZone
	ReasonGroupDestination
	ReasonNoDestinationZone
	ReasonTunnel
	ReasonLabelFromUnlabeledZone
	ReasonMalformedOption
	ReasonUnknownDOI
	ReasonLabelSpoof
	ReasonUnknownLabel
	ReasonMappedLabel
	ReasonReservedLabel
	ReasonLabelMissing
	ReasonSourceNotAccredited
	ReasonNoSelfLabel
	ReasonStarSubject
	ReasonNoRule
	ReasonRuleLacks
	ReasonLayer
	ReasonDestinationNotAccredited
	ReasonWebToLabeled
	ReasonNoEncoding
	ReasonNoRoom
	ReasonMalformedError
	ReasonUnsolicitedError
	ReasonTooBig
	ReasonLabelChanged
	ReasonFragmentLabel
	ReasonFragmentOverlap
	ReasonFragmentRefused
	ReasonFragmentTable
	ReasonEgressZone
	ReasonDestinationChanged
	ReasonStaleGeneration
	ReasonUnmarkable
	numReasons
)

// reasons holds for each Reason its name, which records and scripts use, and a
// sentence for people.
var reasons = [numReasons]struct{ name, text string }{
	ReasonNone:                     {"", "the packet was not dropped"},
	ReasonNotIPv4:                  {"not-ipv4", "only IPv4 can be labeled; everything else is refused in a zone"},
	ReasonTruncated:                {"truncated", "the kernel handed over only a part of the packet"},
	ReasonMalformedHeader:          {"malformed-header", "the IP header contradicts itself"},
	ReasonNoZone:                   {"no-zone", "the interface it came in by belongs to no zone; name it in a [[zone]]"},
	ReasonIPOption:                 {"ip-option", "it carries an IP option that has no business at a perimeter (source route, record route, timestamp, stream id or an unknown one)"},
	ReasonForeignLabel:             {"foreign-label", "it carries a label of another scheme (RFC 1108) that this gateway cannot judge"},
	ReasonTinyFragment:             {"tiny-fragment", "a fragment that ends inside the layer-4 header, or begins where that could be overwritten (RFC 1858)"},
	ReasonRedirect:                 {"redirect", "ICMP redirects choose the path of a host's packets, and no router forwards them"},
	ReasonICMPType:                 {"icmp-type", "ICMP messages of this type end at their link, or are of a type that is not known and may quote a label"},
	ReasonMartianSource:            {"martian-source", "its source address is loopback, multicast, broadcast, unspecified, reserved or this machine's own"},
	ReasonSourceNotInZone:          {"source-not-in-zone", "its source address lives in another zone than the one it came from"},
	ReasonGroupDestination:         {"group-destination", "multicast and broadcast have no single object to check against"},
	ReasonNoDestinationZone:        {"no-destination-zone", "no zone holds its destination address; see the networks of each [[zone]]"},
	ReasonTunnel:                   {"tunnel", "it carries packets of its own, whose labels cannot be judged from outside; both zones can admit it (tunnels = [...])"},
	ReasonLabelFromUnlabeledZone:   {"label-from-unlabeled-zone", "hosts of this zone may not assert labels"},
	ReasonMalformedOption:          {"malformed-option", "its CIPSO option breaks the format"},
	ReasonUnknownDOI:               {"unknown-doi", "its CIPSO option is of a domain of interpretation that its zone does not speak"},
	ReasonLabelSpoof:               {"label-spoof", "it carries a label, but the host table gives its source a single label of its own"},
	ReasonUnknownLabel:             {"unknown-label", "no label of the policy has this level and these categories"},
	ReasonMappedLabel:              {"mapped-label", "its label is a number that means something on the machine that sent it only; give that label a mapping in cipso.d, here and there"},
	ReasonReservedLabel:            {"reserved-label", "a label that every rule yields to is not taken from the wire"},
	ReasonLabelMissing:             {"label-missing", "it carries no label, where its zone or its host entry demands one"},
	ReasonSourceNotAccredited:      {"source-not-accredited", "its label is not among those that may come from there"},
	ReasonNoSelfLabel:              {"no-self-label", "this machine has no label of its own; give it one in [self]"},
	ReasonStarSubject:              {"star-subject", "the subject * is denied everything, and neither * nor ? is ever told to a labeled host"},
	ReasonNoRule:                   {"no-rule", "no rule names this subject and object"},
	ReasonRuleLacks:                {"rule-lacks-w", "the rule for this subject and object does not grant w"},
	ReasonLayer:                    {"layer", "the rules allow it, the zone's own restriction does not"},
	ReasonDestinationNotAccredited: {"destination-not-accredited", "its label is not among those that may go there"},
	ReasonWebToLabeled:             {"web-to-labeled", "a packet labeled @ must not reach a labeled host as @, which may do everything; give its entry a replacement label (web-as=)"},
	ReasonNoEncoding:               {"no-encoding", "its label cannot be written in the destination's domain of interpretation; give it a mapping in cipso.d"},
	ReasonNoRoom:                   {"no-room", "the option does not fit into 40 bytes beside the others, or the packet would pass 65535 bytes"},
	ReasonMalformedError:           {"malformed-error", "an ICMP error whose checksum is wrong, that reports another error, or that comes in fragments"},
	ReasonUnsolicitedError:         {"unsolicited-error", "an ICMP error that reports no datagram which its receiver lately sent to where it comes from"},
	ReasonTooBig:                   {"too-big", "with its option it is larger than the way out allows, and its sender forbids fragments"},
	ReasonLabelChanged:             {"label-changed", "packets of its flow had another label before (pin-flows)"},
	ReasonFragmentLabel:            {"fragment-label", "fragments of one datagram carry different labels, or only some carry one"},
	ReasonFragmentOverlap:          {"fragment-overlap", "fragments of one datagram overlap, contradict its end, or are scattered too widely to be followed"},
	ReasonFragmentRefused:          {"fragment-refused", "another fragment of its datagram was refused"},
	ReasonFragmentTable:            {"fragment-table-full", "more datagrams are on their way in fragments than can be followed"},
	ReasonEgressZone:               {"egress-zone", "it was routed out of another zone than the one that holds its destination"},
	ReasonDestinationChanged:       {"destination-changed", "address translation gave it another destination after it was judged, one that takes no labels"},
	ReasonStaleGeneration:          {"stale-generation", "the policy changed while the packet was on its way"},
	ReasonUnmarkable:               {"unmarkable", "its label has no place in the packet mark"},
}

// String returns the reason's name as records and scripts use it; the empty
// string for ReasonNone.
func (r Reason) String() string {
	if r >= numReasons {
		return "unknown"
	}
	return reasons[r].name
}

// Explain returns one sentence for people: what was wrong, and what to do where
// there is something to do.
func (r Reason) Explain() string {
	if r >= numReasons {
		return ""
	}
	return reasons[r].text
}

// Reasons returns every reason for which a packet is dropped.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := ReasonNone + 1; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}
