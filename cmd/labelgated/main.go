// Labelgated judges the packets of labeled networks: it reads them from a kernel
// queue, decides each by Smack rules, and drops, passes, labels or unlabels it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
  --help          print this and exit

Ends with 0 after a stop that was asked for, 1 for what the machine refuses, and
2 when the command line or a file cannot be understood.

Example:
  labelgate check /etc/labelgate/labelgate.toml
  labelgated --config /etc/labelgate/labelgate.toml
`

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("labelgated", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // its own words for what is wrong are said here
	config := flags.String("config", "", "")
	open := flags.Bool("open", false, "")
	printVersion := flags.Bool("version", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Print(usage)
			return 0
		}
		return misused("%v", err)
	}
	switch {
	case *printVersion:
		fmt.Println("labelgated", version.String())
		return 0
	case flags.NArg() != 0:
		return misused("unexpected argument %q", flags.Arg(0))
	case *open && *config != "":
		return misused("--open takes no --config: the table to remove has a fixed name")
	case *open:
		if err := nft.Remove(nft.DefaultTable, 0); err != nil {
			fmt.Fprintln(os.Stderr, "labelgated:", err)
			return 1
		}
		return 0
	case *config == "":
		return misused("--config FILE is needed")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := daemon.Run(ctx, daemon.Options{
		Config: *config, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err == nil {
		return 0
	}
	var problems policyfile.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(os.Stderr, problems.Error()) // file:line:column first, for editors
	} else {
		fmt.Fprintln(os.Stderr, "labelgated:", err)
	}
	var settings *daemon.SettingsError
	if errors.As(err, &settings) {
		return 2
	}
	return 1
}

// misused says what is wrong with the command line.
func misused(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "labelgated: %s\nSee 'labelgated --help'.\n", fmt.Sprintf(format, args...))
	return 2
}
