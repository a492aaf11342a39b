package auditor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

// What was done to the files while no auditor ran, the next one tells of, and it
// hides nothing of it.
func TestMeddledWith(t *testing.T) {
	for _, tt := range []struct {
		name   string
		meddle func(t *testing.T, r *rig, before []byte)
		told   string
		kind   string
	}{
		{"an older file put back", func(t *testing.T, r *rig, before []byte) {
			if err := os.WriteFile(r.config.Output, before, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the key has made 3 seals, and the audit file ends with 2", trail.BadSeal},
		{"the file taken away", func(t *testing.T, r *rig, _ []byte) {
			if err := os.Remove(r.config.Output); err != nil {
				t.Fatal(err)
			}
		}, "the audit file is gone; the last one that is left is audit.log.000001", trail.Missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			rotate := make(chan struct{}, 1)
			r.config.Rotate = rotate
			r.start()
			r.hand(0, 10, 5)
			r.drained(2)
			rotate <- struct{}{}
			r.eventually("a second file", func() bool { return len(r.files()) == 2 })
			r.mustStop()
			before, err := os.ReadFile(r.config.Output)
			if err != nil {
				t.Fatal(err)
			}
			r.start()
			r.hand(10, 20, 5)
			r.mustStop()
			tt.meddle(t, r, before)
			r.start()
			r.hand(20, 30, 5)
			r.mustStop()
			b, err := os.ReadFile(r.config.Output)
			if err != nil {
				t.Fatal(err)
			}
			var told []audit.Record
			for line := range strings.Lines(string(b)) {
				if record, _, err := audit.Parse([]byte(line)); err == nil && record.Event == audit.EventAuditDegraded {
					told = append(told, record)
				}
			}
			if len(told) != 1 || !strings.Contains(told[0].Detail, tt.told) {
				t.Errorf("told %s", shown(told))
			}
			_, err = trail.Verify(r.files(), trail.Options{Keys: []trail.VerifyKey{r.verifyKey}, Settled: true})
			var p *trail.Problem
			if !errors.As(err, &p) || p.Kind != tt.kind {
				t.Errorf("verify says %v", err)
			}
		})
	}
}
