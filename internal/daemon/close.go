package daemon

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"labelgate/internal/config"
	"labelgate/internal/nft"
	"labelgate/internal/policyfile"
)

// closer is what closing asks of netfilter; tests put something else in its place.
type closer struct {
	alone           func() (release func(), err error)
	guarded         func() ([]string, error)
	close           func(nft.Plan) (nft.Report, error)
	closeForwarding func() error
}

// closeGateway closes the zones of a settings file before anybody judges their
// packets, and before their interfaces exist: it is for a unit that runs before the
// network. It opens nothing that was closed. The policy is not read. Exit code 0
// says that the zones are closed.
//
// Where the settings cannot be used nobody knows the zones' interfaces. Then
// everything is dropped that this machine would forward, since that is how data gets
// from one zone to another, and the exit code is 1. The machine's own traffic is
// left alone: it carries what this machine's users may know anyway, and without it
// nobody could mend the settings from afar.
func closeGateway(path string, stdout, stderr io.Writer) int {
	c := closer{
		alone: func() (func(), error) {
			lock, err := alone(0, 0)
			return func() { lock.Close() }, err
		},
		guarded:         func() ([]string, error) { return nft.Guarded(nft.DefaultTable, 0) },
		close:           nft.Close,
		closeForwarding: func() error { return nft.CloseForwarding(nft.DefaultTable, 0) },
	}
	return c.run(path, stdout, stderr)
}

func (c *closer) run(path string, stdout, stderr io.Writer) int {
	release, err := c.alone()
	switch {
	case errors.Is(err, errAnother):
		return c.leave(path, stdout, stderr)
	case err != nil: // rules can be closed without it
		fmt.Fprintln(stderr, "labelgated: not known whether another labelgated runs:", err)
	default:
		defer release()
	}
	settings, err := config.Load(path)
	if err != nil {
		return c.fallBack(err, stderr)
	}
	report, err := c.close(plan(settings))
	if err != nil {
		return c.fallBack(err, stderr)
	}
	fmt.Fprintf(stdout, "closed until labelgated runs: %s (netfilter table %s)\n", zonesOf(settings), nft.DefaultTable)
	if !report.Ethertypes {
		fmt.Fprintln(stderr, "labelgated: this kernel cannot filter by ethertype: what comes from a zone and is neither IP nor ARP is not dropped")
	}
	if !report.Egress {
		fmt.Fprintln(stderr, "labelgated: this kernel cannot look at packets as they leave: what is led around the rules is not dropped")
	}
	return 0
}

// leave is for when a labelgated runs, which keeps its zones closed itself. Its
// rules are looked for all the same: who may not touch netfilter is told just the
// same as who came second.
func (c *closer) leave(path string, stdout, stderr io.Writer) int {
	names, err := c.guarded()
	if err == nil && len(names) == 0 {
		err = errors.New("there are no rules")
	}
	if err != nil {
		fmt.Fprintf(stderr, "labelgated: %v, but nothing is closed: %v\n", errAnother, err)
		return 1
	}
	fmt.Fprintf(stdout, "a labelgated runs and guards %s; nothing was changed\n", strings.Join(names, " "))
	settings, err := config.Load(path)
	if err != nil {
		fmt.Fprintf(stderr, "%v\nlabelgated: the one that runs has other settings\n", problems(err))
		return 1
	}
	for _, z := range settings.Zones {
		for _, name := range z.Interfaces {
			if !slices.Contains(names, name) {
				fmt.Fprintf(stderr, "labelgated: it does not guard %s of zone %s: have it reload its settings\n", name, z.Name)
				return 1
			}
		}
	}
	return 0
}

// fallBack closes what can be closed without knowing the zones.
func (c *closer) fallBack(why error, stderr io.Writer) int {
	fmt.Fprintln(stderr, problems(why))
	if err := c.closeForwarding(); err != nil {
		fmt.Fprintf(stderr, "labelgated: NOTHING COULD BE CLOSED: %v\n", err)
		return 1
	}
	fmt.Fprint(stderr, "labelgated: THE ZONES ARE NOT KNOWN: everything that this machine would forward is dropped\n"+
		"until labelgated runs with settings that are right, or until 'labelgated --open'.\n"+
		"The machine's own traffic is not touched, not even that with the zones.\n")
	return 1
}

// problems puts file:line:column first, for editors, where a file is at fault.
func problems(err error) string {
	var all policyfile.Problems
	if errors.As(err, &all) {
		return all.Error()
	}
	return "labelgated: " + err.Error()
}

// zonesOf names the zones and their interfaces.
func zonesOf(c *config.Config) string {
	names := make([]string, len(c.Zones))
	for i, z := range c.Zones {
		names[i] = fmt.Sprintf("%s (%s)", z.Name, strings.Join(z.Interfaces, " "))
	}
	return strings.Join(names, ", ")
}
