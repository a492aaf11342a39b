package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"labelgate/internal/audit"
	"labelgate/internal/capture"
)

// Write writes the packets as pcapng, one interface for each of the node's.
// comment, if not nil, gives each packet the text that Wireshark shows with it.
func (c *Capture) Write(w io.Writer, comment func(*Captured) string) error {
	ng, err := capture.NewNgWriter(w, "labelgate")
	if err != nil {
		return err
	}
	numbers := make(map[string]int)
	for _, p := range c.Packets() {
		number, ok := numbers[p.Interface]
		if !ok {
			if number, err = ng.AddInterface(capture.InterfaceInfo{Name: p.Interface, LinkType: capture.LinkEthernet}); err != nil {
				return err
			}
			numbers[p.Interface] = number
		}
		out := capture.Packet{Interface: number, Time: p.Time, Direction: capture.Inbound, Data: p.Frame}
		if p.Outgoing {
			out.Direction = capture.Outbound
		}
		if comment != nil {
			out.Comment = comment(&p)
		}
		if err := ng.WritePacket(out); err != nil {
			return err
		}
	}
	return nil
}

// save writes what the gateway saw to a file, each packet that came in with what
// the gateway decided about it.
func (l *Lab) save(c *Capture, path string) (string, error) {
	records, err := l.Records(GatewayName)
	if err != nil {
		return "", err
	}
	decided := make(map[tuple]*audit.Record, len(records))
	for i := range records {
		if k := tupleOfRecord(&records[i]); decided[k] == nil {
			decided[k] = &records[i]
		}
	}
	f, err := create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	err = c.Write(w, func(p *Captured) string {
		packet := p.IPv4()
		if packet == nil || p.Outgoing {
			return ""
		}
		return l.comment(decided[tupleOfPacket(packet)])
	})
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return "", err
	}
	return f.Name(), nil
}

func create(path string) (*os.File, error) {
	if path == "" {
		return os.CreateTemp("", "labelgate-demo-*.pcapng")
	}
	return os.Create(path)
}

// comment words a decision as an audit record does.
func (l *Lab) comment(r *audit.Record) string {
	if r == nil {
		return ""
	}
	text := "action=" + r.Action
	for _, f := range []struct{ key, value string }{
		{"reason", r.Reason}, {"subject", r.Subject}, {"object", r.Object}, {"rule", l.short(r.Rule)}, {"verdict", r.Verdict},
	} {
		if f.value != "" {
			text += fmt.Sprintf(" %s=%s", f.key, f.value)
		}
	}
	return text
}
