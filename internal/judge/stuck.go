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
	r.limiter.Expire(uint64(now.since), r.records)
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

// sumUp writes what is due of what was not recorded one by one.
func (r *recorder) sumUp(j *judge) {
	_, since := j.time()
	r.limiter.Expire(uint64(since), r.records)
	_ = r.records.Flush() // it is tried again with the next batch
}

func degraded(now moment) bool { return now.gateway.Config.Audit.Full == config.Degrade }
