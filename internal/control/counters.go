package control

// Names in the place of a zone's. No zone can have them: they have a space.
const (
	NoZone      = "no zone"      // came in by an interface of no zone
	ThisMachine = "this machine" // what the gateway's own machine sends
)

// Counters counts packets and what else happened, since the gateway was started.
type Counters struct {
	Packets []ZonePackets `json:"packets"` // zones that are gone by now included
	Kernel  KernelDrops   `json:"kernel"`
	Queue   QueueCounts   `json:"queue"`
	ICMP    ICMPCounts    `json:"icmp"`
	// Unanswered counts packets that a judge had when it ended, which were dropped.
	Unanswered uint64 `json:"unanswered"`
	Unrecorded uint64 `json:"unrecorded"` // packets dropped because they could not be recorded
	Control    Calls  `json:"control"`
}

// ZonePackets counts the packets from one zone. Keys that would be 0 may be
// missing.
type ZonePackets struct {
	Zone    string            `json:"zone"`    // or NoZone or ThisMachine
	Passed  map[string]uint64 `json:"passed"`  // by action: pass, add, strip, replace, blank
	Dropped map[string]uint64 `json:"dropped"` // by reason
}

// KernelDrops counts packets that were dropped before anybody judged them, by
// cause.
type KernelDrops struct {
	QueueFull  uint64 `json:"queue_full"`
	BufferFull uint64 `json:"buffer_full"`
	Unjudged   uint64 `json:"unjudged"`  // rules: on their way to a zone without having been judged
	IPv6       uint64 `json:"ipv6"`      // rules
	Ethertype  uint64 `json:"ethertype"` // rules: neither IP nor ARP
}

// QueueCounts counts what went through the queue, as queue.Stats does.
type QueueCounts struct {
	Received      uint64 `json:"received"`
	Accepted      uint64 `json:"accepted"`
	Dropped       uint64 `json:"dropped"`
	Rewritten     uint64 `json:"rewritten"`
	Truncated     uint64 `json:"truncated"`
	Refused       uint64 `json:"refused"`
	Panicked      uint64 `json:"panicked"`
	Malformed     uint64 `json:"malformed"`
	Overruns      uint64 `json:"overruns"`
	ReceiveErrors uint64 `json:"receive_errors"`
	VerdictErrors uint64 `json:"verdict_errors"`
}

// ICMPCounts counts the gateway's own ICMP errors, as icmp.Stats does.
type ICMPCounts struct {
	Sent    uint64 `json:"sent"`
	Limited uint64 `json:"limited"`
	Full    uint64 `json:"full"`
	Unfit   uint64 `json:"unfit"`
	Failed  uint64 `json:"failed"`
}

// Calls counts what happened on the control socket. A Server knows it and fills
// it in; a Backend leaves it zero.
type Calls struct {
	Clients  int    `json:"clients"` // connected now
	Requests uint64 `json:"requests"`
	Refused  uint64 `json:"refused"` // requests and callers
	Admin    uint64 `json:"admin"`   // admin verbs that were carried out
}
