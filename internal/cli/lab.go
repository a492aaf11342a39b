package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"labelgate/internal/lab"
)

func newLab(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Build small labeled networks on this machine",
		Long: `Builds networks out of network namespaces: labeled hosts, hosts that know nothing
of labels, and a gateway between them that runs labelgated. Needs root, or a user
namespace of its own, in which 'lab demo' runs itself again.`,
		Example: `  labelgate lab demo
  labelgate lab up examples/lab/lab.toml`,
		Args: cobra.ArbitraryArgs,
		RunE: onlyVerbs,
	}
	cmd.AddCommand(newLabUp(s), newLabDown(s), newLabRun(s), newLabDemo(s))
	return cmd
}

// labEvent is what up and down print as JSON.
type labEvent struct {
	Lab   string   `json:"lab"`
	State string   `json:"state"`
	Nodes []string `json:"nodes,omitempty"`
}

func newLabUp(s *settings) *cobra.Command {
	var o lab.Options
	cmd := &cobra.Command{
		Use:   "up [FILE]",
		Short: "Build a lab and leave it standing",
		Long: `Builds the lab that a topology file describes, the example lab when none is
named, starts its gateway and labeled hosts, and leaves it standing until
'labelgate lab down'.`,
		Example: `  labelgate lab up examples/lab/lab.toml`,
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			if !s.json {
				o.Log = cmd.OutOrStdout()
			}
			before, _ := lab.Labs()
			if err := lab.Up(cmd.Context(), file, o); err != nil {
				return labError(err)
			}
			if !s.json {
				return nil
			}
			after, err := lab.Labs()
			if err != nil {
				return err
			}
			for _, name := range after {
				if !slices.Contains(before, name) {
					err = printJSON(cmd.OutOrStdout(), labEvent{Lab: name, State: "up"})
				}
			}
			return err
		},
	}
	labFlags(cmd, &o)
	return cmd
}

func labFlags(cmd *cobra.Command, o *lab.Options) {
	cmd.Flags().StringVar(&o.Name, "name", "", "`NAME` of the lab in place of its file's")
	cmd.Flags().StringVar(&o.Labelgated, "labelgated", "", "`PATH` of the daemon (beside this program or in PATH)")
}

func newLabDown(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "down [NAME]",
		Short: "Remove a lab, or what a crashed one left",
		Long: `Removes a lab that 'labelgate lab up' left standing, with its processes,
namespaces, cables and files, or what is left of one that crashed. Without a
name: the only one there is.`,
		Example: `  labelgate lab down`,
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			if err := lab.Down(cmd.Context(), name); err != nil {
				return labError(err)
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), labEvent{Lab: name, State: "down"})
			}
			return nil
		},
	}
}

func newLabRun(*settings) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "run [--lab NAME] [NODE] -- COMMAND [ARG...]",
		Short: "Run a command on a node of a standing lab",
		Long: `Becomes COMMAND inside a node of a standing lab, by default inside its gateway.
Its output and exit code are the command's own.`,
		Example: `  labelgate lab run alice -- ip address
  labelgate lab run -- tcpdump -ni g-printer`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash < 0 || dash > 1 || dash == len(args) {
				return usage("wants at most one node, -- and a command")
			}
			node := lab.GatewayName
			if dash == 1 {
				node = args[0]
			}
			return labError(lab.Run(cmd.Context(), name, node, args[dash:]))
		},
	}
	cmd.Flags().StringVar(&name, "lab", "", "`NAME` of the lab (the only one there is)")
	return cmd
}

// labError gives errors of a lab their exit codes: what this machine or the
// files do not allow is 2, what went wrong on the way 1.
func labError(err error) error {
	var exit *lab.ExitError
	var mismatch *lab.MismatchError
	var daemon *lab.DaemonError
	switch {
	case errors.As(err, &exit):
		if exit.Code == 0 {
			return nil
		}
		return &exitError{code: exit.Code}
	case errors.Is(err, context.Canceled):
		return &exitError{code: ExitDenied, err: errors.New("interrupted; the lab is removed")}
	case errors.As(err, &mismatch), errors.As(err, &daemon):
		return &exitError{code: ExitDenied, err: err}
	}
	return err
}
