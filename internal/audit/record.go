// Package audit writes down what became of packets: as text in the vocabulary of
// the kernel's own Smack records, so that what reads those reads these, or as
// one JSON object a line. It knows nothing of labels, rules or packets; its
// records hold plain values.
//
// Bytes that came from the network are written as hexadecimal digits only. Names
// that may hold anything are quoted, or written as hexadecimal digits when they
// hold a space, a quote or anything that is not printable ASCII, as the kernel's
// audit_log_untrustedstring does: nothing in a record can end it, forge a field
// of it or speak to a terminal.
package audit

import (
	"net/netip"
	"time"
)

// MaxOption is the number of option bytes that an IPv4 header can carry (RFC 791).
const MaxOption = 40

// Events that this package itself writes or that every reader should know.
const (
	EventDecision   = "decision"   // a packet was judged
	EventSuppressed = "suppressed" // Count records before this one were lost

	// EventQueueOverflow: the kernel dropped Count packets that nobody saw.
	EventQueueOverflow = "queue_overflow"
	// EventFiltered: netfilter rules dropped Count packets that nobody was asked
	// about.
	EventFiltered = "filtered"
	// EventRulesChanged: the netfilter rules were not as they had been installed.
	EventRulesChanged = "rules_changed"
)

// The Reason of an EventFiltered or EventRulesChanged.
const (
	ReasonUnjudged  = "unjudged"  // it was to leave to a zone that it had not been judged for
	ReasonIPv6      = "ipv6"      // IPv6 is closed in zones
	ReasonEthertype = "ethertype" // the frame held neither IP nor ARP
	ReasonDrift     = "drift"
)

// Why the kernel dropped packets before anybody saw them: the Reason of an
// EventQueueOverflow.
const (
	ReasonQueueFull  = "queue-full"  // more packets waited for a verdict than the queue holds
	ReasonBufferFull = "buffer-full" // the socket's receive buffer was full
)

// Actions, in the kernel's words.
const (
	Denied  = "denied"
	Granted = "granted"
)

// Record is one audit record. Fields with their zero value are left out, but for
// those of which it is said when they are valid. A Record holds no pointers into
// packets and may be copied and kept.
type Record struct {
	Seq   uint64    // set by the Sink: consecutive, lost records included
	Time  time.Time // set by the Sink when zero
	Event string    // EventDecision, EventSuppressed or another word

	Fn        string // hook: gw_forward, gw_input, gw_output
	Action    string // Denied or Granted
	Subject   string // label, or what the packet claimed
	Object    string
	Requested string // access modes

	Saddr, Daddr       netip.Addr
	Proto              uint8 // IP protocol number
	HasPorts           bool
	Src, Dest          uint16 // ports, host byte order; valid iff HasPorts
	HasICMP            bool
	ICMPType, ICMPCode uint8 // valid iff HasICMP

	Netif, OutNetif string // network devices
	Zone, OutZone   string

	Reason      string // why dropped
	Step        string // of the access decision that settled it
	Rule        string // file:line of the rule that settled it
	SourceEntry string // file:line in the host table
	DestEntry   string

	DOI        uint32
	Tag        uint8  // CIPSO tag type, 0 when there is none
	Level      uint8  // valid iff Tag is not 0
	Categories string // as in "1,5-7"
	Direct     string // text that level and categories spell in Smack's direct encoding

	Fault   string // of the option or the header
	Pointer uint8  // offset of the fault in the IP header; valid iff Fault is not empty

	OptionIn, OptionOut Option
	LengthIn, LengthOut uint32 // of the packet in bytes
	Verdict             string // drop, pass, add, strip, replace or blank
	Generation          uint32 // of the policy

	Count uint64 // how many records a suppressed one stands for
}

// Option is a copy of option bytes. Its zero value holds none.
type Option struct {
	bytes [MaxOption]byte
	n     uint8
}

// MakeOption copies b. What is longer than an option can be is cut.
func MakeOption(b []byte) Option {
	var o Option
	o.n = uint8(copy(o.bytes[:], b))
	return o
}

// Bytes returns the option's bytes; they are o's own.
func (o *Option) Bytes() []byte { return o.bytes[:o.n] }

// encoder writes one field after another. A word is ours or the operator's, a
// name may have come from the network.
type encoder interface {
	word(key, value string)
	name(key, value string)
	address(key string, value netip.Addr)
	number(key string, value uint64)
	option(key string, value *Option)
}

// encode shows every field to e, in the order in which records are written; seq
// and time are written by the caller.
func (r *Record) encode(e encoder) {
	e.word("event", r.Event)
	e.word("fn", r.Fn)
	e.word("action", r.Action)
	e.name("subject", r.Subject)
	e.name("object", r.Object)
	e.word("requested", r.Requested)
	e.address("saddr", r.Saddr)
	if r.HasPorts {
		e.number("src", uint64(r.Src))
	}
	e.address("daddr", r.Daddr)
	if r.HasPorts {
		e.number("dest", uint64(r.Dest))
	}
	count(e, "proto", r.Proto)
	if r.HasICMP {
		e.number("icmp_type", uint64(r.ICMPType))
		e.number("icmp_code", uint64(r.ICMPCode))
	}
	e.word("netif", r.Netif)
	e.word("out_netif", r.OutNetif)
	e.word("zone", r.Zone)
	e.word("out_zone", r.OutZone)
	e.word("reason", r.Reason)
	e.word("step", r.Step)
	e.word("rule", r.Rule)
	e.word("source_entry", r.SourceEntry)
	e.word("dest_entry", r.DestEntry)
	count(e, "doi", r.DOI)
	if r.Tag != 0 {
		e.number("tag", uint64(r.Tag))
		e.number("level", uint64(r.Level))
	}
	e.word("categories", r.Categories)
	e.name("direct", r.Direct)
	if r.Fault != "" {
		e.word("fault", r.Fault)
		e.number("pointer", uint64(r.Pointer))
	}
	e.option("option_in", &r.OptionIn)
	e.option("option_out", &r.OptionOut)
	count(e, "length_in", r.LengthIn)
	count(e, "length_out", r.LengthOut)
	e.word("verdict", r.Verdict)
	count(e, "generation", r.Generation)
	count(e, "count", r.Count)
}

// count writes a number that means nothing when it is 0.
func count[T uint8 | uint32 | uint64](e encoder, key string, value T) {
	if value != 0 {
		e.number(key, uint64(value))
	}
}

// field returns where the value of a key goes, nil for an unknown key.
func (r *Record) field(key string) any {
	switch key {
	case "event":
		return &r.Event
	case "fn":
		return &r.Fn
	case "action":
		return &r.Action
	case "subject":
		return &r.Subject
	case "object":
		return &r.Object
	case "requested":
		return &r.Requested
	case "saddr":
		return &r.Saddr
	case "daddr":
		return &r.Daddr
	case "proto":
		return &r.Proto
	case "src":
		r.HasPorts = true
		return &r.Src
	case "dest":
		r.HasPorts = true
		return &r.Dest
	case "icmp_type":
		r.HasICMP = true
		return &r.ICMPType
	case "icmp_code":
		r.HasICMP = true
		return &r.ICMPCode
	case "netif":
		return &r.Netif
	case "out_netif":
		return &r.OutNetif
	case "zone":
		return &r.Zone
	case "out_zone":
		return &r.OutZone
	case "reason":
		return &r.Reason
	case "step":
		return &r.Step
	case "rule":
		return &r.Rule
	case "source_entry":
		return &r.SourceEntry
	case "dest_entry":
		return &r.DestEntry
	case "doi":
		return &r.DOI
	case "tag":
		return &r.Tag
	case "level":
		return &r.Level
	case "categories":
		return &r.Categories
	case "direct":
		return &r.Direct
	case "fault":
		return &r.Fault
	case "pointer":
		return &r.Pointer
	case "option_in":
		return &r.OptionIn
	case "option_out":
		return &r.OptionOut
	case "length_in":
		return &r.LengthIn
	case "length_out":
		return &r.LengthOut
	case "verdict":
		return &r.Verdict
	case "generation":
		return &r.Generation
	case "count":
		return &r.Count
	}
	return nil
}
