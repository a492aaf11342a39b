package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"labelgate/internal/policyfile"
)

func auditOf(t *testing.T, lines string) (Audit, error) {
	t.Helper()
	c, err := Parse("/etc/labelgate/gw.toml", []byte("[[zone]]\nname = \"a\"\ninterfaces = [\"eth0\"]\n[audit]\n"+lines))
	if err != nil {
		return Audit{}, err
	}
	return c.Audit, nil
}

// The defaults of a file: it is changed, sealed without a key, and nothing of it
// goes.
func TestAuditDefaults(t *testing.T) {
	want := Audit{
		Output: "/etc/labelgate/audit.log", Buffer: 4 << 20, Limit: 1000, Burst: 10000, RotateSize: 64 << 20,
		SealInterval: 10 * time.Second, SealRecords: 8192,
	}
	if got, err := auditOf(t, `output = "audit.log"`); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	want = Audit{Output: Journal, Buffer: 4 << 20, Limit: 1000, Burst: 10000}
	if got, err := auditOf(t, `output = "journal"`); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
}

func TestAuditWords(t *testing.T) {
	for word, got := range map[string]string{
		"halt": Halt.String(), "degrade": Degrade.String(), "seal": SyncSeal.String(), "batch": SyncBatch.String(), "always": SyncAlways.String(),
		"never": SyncNever.String(), "none": CopyNone.String(), "stderr": CopyStderr.String(), "journal": CopyJournal.String(),
	} {
		if got != word {
			t.Errorf("%q for %q", got, word)
		}
	}
}

func TestAuditProblems(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"word", `full = "open"`, `full cannot be "open"`},
		{"buffer", `buffer = 0`, "buffer must be 1..1024"},
		{"limit", `record-limit = -1`, "record-limit must be 0..1000000"},
		{"burst", "record-limit = 0\nrecord-burst = 4", "record-burst means nothing without a record-limit"},
		{"burst of none", `record-burst = 0`, "record-burst must be 1.."},
		{"file keys, no output", `rotate-keep = 3`, "rotate-keep is about a file, and records go to stderr"},
		{"file keys, journal", "output = \"journal\"\nseal-key = \"k\"", "seal-key is about a file, and records go to journal"},
		{"file keys, stdout", "output = \"stdout\"\nsync = \"always\"", "sync is about a file, and records go to stdout"},
		{"same file", "output = \"a\"\nseal-key = \"a\"", "seal-key and output are the same file"},
		{"interval", "output = \"a\"\nseal-interval = 0", "seal-interval must be 1..3600"},
		{"age", "output = \"a\"\nrotate-age = 10000", "rotate-age must be 0..8784"},
		{"copy", "output = \"a\"\nseal-copy = \"paper\"", `seal-copy cannot be "paper"`},
		{"kernel", `kernel = "yes"`, "kernel wants"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := auditOf(t, tt.lines)
			var problems policyfile.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].Message, tt.want) || problems[0].Line < 5 {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
