package judge

import (
	"labelgate/internal/config"
)

// ready reports whether packets may be judged. While records are not taken nothing
// passes: a packet that nobody can account for is worse than a lost one. Only
// settings that say so let packets go on.
func (r *recorder) ready(now moment, n int) bool {
	if r.records.Lost() == 0 || r.records.Flush() == nil || degraded(now) {
		return true
	}
	r.records.Lose(uint64(n))
	return false
}

// settled hands the records of a batch over before its verdicts are given.
func (r *recorder) settled(now moment, n int) bool {
	if r.records.Flush() == nil {
		return true
	}
	given := r.records.Discard()
	if degraded(now) {
		return true
	}
	// Those without a record are dropped as well.
	r.records.Lose(uint64(max(n-given, 0)))
	return false
}

func degraded(now moment) bool { return now.gateway.Config.Audit.Full == config.Degrade }
