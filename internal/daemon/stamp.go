package daemon

import "time"

// newStamp returns the generation of marks for a policy that follows one with
// stamp before. A packet may wait half a minute for its missing fragments, and the
// mark that it carries must not be believed by a policy that numbers its labels
// otherwise. Marks keep the stamp modulo 32, so policies count: 31 may follow before
// one is taken for the first. The first of a labelgated, which does not know how far
// the one before had come, begins at the time in seconds.
func newStamp(before uint32) uint32 {
	if before == 0 {
		return max(1, uint32(time.Now().Unix()))
	}
	return max(1, before+1)
}
