package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

// upgradedTo is what upgrade prints as JSON.
type upgradedTo struct {
	Upgraded bool   `json:"upgraded"`
	From     string `json:"from"`
	To       string `json:"to"`
}

func newUpgrade(s *settings) *cobra.Command {
	var g gateway
	var patience time.Duration
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Have a running labelgated go over to the program that is installed now",
		Long: `Has labelgated start the program that stands now where it was started from, in its
own place: the queue, its packets and the rules are handed over, nothing passes
unjudged and nothing is lost. Waits until the new one judges packets. SIGUSR2 does
the same, without an answer. Only admins may ask, see [control] in the settings.

Ends with 0 when the new program judges packets, and with 1 when no labelgated
answers, it does not let you, or the one before is still there in the end.`,
		Example: `  apt-get install labelgate && labelgate upgrade`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := ask[control.Status](cmd.Context(), &g, control.VerbStatus)
			if err != nil {
				return err
			}
			if _, err := ask[control.Upgrade](cmd.Context(), &g, control.VerbUpgrade); err != nil {
				return err
			}
			after, err := g.awaitUpgrade(cmd.Context(), &before, patience)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), upgradedTo{Upgraded: true, From: before.Version, To: after.Version})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "upgraded from %s to %s, %s\n", plain(before.Version), plain(after.Version), plain(after.State))
			return err
		},
	}
	g.flags(cmd)
	cmd.Flags().DurationVar(&patience, "wait", 30*time.Second, "how long to wait for the new program")
	return cmd
}

// awaitUpgrade asks for the status until another program judges packets.
func (g *gateway) awaitUpgrade(ctx context.Context, before *control.Status, patience time.Duration) (control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		now, err := ask[control.Status](ctx, g, control.VerbStatus)
		switch {
		case err == nil && now.Upgrades != before.Upgrades && now.State == control.StateJudging:
			return now, nil
		case err == nil:
			last = fmt.Errorf("version %s is %s", plain(now.Version), plain(now.State))
		case ctx.Err() == nil:
			last = err // nobody answers while one takes over from the other
		}
		select {
		case <-ctx.Done():
			return control.Status{}, found("after %v no other program judges packets: %v; see the log of labelgated", patience, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
