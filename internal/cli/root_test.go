package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb, at any depth, tells what it does and shows how it is used.
func TestVerbsExplainThemselves(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || !strings.Contains(c.Example, "labelgate ") {
			t.Errorf("%s has no short text or no example", c.CommandPath())
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text ends with a full stop", c.CommandPath())
		}
		if c.PersistentFlags().Lookup("json") == nil && c.InheritedFlags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot()) // before cobra adds its own help and completion
}
