package cli

import (
	"fmt"
	"time"
)

// span says how long something took or is ago, with two units at most.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > 100000*day:
		return "-" // since a time that is not known
	case d < time.Second:
		return "0 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return two(d, time.Minute, "min", time.Second, "s")
	case d < day:
		return two(d, time.Hour, "h", time.Minute, "min")
	}
	return two(d, day, "d", time.Hour, "h")
}

func two(d, large time.Duration, name string, small time.Duration, smallName string) string {
	n, rest := d/large, d%large/small
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, name)
	}
	return fmt.Sprintf("%d %s %d %s", n, name, rest, smallName)
}

// mebibytes says how much memory that is.
func mebibytes(n uint64) string {
	switch {
	case n == 0:
		return ""
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
