package cli

import (
	"github.com/spf13/cobra"
)

func newAudit(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that audit records are as they were written",
		Long: `Audit records in a file form a trail: each carries a hash of all before it, and
seals among them carry a key of which nothing is left on the gateway.`,
		Example: `  labelgate audit keys /var/lib/labelgate/seal.key
  labelgate audit verify --key seal.verify /var/log/labelgate/audit.log*`,
		Args:                       cobra.ArbitraryArgs,
		RunE:                       onlyVerbs,
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(newAuditKeys(s), newAuditVerify(s))
	return cmd
}
