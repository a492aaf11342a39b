package cli

import (
	"time"

	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

func newStatus(s *settings) *cobra.Command {
	var g gateway
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running labelgated does",
		Long: `Shows on one screen whether packets are judged, by which policy, what waits, what
was dropped and why, whether records are written, and how the processes of the
gateway are. "closed" says that the netfilter rules are in place and nothing
passes unjudged; "OPEN" that they are not.

The control socket is the one of --socket, or the one that the settings of
--config name. Users that [control] names may ask.

Ends with 0, and with 1 when no labelgated answers or it refuses. To act on how
the gateway is, use 'labelgate health'.`,
		Example: `  labelgate status
  labelgate status --json --socket /run/labelgate/control`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := ask[control.Status](cmd.Context(), &g, control.VerbStatus)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), status)
			}
			return writeStatus(cmd.OutOrStdout(), &status, time.Now())
		},
	}
	g.flags(cmd)
	return cmd
}
