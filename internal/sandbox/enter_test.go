package sandbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func executable(tb testing.TB) string {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Dir(path)
}

func encoded(tb testing.TB, t task) string {
	tb.Helper()
	b, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestEnter(t *testing.T) {
	needRoot(t)
	o := task{Enter: &Profile{Role: Keeper, Must: true}, Do: "state"}.inmate(t)
	o.ok(t)
	t.Log(o.stdout, o.stderr)
}

func TestRoles(t *testing.T) {
	needRoot(t)
	for _, role := range []Role{Judge, Auditor, Control} {
		t.Run(role.String(), func(t *testing.T) {
			child := task{Apply: &Profile{Role: role, Must: true}, Do: "nothing"}
			o := task{Enter: &Profile{Role: Keeper, Must: true}, Do: "start", Args: []string{encoded(t, child)}}.inmate(t)
			t.Log(o.stdout, o.stderr)
			o.ok(t)
		})
	}
}
