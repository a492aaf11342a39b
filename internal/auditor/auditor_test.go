package auditor

import (
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/auditor/trail"
)

func TestServe(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format audit.Format
		keys   bool
	}{{"text", audit.Text, true}, {"json", audit.JSON, true}, {"without keys", audit.Text, false}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.config.Format = tt.format
			if !tt.keys {
				r.config.KeyFile = ""
			}
			for round := range 3 {
				r.start()
				r.hand(round*1000, (round+1)*1000, 64)
				r.mustStop()
			}
			all := r.records()
			r.complete(all, 3000)
			if first := all[0]; first.Event != audit.EventRotated || first.File != 1 || first.Seq != 1 || first.BootID == "" {
				t.Errorf("the first record is %+v", first)
			}
			seals := only(all, audit.EventSealed)
			if len(seals) != 3 || seals[2].Reason != trail.SealStop || seals[2].Count != 1000 || seals[2].Seq != 3004 {
				t.Errorf("seals are %s", shown(seals))
			}
			report := r.verify()
			if want := uint64(3); tt.keys && report.Seals != want || report.Unsealed != 0 {
				t.Errorf("report is %+v", report)
			}
		})
	}
}
