package daemon

import (
	"os"
	"testing"
)

// TestMain lets this program be a process of a gateway that a test runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && members[os.Args[1]] != nil {
		os.Exit(runMember(os.Args[1], os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}
