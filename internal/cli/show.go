package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"labelgate/internal/control"
)

// shown is a table that show can show.
type shown struct {
	name, short, long string
	print             func(ctx context.Context, g *gateway, json bool, w io.Writer) error
}

func newShow(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "List what a running labelgated holds in its tables",
		Long: `Lists what labelgated holds in memory at the moment: the policy in force, which may
not be that of the files, and what it has seen. With --json a line for each row.`,
		Example: `  labelgate show hosts
  labelgate show rules --json | jq 'select(.subject == "Secret")'`,
		Args: cobra.ArbitraryArgs,
		RunE: onlyVerbs,
	}
	for _, t := range tables() {
		cmd.AddCommand(newShowTable(s, t))
	}
	return cmd
}

func newShowTable(s *settings, t shown) *cobra.Command {
	var g gateway
	cmd := &cobra.Command{
		Use:   t.name,
		Short: t.short,
		Long: t.long + `

Ends with 0, and with 1 when no labelgated answers or it does not let you.`,
		Example: "  labelgate show " + t.name,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.print(cmd.Context(), &g, s.json, cmd.OutOrStdout())
		},
	}
	g.flags(cmd)
	return cmd
}

// rows prints a table, of which row gives the cells of each row.
func rows[T any](verb string, heads []string, row func(*T) []string) func(context.Context, *gateway, bool, io.Writer) error {
	return lines(verb, heads, func(all []T) (cells [][]string) {
		for i := range all {
			cells = append(cells, row(&all[i]))
		}
		return cells
	})
}

// lines prints a table, of which cells gives the lines.
func lines[T any](verb string, heads []string, cells func([]T) [][]string) func(context.Context, *gateway, bool, io.Writer) error {
	return func(ctx context.Context, g *gateway, json bool, w io.Writer) error {
		all, err := askAll[T](ctx, g, verb)
		if err != nil {
			return err
		}
		if json {
			return printRows(w, all)
		}
		found := cells(all)
		t := newTable(w, near(heads, found)...)
		for _, line := range found {
			t.row(line...)
		}
		return t.flush()
	}
}

// near cuts the directory that all places have from the last cells, which are the
// places, and puts it into their head.
func near(heads []string, lines [][]string) []string {
	last := len(heads) - 1
	if heads[last] != "AT" {
		return heads
	}
	dir := ""
	for _, l := range lines {
		place := l[last]
		if place == "" {
			continue
		}
		if dir == "" {
			dir = place[:strings.LastIndexByte(place, '/')+1]
		}
		for !strings.HasPrefix(place, dir) {
			dir = dir[:strings.LastIndexByte(strings.TrimSuffix(dir, "/"), '/')+1]
		}
		if len(dir) < len("/d/") || dir[0] != '/' {
			return heads
		}
	}
	if dir == "" {
		return heads
	}
	for _, l := range lines {
		l[last] = strings.TrimPrefix(l[last], dir)
	}
	heads = slices.Clone(heads)
	heads[last] = "AT, IN " + plain(dir)
	return heads
}

func showCounters(ctx context.Context, g *gateway, json bool, w io.Writer) error {
	c, err := ask[control.Counters](ctx, g, control.VerbCounters)
	if err != nil {
		return err
	}
	if json {
		return printJSON(w, c)
	}
	return writeAllCounters(w, &c)
}
