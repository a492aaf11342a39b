package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"strconv"
	"syscall"

	"labelgate/internal/nft"
	"labelgate/internal/policyfile"
	"labelgate/internal/version"
)

const usage = `Usage: labelgated --config FILE
       labelgated --close --config FILE
       labelgated --open

Judges the packets of the zones named in FILE until it is told to stop.
SIGHUP reloads the settings and the policy; what is wrong with them is logged
and changes nothing.

  --config FILE   settings, see examples/perimeter/labelgate.toml
  --owner UID     take files of this user too, not only root's and your own
  --close         close the zones named in FILE until labelgated runs, and exit:
                  for a unit that runs before the network; opens nothing
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

// Command runs the command line args, without the program's name, and returns the
// exit code: 0 after a stop that was asked for, 1 for what the machine refuses, 2
// for a command line or files that cannot be understood.
func Command(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && members[args[0]] != nil {
		return runMember(args[0], args[1:], stderr)
	}
	flags := flag.NewFlagSet("labelgated", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // its own words for what is wrong are said here
	config := flags.String("config", "", "")
	var owners []uint32
	flags.Func("owner", "", func(text string) error {
		n, err := strconv.ParseUint(text, 10, 32)
		owners = append(owners, uint32(n))
		return err
	})
	shut := flags.Bool("close", false, "")
	open := flags.Bool("open", false, "")
	printVersion := flags.Bool("version", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, usage)
			return 0
		}
		return misused(stderr, "%v", err)
	}
	switch {
	case *printVersion:
		fmt.Fprintln(stdout, "labelgated", version.String())
		return 0
	case flags.NArg() != 0:
		return misused(stderr, "unexpected argument %q", flags.Arg(0))
	case *open && *shut:
		return misused(stderr, "--open and --close are opposites")
	case *open && *config != "":
		return misused(stderr, "--open takes no --config: the table to remove has a fixed name")
	case *open:
		// A labelgated that runs would put the table back.
		lock, err := alone(0, 0)
		if err != nil {
			fmt.Fprintln(stderr, "labelgated:", err)
			return 1
		}
		defer lock.Close()
		if err := nft.Remove(nft.DefaultTable, 0); err != nil {
			fmt.Fprintln(stderr, "labelgated:", err)
			return 1
		}
		fmt.Fprintln(stdout, "the netfilter table is removed: packets pass without being judged")
		return 0
	case *config == "":
		return misused(stderr, "--config FILE is needed")
	case *shut:
		return closeGateway(*config, stdout, stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := Run(ctx, Options{
		Config: *config, Owners: owners, Log: slog.New(slog.NewTextHandler(stderr, nil)), Stdout: stdout, Stderr: stderr, Confine: true,
	})
	if err == nil {
		return 0
	}
	var problems policyfile.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(stderr, problems.Error()) // file:line:column first, for editors
	} else {
		fmt.Fprintln(stderr, "labelgated:", err)
	}
	var settings *SettingsError
	if errors.As(err, &settings) {
		return 2
	}
	return 1
}

// misused says what is wrong with the command line.
func misused(stderr io.Writer, format string, args ...any) int {
	fmt.Fprintf(stderr, "labelgated: %s\nSee 'labelgated --help'.\n", fmt.Sprintf(format, args...))
	return 2
}
