package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	audittrail "labelgate/internal/auditor/trail"
)

func newAuditKeys(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "keys FILE",
		Short: "Make the key that seals audit records, and the one that checks them",
		Long: `keys makes FILE, for seal-key in the [audit] settings: the key that labelgated
seals audit records with. It changes with each seal, and the one before is erased:
who takes over the gateway cannot make or change earlier seals. FILE must belong to
labelgated's user, and no other file may take its place.

The key that checks all seals is printed once, and is nowhere else. Keep it away
from the gateway, as a line of a file: whoever has it can forge every seal.

A FILE that exists is not touched.`,
		Example: `  labelgate audit keys /var/lib/labelgate/seal.key > seal.verify`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			verify, sealing := audittrail.NewKeys()
			if err := create(args[0], sealing); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: seals are made with key %s. What checks them is shown only now:\n", args[0], verify.ID())
			if s.json {
				return printJSON(cmd.OutOrStdout(), struct {
					File string `json:"file"`
					ID   string `json:"id"`
					Key  string `json:"key"`
				}{args[0], verify.ID().String(), verify.String()})
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), verify)
			return err
		},
	}
}

// create writes a file that was not there, for nobody else to read.
func create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
