package long

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"labelgate/test/figures"
)

// reported are the figures of this run of one package's tests.
var reported struct {
	sync.Mutex
	all []figures.Figure
}

// Report keeps figures for the file that Main writes, and fails the test when one
// is on the wrong side of its bar.
func Report(t testing.TB, all ...figures.Figure) {
	t.Helper()
	for _, f := range all {
		if f.Missed() {
			t.Errorf("%s is %g %s, not %s", f.ID, f.Value, f.Unit, f.Bar)
		}
	}
	reported.Lock()
	defer reported.Unlock()
	reported.all = append(reported.all, all...)
}

// Main runs a package's tests, writes what they reported under Command(name), and
// returns the exit code for TestMain. root is where the module is. A run that
// reported nothing leaves the file of the run before.
func Main(m *testing.M, root, name string) int {
	code := m.Run()
	if err := write(root, Command(name)); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		return 1
	}
	return code
}

func write(root, command string) error {
	reported.Lock()
	defer reported.Unlock()
	if len(reported.all) == 0 {
		return nil
	}
	w, err := figures.Create(root, command)
	if err != nil {
		return err
	}
	w.Add(reported.all...)
	return w.Close()
}
