package differential

import (
	"fmt"
	"os"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/long"
)

// measured are the figures of this run. The tests here run one after another.
var measured []figures.Figure

func TestMain(m *testing.M) {
	code := m.Run()
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		code = 1
	}
	os.Exit(code)
}

// report keeps figures for the file, and fails the test when one is on the wrong
// side of its bar.
func report(t *testing.T, all ...figures.Figure) {
	t.Helper()
	for _, f := range all {
		if f.Missed() {
			t.Errorf("%s is %g %s, not %s", f.ID, f.Value, f.Unit, f.Bar)
		}
	}
	measured = append(measured, all...)
}

// write leaves the file of the run before when nothing was measured.
func write() error {
	if len(measured) == 0 {
		return nil
	}
	w, err := figures.Create("../..", long.Command("differential"))
	if err != nil {
		return err
	}
	w.Add(measured...)
	return w.Close()
}
