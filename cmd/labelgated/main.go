// Labelgated judges the packets of labeled networks: it reads them from a kernel
// queue, decides each by Smack rules, and drops, passes, labels or unlabels it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"labelgate/internal/daemon"
	"labelgate/internal/nft"
	"labelgate/internal/policyfile"
	"labelgate/internal/version"
)

const usage = `Usage: labelgated --config FILE
       labelgated --open

Judges the packets of the zones named in FILE until it is told to stop.
SIGHUP reloads the settings and the policy; what is wrong with them is logged
and changes nothing.

  --config FILE   settings, see examples/perimeter/labelgate.toml
  --open          remove the netfilter table that keeps the zones closed while
                  no labelgated runs, and exit
  --version       print the version and exit

Example:
  labelgated --config /etc/labelgate/labelgate.toml
`

// Exit codes: 0 after a stop that was asked for, 1 for what the machine refuses,
// 2 for bad usage or files.
func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("labelgated", flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	config := flags.String("config", "", "")
	open := flags.Bool("open", false, "")
	printVersion := flags.Bool("version", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	switch {
	case *printVersion:
		fmt.Println("labelgated", version.String())
		return 0
	case flags.NArg() != 0:
		fmt.Fprintf(os.Stderr, "labelgated: unexpected argument %q\n\n%s", flags.Arg(0), usage)
		return 2
	case *open:
		if err := nft.Remove(nft.DefaultTable, 0); err != nil {
			fmt.Fprintln(os.Stderr, "labelgated:", err)
			return 1
		}
		return 0
	case *config == "":
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := daemon.Run(ctx, daemon.Options{
		Config: *config, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "labelgated:", err)
	var problems policyfile.Problems
	if errors.As(err, &problems) || errors.Is(err, os.ErrNotExist) {
		return 2
	}
	return 1
}
