package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

func newRotate(s *settings) *cobra.Command {
	var g gateway
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Have a running labelgated begin a new file of audit records",
		Long: `Has labelgated close the file that it writes audit records to and begin another.
No record is lost or split. Only admins may ask, see [control] in the settings.

Ends with 0, and with 1 when no labelgated answers, it does not let you, or it
does not write to a file.`,
		Example: `  labelgate rotate`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := ask[control.Rotate](cmd.Context(), &g, control.VerbRotate)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "records go to %s; %s is complete\n", plain(r.Output), plain(r.Sealed))
			return err
		},
	}
	g.flags(cmd)
	return cmd
}
