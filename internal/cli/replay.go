package cli

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"labelgate/internal/audit"
	"labelgate/internal/capture"
	"labelgate/internal/explain"
	"labelgate/internal/replay"
)

func newReplay(s *settings) *cobra.Command {
	var config, output string
	var zoneOf []string
	var inbound bool
	cmd := &cobra.Command{
		Use:   "replay --config FILE --zone-of WHERE=ZONE... CAPTURE [-o OUT.pcap]",
		Short: "Judge every packet of a capture",
		Long: `Sends every packet of a pcap or pcapng file through the function that judges
live packets, and prints a line for each; with --json one object, whose fields
are those of labelgated's audit records. Needs neither root nor a kernel.

WHERE is the name of an interface in the capture, the Ethernet address of a
sender, or * for all others. --inbound passes over what the recording machine
sent itself, where the capture tells. -o writes the packets that would leave, as
they would leave.

Ends with 1 when at least one packet would be dropped.`,
		Example: `  labelgate replay --config labelgate.toml --zone-of eth1=enclave --zone-of eth0=office yesterday.pcapng
  labelgate replay --config labelgate.toml --zone-of '*=enclave' --json -o out.pcap in.pcap`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if config == "" || len(zoneOf) == 0 {
				return usage("--config and at least one --zone-of are needed")
			}
			g, err := anybodys().Load(config, 1)
			if err != nil {
				return err
			}
			zones, err := replay.ParseZones(g.Snapshot, zoneOf)
			if err != nil {
				return usage("--zone-of %v", err)
			}
			if sameFile(args[0], output) {
				return usage("-o %s is the capture that is read", output)
			}
			in, err := capture.Open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			w := &replayWriter{json: s.json, inbound: inbound, path: output, reasons: make(map[string]int)}
			buffered := bufio.NewWriter(cmd.OutOrStdout())
			w.text = buffered
			err = w.all(in, replay.New(g.Snapshot, zones, g.Config.PinFlows))
			if closing := w.close(); err == nil {
				err = closing
			}
			if !s.json && err == nil {
				w.summary()
			}
			if flushing := buffered.Flush(); err == nil {
				err = flushing
			}
			if err == nil && w.dropped > 0 {
				err = denied()
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "settings file of the gateway")
	cmd.Flags().StringArrayVar(&zoneOf, "zone-of", nil, "zone of an interface or sender, `WHERE=ZONE`; may be given more than once")
	cmd.Flags().BoolVar(&inbound, "inbound", false, "judge only what the recording machine received")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write what would leave to a pcap `FILE`")
	return cmd
}

// replayWriter writes what becomes of each packet.
type replayWriter struct {
	text    io.Writer
	json    bool
	inbound bool
	path    string
	file    *os.File
	pcap    *capture.PcapWriter
	line    []byte
	passed  int
	dropped int
	unseen  int
	reasons map[string]int
}

// sameFile reports whether two paths name one file that exists.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func (w *replayWriter) all(in *capture.Reader, r *replay.Replayer) error {
	for f, err := range in.All() {
		if err != nil {
			return err
		}
		if w.inbound && f.Direction == capture.Outbound {
			continue
		}
		if !replay.Sees(f) {
			w.unseen++
			if err := w.record(f, &audit.Record{Time: f.Time, Event: audit.EventDecision, Netif: f.Name, Verdict: replay.Unseen}); err != nil {
				return err
			}
			continue
		}
		record, leaving := r.Judge(f)
		if leaving == nil {
			w.dropped++
			w.reasons[record.Reason]++
		} else {
			w.passed++
		}
		if err := w.record(f, &record); err != nil {
			return err
		}
		if err := w.leaves(f, leaving); err != nil {
			return err
		}
	}
	return nil
}

func (w *replayWriter) record(f *capture.Frame, r *audit.Record) error {
	if w.json {
		w.line = append(w.line[:0], `{"packet":`...)
		w.line = strconv.AppendInt(w.line, int64(f.Number), 10)
		n := len(w.line)
		w.line = r.AppendJSON(w.line)
		w.line[n] = ',' // the record's own opening brace
		w.line = append(w.line, '\n')
		_, err := w.text.Write(w.line)
		return err
	}
	what := ""
	switch {
	case f.IPv4 == nil:
		what = fmt.Sprintf("ethertype %04x", f.EtherType)
	case !r.Saddr.IsValid():
		what = "unreadable"
	default:
		what = fmt.Sprintf("%s > %s %s", r.Saddr, r.Daddr, explain.ProtocolName(r.Proto))
	}
	_, err := fmt.Fprintf(w.text, "%d  %s  %s%s%s\n", f.Number, what, r.Verdict, labels(r), because(r))
	return err
}

func labels(r *audit.Record) string {
	switch {
	case r.Subject == "" && r.Direct != "":
		return fmt.Sprintf("  (%q)", r.Direct) // what an unknown label spells
	case r.Subject == "":
		return ""
	case r.Object == "":
		return fmt.Sprintf("  %q", r.Subject)
	}
	return fmt.Sprintf("  %q to %q", r.Subject, r.Object)
}

func because(r *audit.Record) string {
	text := ""
	if r.Reason != "" {
		text = "  " + r.Reason
	}
	if r.Fault != "" {
		text += fmt.Sprintf(" (%s, byte %d)", r.Fault, r.Pointer)
	}
	if r.Rule != "" {
		text += "  " + r.Rule
	}
	return text
}

// leaves records a packet that would leave. The file begins with the first one,
// whose link it takes over.
func (w *replayWriter) leaves(f *capture.Frame, packet []byte) error {
	if w.path == "" {
		return nil
	}
	if w.pcap == nil {
		link := capture.LinkRaw
		if f.LinkType == capture.LinkEthernet {
			link = capture.LinkEthernet
		}
		var err error
		if w.file, err = os.Create(w.path); err != nil {
			return err
		}
		if w.pcap, err = capture.NewPcapWriter(w.file, link); err != nil {
			return err
		}
	}
	if packet == nil {
		return nil
	}
	return w.pcap.WriteFrame(f, packet)
}

func (w *replayWriter) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

func (w *replayWriter) summary() {
	fmt.Fprintf(w.text, "%s: %d would leave, %d dropped", plural(w.passed+w.dropped, "packet", "packets"), w.passed, w.dropped)
	separator := " ("
	for _, reason := range slices.Sorted(maps.Keys(w.reasons)) {
		fmt.Fprintf(w.text, "%s%s %d", separator, reason, w.reasons[reason])
		separator = ", "
	}
	if len(w.reasons) > 0 {
		fmt.Fprint(w.text, ")")
	}
	if w.unseen > 0 {
		fmt.Fprintf(w.text, "; %d that no gateway is asked about", w.unseen)
	}
	fmt.Fprintln(w.text)
}
