package policies

import (
	"os"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/long"
)

func TestMain(m *testing.M) { os.Exit(long.Main(m, "../..", "policies")) }

// refused reports how many were tried and how many of them were accepted, which
// none may be.
func refused(t *testing.T, what string, tried, accepted int) {
	t.Helper()
	long.Report(t,
		figures.Figure{ID: "policies/" + what, Value: float64(tried), Unit: "sets"},
		figures.Figure{ID: "policies/" + what + "/accepted", Value: float64(accepted), Unit: "sets", Against: "corrupt policies"}.AtMost(0),
	)
}
