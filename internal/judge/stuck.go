package judge

import (
	"labelgate/internal/audit"
	"labelgate/internal/config"
)

// stuck is what a recorder knows of records that nobody takes.
type stuck struct {
	now     bool   // since the last try
	added   uint64 // records of this batch
	dropped uint64 // packets since, because of that; no record tells of them
	lost    uint64 // records of packets that went their way all the same
}

// Why an audit trail was not complete: the Reason of an eventAuditRecovered.
const (
	reasonHalted   = "halted"   // Count packets were dropped meanwhile
	reasonDegraded = "degraded" // Count records were lost meanwhile
)

// ready tries to own up to what was not recorded before more packets are judged. As
// long as that is not taken, nothing passes: a packet that cannot be accounted for is
// worse than a lost one. Only settings that say so let packets go on.
func (r *recorder) ready(now moment, n int) bool {
	s := &r.stuck
	s.added = 0
	if !s.now {
		return true
	}
	for _, left := range []struct {
		reason string
		count  uint64
	}{{reasonHalted, s.dropped}, {reasonDegraded, s.lost}} {
		if left.count > 0 {
			r.records.Add(&audit.Record{Event: eventAuditRecovered, Reason: left.reason, Count: left.count})
		}
	}
	if r.records.Flush() == nil {
		*s = stuck{}
		r.hold()
		return true
	}
	if degraded(now) {
		return true
	}
	s.dropped += uint64(n)
	r.hold()
	return false
}

// settled hands the records of a batch over before its verdicts are given.
func (r *recorder) settled(now moment, n int) bool {
	s := &r.stuck
	if s.added == 0 {
		return true
	}
	if r.records.Flush() == nil {
		return true
	}
	s.now = true
	if degraded(now) {
		s.lost += s.added
		return true
	}
	s.dropped += uint64(n)
	r.hold()
	return false
}

// hold tells how many dropped packets no record tells of.
func (r *recorder) hold() {
	if r.held != nil {
		r.held.Store(r.stuck.dropped)
	}
}

func degraded(now moment) bool { return now.gateway.Config.Audit.Full == config.Degrade }

const eventAuditRecovered = "audit_recovered"
