package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"labelgate/internal/config"
	"labelgate/internal/control"
)

// defaultSettings is the settings file that tells where the socket is when the
// command line does not.
const defaultSettings = "/etc/labelgate/labelgate.toml"

// gateway is the running labelgated that a verb talks to.
type gateway struct {
	socket, settings string
}

func (g *gateway) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.socket, "socket", "", "control socket of labelgated, `PATH`")
	cmd.Flags().StringVar(&g.settings, "config", "", "settings `FILE` that names the socket ("+defaultSettings+")")
}

// dial connects to the gateway. The error ends a verb: nobody there is something
// found, not a wrong command line.
func (g *gateway) dial(ctx context.Context) (*control.Client, error) {
	path, unsure, err := g.path()
	if err != nil {
		return nil, err
	}
	c, err := control.Dial(ctx, path)
	switch {
	case err == nil:
		return c, nil
	case unsure != nil && errors.Is(err, control.ErrNoAnswer):
		return nil, found("%w\n(the settings do not tell where else: %v)", err, unsure)
	}
	return nil, notDone(err)
}

// path returns where the socket is. Settings at fault name none; the gateway may
// still run with those before, so its usual place is tried then, and unsure says
// why.
func (g *gateway) path() (path string, unsure, err error) {
	if g.socket != "" {
		return g.socket, nil, nil
	}
	settings := g.settings
	if settings == "" {
		settings = defaultSettings
	}
	path, err = config.ControlSocket(settings)
	switch {
	case err != nil && g.settings == "":
		return config.DefaultSocket, nil, nil // there is no such file, or it is not for everybody
	case err != nil:
		return config.DefaultSocket, err, nil
	case path == "":
		return "", nil, found("%s says that there is no control socket (socket = \"none\" in [control])", settings)
	}
	return path, nil, nil
}

// notDone ends a verb that the gateway did not do. What it says of that may hold
// anything.
func notDone(err error) error {
	var said *control.Error
	if errors.As(err, &said) {
		err = &control.Error{Code: said.Code, Message: plain(strings.ReplaceAll(said.Message, "\n", "; ")), Problems: said.Problems}
	}
	return &exitError{code: ExitDenied, err: err}
}

// ask asks the gateway for one result, and closes the connection.
func ask[T any](ctx context.Context, g *gateway, verb string) (T, error) {
	var result T
	c, err := g.dial(ctx)
	if err != nil {
		return result, err
	}
	defer c.Close()
	if _, err := c.Call(ctx, verb, control.Args{}, &result); err != nil {
		return result, notDone(err)
	}
	return result, nil
}

// askAll asks the gateway for all rows of a table.
func askAll[T any](ctx context.Context, g *gateway, verb string) ([]T, error) {
	c, err := g.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := control.All[T](ctx, c, verb)
	if err != nil {
		return nil, notDone(err)
	}
	return rows, nil
}

// printRows prints each row as one JSON object a line.
func printRows[T any](w io.Writer, rows []T) error {
	for i := range rows {
		if err := printJSON(w, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// plain returns text of the gateway as a terminal may have it. Names of files and
// interfaces can hold anything.
func plain(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '?'
		}
	}
	return string(b)
}

// thousands writes a number as people read it.
func thousands(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
