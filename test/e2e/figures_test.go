package e2e

import (
	"sync"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/long"
)

// measured are the figures of this run, written when all tests are through.
var measured struct {
	sync.Mutex
	all []figures.Figure
}

// report shows figures, keeps them for the file, and fails the test when one is
// on the wrong side of its bar.
func report(t *testing.T, all ...figures.Figure) {
	t.Helper()
	for _, f := range all {
		t.Logf("%s: %g %s (%s)", f.ID, f.Value, f.Unit, f.Bar)
		if f.Missed() {
			t.Errorf("%s is %g %s, not %s", f.ID, f.Value, f.Unit, f.Bar)
		}
	}
	measured.Lock()
	defer measured.Unlock()
	measured.all = append(measured.all, all...)
}

// writeFigures writes what was measured. A run that measured nothing leaves the
// file of the run before.
func writeFigures() error {
	measured.Lock()
	defer measured.Unlock()
	if len(measured.all) == 0 {
		return nil
	}
	w, err := figures.Create("../..", long.Command("e2e"))
	if err != nil {
		return err
	}
	w.Add(measured.all...)
	return w.Close()
}
