package daemon

import (
	"fmt"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/load"
	"labelgate/internal/manifest"
)

// expiry looks after the end of a policy.
type expiry struct {
	said time.Time // when it was last said that the end is near
}

// It is said once a day, from a week before on.
const (
	expiryNotice   = 7 * 24 * time.Hour
	expiryInterval = 24 * time.Hour
)

// ExpiredError says that the policy in force is not to be used any more.
type ExpiredError struct{ Seal manifest.Seal }

// Error says when that was.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the policy in force, version %d, expired %s: the zones are closed until there is another", e.Seal.Version, e.Seal.Expires.Format(time.RFC3339))
}

// look returns an error once the policy has expired: the gateway ends then, and
// whoever holds back new policies from it gains nothing by that. The time is that of
// a clock that nobody can set.
func (e *expiry) look(d *daemon, b *load.Bundle, now time.Time) error {
	if b == nil || b.Deadline.IsZero() {
		return nil
	}
	left := b.Deadline.Sub(now)
	if left <= 0 {
		return &ExpiredError{b.Seal}
	}
	if left < expiryNotice && (e.said.IsZero() || now.Sub(e.said) >= expiryInterval) {
		e.said = now
		d.Log.Warn("the policy in force expires; the zones are closed then", "at", b.Seal.Expires.Format(time.RFC3339))
	}
	return nil
}

// ended is the record of that end.
func ended(generation uint32, err error) *audit.Record {
	return &audit.Record{Event: audit.EventPolicyRefused, Action: audit.Denied, Generation: generation, Detail: err.Error()}
}

// remember keeps the version in force over restarts, where the settings want that.
func (d *daemon) remember() {
	state := d.config.Manifest.State
	if state == "" || !d.bundle.Seal.Sealed() {
		return
	}
	if err := manifest.Remember(state, &d.bundle.Seal); err != nil {
		d.Log.Error("the version in force is not kept: after a restart an older one would be taken", "file", state, "error", err)
	}
}
