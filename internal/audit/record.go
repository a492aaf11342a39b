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

// Actions, in the kernel's words.
const (
	Denied  = "denied"
	Granted = "granted"
)

// Record is one audit record. Fields with their zero value are left out, but for
// those of which it is said when they are valid. A Record holds no pointers into
// packets and may be copied and kept.
type Record struct {
	Seq   uint64    // set by whoever writes: consecutive
	Time  time.Time // wall time; set by a Pipe when zero
	Mono  uint64    // CLOCK_MONOTONIC of this boot in ns; set by a Pipe, in which no two records share it
	Event string    // one of the Event constants

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

	Count uint64 // how many packets or records this one stands for

	HasQueue   bool
	Queue      uint16 // of the kernel; valid iff HasQueue
	PacketID   uint32 // in that queue, from 1
	PolicyHash Digest // of the whole policy

	Process string // which of the gateway's own processes this is about
	PID     uint32 // of that process, or of who asked
	HasUID  bool
	UID     uint32 // of who asked; valid iff HasUID
	Detail  string // for people: an error, a command; may hold anything
	Network netip.Prefix

	FirstMono, LastMono uint64 // of what Count stands for, as Mono

	Trail // written by the auditor alone
}

// Trail is what ties the records of a file together; see the package trail of the
// auditor. Nobody but the auditor may fill it.
type Trail struct {
	LostBytes uint64 // of a torn line that was cut off
	BootID    string
	File      uint64 // number of the file, from 1
	HasSeal   bool
	Seal      uint64 // number of the seal; valid iff HasSeal
	Key       Digest // names the key of the seal
	Prev      Digest // chain value of the last line of the file before
	MAC       Digest // the seal itself
	Chain     Digest // last field of a line
}

// encoder writes one field after another. A word is ours or the operator's, a
// name may have come from the network.
type encoder interface {
	word(key, value string)
	name(key, value string)
	address(key string, value netip.Addr)
	number(key string, value uint64)
	network(key string, value netip.Prefix)
	bytes(key string, value []byte)
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
	e.bytes("option_in", r.OptionIn.Bytes())
	e.bytes("option_out", r.OptionOut.Bytes())
	count(e, "length_in", r.LengthIn)
	count(e, "length_out", r.LengthOut)
	e.word("verdict", r.Verdict)
	count(e, "generation", r.Generation)
	count(e, "count", r.Count)
	if r.HasQueue {
		e.number("queue", uint64(r.Queue))
	}
	count(e, "packet_id", r.PacketID)
	e.bytes("policy_hash", r.PolicyHash.Bytes())
	e.word("process", r.Process)
	count(e, "pid", r.PID)
	if r.HasUID {
		e.number("uid", uint64(r.UID))
	}
	e.name("detail", r.Detail)
	e.network("network", r.Network)
	count(e, "first_mono", r.FirstMono)
	count(e, "last_mono", r.LastMono)
	count(e, "mono", r.Mono)
	r.Trail.encode(e)
}

// encode shows the fields of the trail to e, the chain value last.
func (t *Trail) encode(e encoder) {
	count(e, "lost_bytes", t.LostBytes)
	e.word("boot_id", t.BootID)
	count(e, "file", t.File)
	if t.HasSeal {
		e.number("seal", t.Seal)
	}
	e.bytes("key", t.Key.Bytes())
	e.bytes("prev", t.Prev.Bytes())
	e.bytes("mac", t.MAC.Bytes())
	e.bytes("chain", t.Chain.Bytes())
}

// count writes a number that means nothing when it is 0.
func count[T uint8 | uint32 | uint64](e encoder, key string, value T) {
	if value != 0 {
		e.number(key, uint64(value))
	}
}
