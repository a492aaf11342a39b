package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/long"
)

// root is the top of the module, as seen from here.
const root = "../.."

// TestMain is also what runs inside of the small machines that these tests boot: this
// program, under other names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case bootName:
		fmt.Fprintln(os.Stderr, boot(os.Args[1]))
		os.Exit(1)
	case standInName:
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(all(m))
}

func all(m *testing.M) int {
	code := m.Run()
	release.remove()
	if err := writeFigures(); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		code = 1
	}
	return code
}

// measured are the figures of this run, written when all tests are through.
var measured struct {
	sync.Mutex
	all []figures.Figure
}

// report shows figures, keeps them for the file, and fails the test when one is on
// the wrong side of its bar.
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

func writeFigures() error {
	measured.Lock()
	defer measured.Unlock()
	if len(measured.all) == 0 {
		return nil
	}
	w, err := figures.Create(root, long.Command("supply"))
	if err != nil {
		return err
	}
	w.Add(measured.all...)
	return w.Close()
}
