package daemon

import (
	"path/filepath"
	"slices"

	"labelgate/internal/config"
)

// reads lists what loading a policy reads: a judge that is started anew, or told to
// load another, finds nothing else.
func (d *daemon) reads() []string { return reads(d.config) }

func reads(c *config.Config) []string {
	all := []string{filepath.Dir(c.Path), c.Policy}
	for _, z := range c.Zones {
		if z.Restrict != "" {
			all = append(all, filepath.Dir(z.Restrict))
		}
	}
	for _, doi := range c.DOIs {
		if doi.CIPSO != "" {
			all = append(all, filepath.Dir(doi.CIPSO))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
