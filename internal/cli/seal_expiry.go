package cli

import (
	"strconv"
	"strings"
	"time"
)

// parseExpiry reads the time after which a policy is not to be taken: days, hours
// and so on from now, a date or a time; "" is never, the zero time.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, ok := expiry(text, now)
	switch {
	case !ok:
		return at, usage(`--expires %q: want days as in "90d", hours as in "12h", a date or a time as in "2027-01-31T12:00:00Z"`, text)
	case !at.After(now):
		return at, usage("--expires %q has passed", text)
	case at.Year() > 9999:
		return at, usage("--expires %q is too far away", text)
	}
	return at, nil
}

func expiry(text string, now time.Time) (time.Time, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 20)
		return now.AddDate(0, 0, int(n)), err == nil
	}
	if after, err := time.ParseDuration(text); err == nil {
		return now.Add(after.Truncate(time.Second)), true
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC().Truncate(time.Second), true
		}
	}
	return time.Time{}, false
}
