package auditor

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"labelgate/internal/audit"
)

// An auditor that has lost all rights but those to its directory can do everything
// that it has to.
func TestConfined(t *testing.T) {
	r := newRig(t)
	// What an auditor before left to do: a torn line.
	r.hand(0, 10, 5)
	r.start()
	r.mustStop()
	f, err := os.OpenFile(r.config.Output, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("type=AVC msg=audit("); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, c := range []childConfig{
		{RotateSize: 4 << 10, SealRecords: 10, Confined: true},
		{RotateSize: 4 << 10, RotateKeep: 3, Sync: SyncAlways, Confined: true},
	} {
		cmd := r.spawn(c)
		r.hand(10, 300, 10)
		r.end(cmd)
	}
	all := r.records()
	if n := len(r.files()); n != 4 {
		t.Errorf("%d files", n)
	}
	if got := only(all, audit.EventAuditDegraded); len(got) > 0 {
		t.Errorf("told %s", shown(got))
	}
	if _, err := os.Stat(r.path(".audit.log.next")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}
