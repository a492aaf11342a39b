package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	example "labelgate/examples/lab"
	"labelgate/internal/capture"
	"labelgate/internal/lab"
	"labelgate/internal/load"
	"labelgate/internal/replay"
)

func newLabDemo(s *settings) *cobra.Command {
	var o lab.DemoOptions
	cmd := &cobra.Command{
		Use:   "demo [FILE]",
		Short: "Build a lab, send real packets between all of its hosts, and say what became of them",
		Long: `Builds the example lab, or that of a topology file; sends UDP, TCP and ICMP between
every two hosts; prints what passed, what was dropped and why; says where the
capture of it is; and removes everything, also after Ctrl-C.

Where no lab can be built, it says why and replays a capture of the example lab
through the same decisions.

Ends with 1 when something else happened than the topology file expects.`,
		Example: `  labelgate lab demo
  labelgate lab demo --capture demo.pcapng examples/lab/lab.toml`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.File = args[0]
			}
			if s.json {
				o.Format = lab.JSON
			}
			err := lab.Demo(cmd.Context(), o, cmd.OutOrStdout())
			var unavailable *lab.UnavailableError
			if !errors.As(err, &unavailable) {
				return labError(err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%v\nReplaying a capture of the example lab instead.\n\n", unavailable)
			return replayExample(cmd, s)
		},
	}
	labFlags(cmd, &o.Options)
	cmd.Flags().StringVar(&o.Capture, "capture", "", "`FILE` for what the gateway saw (a new one in the temporary directory)")
	return cmd
}

// replayExample judges the packets that reached the gateway of the example lab
// when its capture was made.
func replayExample(cmd *cobra.Command, s *settings) error {
	dir, err := os.MkdirTemp("", "labelgate-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, example.Files); err != nil {
		return err
	}
	g, err := load.Load(filepath.Join(dir, "gateway", "labelgate.toml"), 1)
	if err != nil {
		return err
	}
	var zoneOf []string
	for _, z := range g.Config.Zones {
		for _, name := range z.Interfaces {
			zoneOf = append(zoneOf, name+"="+z.Name)
		}
	}
	zones, err := replay.ParseZones(g.Snapshot, zoneOf)
	if err != nil {
		return err
	}
	in, err := capture.Open(filepath.Join(dir, "demo.pcapng"))
	if err != nil {
		return err
	}
	defer in.Close()
	w := &replayWriter{json: s.json, inbound: true, text: cmd.OutOrStdout(), reasons: make(map[string]int)}
	if err := w.all(in, replay.New(g.Snapshot, zones, g.Config.PinFlows)); err != nil {
		return err
	}
	if !s.json {
		w.summary()
	}
	return nil
}
