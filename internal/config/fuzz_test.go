package config

import (
	"errors"
	"os"
	"testing"

	"labelgate/engine"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// FuzzParse holds that whatever is accepted keeps the promises made in the
// comments of Config, and that whatever is refused says where.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte(minimal))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("/f.toml", data)
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkConfig(t, c)
	})
}

func checkProblems(t *testing.T, err error) {
	var problems policyfile.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("error is %T: %v", err, err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Errorf("problem without a place: %+v", p)
		}
	}
	_ = problems.Error()
}

func checkConfig(t *testing.T, c *Config) {
	if engine.CheckLabel(c.Ambient) != nil || c.Direct == c.Mapped || c.Logging < 0 || c.Logging > 3 || c.Queue.Length < 1 || c.Queue.Length > 65535 {
		t.Errorf("unchecked: %+v", c)
	}
	dois := make(map[uint32]bool)
	for _, d := range c.DOIs {
		if d.Number == 0 || dois[uint32(d.Number)] || len(d.Tags) == 0 || len(d.Tags) > maxTags {
			t.Errorf("unchecked: %+v", d)
		}
		dois[uint32(d.Number)] = true
	}
	if n := len(c.Zones); n < 1 || n > netlabel.MaxZones {
		t.Errorf("%d zones", n)
	}
	for _, z := range c.Zones {
		if z.Name == "" || len(z.Interfaces) == 0 || (z.DOI == 0) != (z.Labels == netlabel.Refuse) || z.DOI != 0 && !dois[uint32(z.DOI)] {
			t.Errorf("unchecked: %+v", z)
		}
		for _, p := range z.Networks {
			if !p.Addr().Is4() || p != p.Masked() {
				t.Errorf("unchecked: %v", p)
			}
		}
	}
}
