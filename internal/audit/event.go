package audit

// The events that a record can tell of. There are no others: the auditor takes a
// record of another kind for garbage.
const (
	EventDecision = "decision" // a packet was judged

	// What was not recorded one by one.

	EventSuppressed     = "suppressed"      // Count decisions like Reason, Zone and Network say, or records that are lost
	EventQueueOverflow  = "queue_overflow"  // the kernel dropped Count packets that nobody saw
	EventQueueError     = "queue_error"     // Count packets were not answered as they should have been
	EventFiltered       = "filtered"        // netfilter rules dropped Count packets that nobody was asked about
	EventAuditFull      = "audit_full"      // records find no room; Reason says what becomes of packets
	EventAuditRecovered = "audit_recovered" // they do again; Count packets or records went without one
	EventAuditDegraded  = "audit_degraded"  // a part of recording fails, Detail says which; the trail goes on

	// What the gateway and its operators do.

	EventRulesChanged  = "rules_changed" // the netfilter rules were not as they had been installed
	EventPolicyLoaded  = "policy_loaded"
	EventPolicyRefused = "policy_refused" // Detail says why; the one before holds
	EventReload        = "reload"
	EventControl       = "control" // somebody (UID, PID) asked for Detail
	EventStart         = "start"
	EventStop          = "stop"
	EventUpgrade       = "upgrade"
	EventSandbox       = "sandbox"  // what Process may still do
	EventCrash         = "crash"    // Process died, and Count packets were dropped with it
	EventHang          = "hang"     // Process did not answer and was ended, as by a crash
	EventWatchdog      = "watchdog" // a check of the gateway's own health failed

	// What the auditor alone writes.

	EventRecovered = "recovered" // the torn end of the file was cut off: LostBytes
	EventRotated   = "rotated"   // first record of a file
	EventSealed    = "sealed"    // all records up to this one are sealed
	EventClock     = "clock"     // the wall clock jumped
	EventGarbage   = "garbage"   // Count lines of a process were no records; Detail shows the first
)

// Known reports whether an event is one of the constants.
func Known(event string) bool {
	switch event {
	case EventDecision, EventSuppressed, EventQueueOverflow, EventQueueError, EventFiltered, EventAuditFull, EventAuditRecovered, EventAuditDegraded,
		EventRulesChanged, EventPolicyLoaded, EventPolicyRefused, EventReload, EventControl, EventStart, EventStop, EventUpgrade,
		EventSandbox, EventCrash, EventHang, EventWatchdog:
		return true
	}
	return Reserved(event)
}

// Reserved reports whether an event is the auditor's: from anybody else it is
// forged.
func Reserved(event string) bool {
	switch event {
	case EventRecovered, EventRotated, EventSealed, EventClock, EventGarbage:
		return true
	}
	return false
}

// Administrative reports whether records of an event are written at every level
// of logging, 0 included. That is so of all but decisions.
func Administrative(event string) bool { return event != EventDecision }

// The Reason of an EventFiltered or EventRulesChanged.
const (
	ReasonUnjudged  = "unjudged"  // it was to leave to a zone that it had not been judged for
	ReasonIPv6      = "ipv6"      // IPv6 is closed in zones
	ReasonEthertype = "ethertype" // the frame held neither IP nor ARP
	ReasonDrift     = "drift"
	ReasonBypass    = "bypass" // something leads packets around them; Detail says what
)

// Why the kernel dropped packets before anybody saw them: the Reason of an
// EventQueueOverflow.
const (
	ReasonQueueFull  = "queue-full"  // more packets waited for a verdict than the queue holds
	ReasonBufferFull = "buffer-full" // the socket's receive buffer was full
)

// What went wrong with answers to the kernel: the Reason of an EventQueueError.
const (
	ReasonVerdictRefused   = "verdict-refused"   // the kernel did not take a verdict
	ReasonMalformedMessage = "malformed-message" // a message of the kernel could not be read
	ReasonTruncatedMessage = "truncated-message" // a part of a packet was missing
	ReasonPanic            = "panic"             // whoever judges panicked
	ReasonStale            = "stale"             // handed to a process before, and never answered
)

// What a check of the gateway's own health found: the Reason of an EventWatchdog.
const (
	ReasonStuck = "stuck" // Count packets wait, and none is answered
	ReasonMoves = "moves" // they are answered again
	ReasonIll   = "ill"   // Detail says what
	ReasonWell  = "well"  // nothing any more
)

// The Reason of an EventSuppressed that a Limiter did not write for one key.
const (
	ReasonOther = "other" // more keys than a Limiter follows
	ReasonDied  = "died"  // the process that had not told of them yet
)

// ReasonOutput is the Reason of an EventAuditRecovered of the auditor itself: what
// it writes to took nothing for a while. Nothing was lost.
const ReasonOutput = "output"

// The Process of a record, by which the gateway's own are told apart.
const (
	ProcessKeeper  = "keeper"
	ProcessJudge   = "judge"
	ProcessAuditor = "auditor"
	ProcessControl = "control"
)

// What becomes of packets while records find no room: the Reason of an
// EventAuditFull or EventAuditRecovered.
const (
	FullHalt    = "halt"    // all are dropped
	FullDegrade = "degrade" // they are judged, without records
)
