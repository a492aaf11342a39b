package cli

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"labelgate/internal/explain"
	"labelgate/netlabel"
)

func newExplain(s *settings) *cobra.Command {
	var config, zone, option string
	var local bool
	var port uint16
	cmd := &cobra.Command{
		Use:   "explain --config FILE --zone Z SRC DST [PROTO] [--port N] [--option HEX]",
		Short: "Say step by step what would become of a packet, and why",
		Long: `Judges a packet from SRC to DST as labelgated would if it came in by zone Z, and
prints each step with the line of the policy that it rests on, and the header
that leaves. PROTO is icmp, tcp, udp (the default) or a number; icmp:TYPE/CODE
is an ICMP message, and an error such as icmp:3/4 reports a datagram that DST
sent to SRC. --port is the destination port, by which tunnels over UDP are told.
--option gives the bytes of the packet's IP options, for example those that
'labelgate cipso encode' prints; without it the packet is unlabeled.

Packets before this one are not known here. Where they would make a difference,
a last line says what a running gateway does.

The zone "self" stands for what the gateway itself sends. With --local, DST is an
address of the gateway itself. A connection needs both ways: ask about the answer
too.

Ends with 0 when the packet would pass, 1 when it would be dropped, and 2 when
the question or a file cannot be understood.`,
		Example: `  labelgate explain --config labelgate.toml --zone office 198.51.100.7 192.0.2.10 tcp
  labelgate explain --config labelgate.toml --zone enclave 192.0.2.10 198.51.100.7 \
      --option $(labelgate cipso encode --doi 3 --label Public --policy policy)`,
		Args: arguments(cobra.RangeArgs(2, 3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if config == "" || zone == "" {
				return usage("--config and --zone are needed")
			}
			if local && zone == self {
				return usage("--local asks about what comes in by a zone, not about %q", self)
			}
			proto := "udp"
			if len(args) == 3 {
				proto = args[2]
			}
			packet, err := asked(args[0], args[1], proto, port, option)
			if err != nil {
				return usage("%v", err)
			}
			g, err := anybodys().Load(config, 1)
			if err != nil {
				return err
			}
			direction, in, err := from(g.Snapshot, zone)
			if err != nil {
				return usage("%v", err)
			}
			if local {
				direction = netlabel.Input
			}
			out := make([]byte, len(packet)+netlabel.MaxGrowth)
			v := g.Snapshot.Process(direction, in, packet, out)
			e := explain.Explain(g.Snapshot, explain.Case{Direction: direction, Packet: packet, Out: out, Verdict: v})
			if s.json {
				err = printJSON(cmd.OutOrStdout(), e)
			} else {
				err = e.WriteText(cmd.OutOrStdout())
			}
			if err == nil && !e.Allowed {
				err = denied()
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "settings file of the gateway")
	cmd.Flags().StringVar(&zone, "zone", "", "zone that the packet comes in by, or \"self\"")
	cmd.Flags().StringVar(&option, "option", "", "bytes of its IP options in hex")
	cmd.Flags().Uint16Var(&port, "port", 0, "destination port")
	cmd.Flags().BoolVar(&local, "local", false, "DST is an address of the gateway itself")
	return cmd
}

// self is the zone's place for the machine's own traffic.
const self = "self"

func from(s *netlabel.Snapshot, zone string) (netlabel.Direction, netlabel.Zone, error) {
	if zone == self {
		return netlabel.Output, 0, nil
	}
	in, ok := s.ZoneNamed(zone)
	if !ok {
		var names []string
		for z := 1; z <= s.Zones(); z++ {
			names = append(names, s.ZoneName(netlabel.Zone(z)))
		}
		return 0, 0, fmt.Errorf("no zone %q; there are %s", zone, strings.Join(names, ", "))
	}
	return netlabel.Forward, in, nil
}

func asked(src, dst, proto string, port uint16, option string) ([]byte, error) {
	q := explain.Question{Port: port}
	var err error
	if q.Src, err = netip.ParseAddr(src); err != nil {
		return nil, fmt.Errorf("SRC %q is not an address", src)
	}
	if q.Dst, err = netip.ParseAddr(dst); err != nil {
		return nil, fmt.Errorf("DST %q is not an address", dst)
	}
	if err := q.Ask(proto); err != nil {
		return nil, err
	}
	if q.Options, err = hex.DecodeString(strings.ReplaceAll(option, " ", "")); err != nil {
		return nil, fmt.Errorf("--option %q: want bytes in hexadecimal digits, two each", option)
	}
	return q.Packet()
}
