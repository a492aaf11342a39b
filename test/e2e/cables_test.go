package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// finish judges everything that was on the cables while the tests ran.
func (p *perimeter) finish(t *testing.T) {
	p.complete(t)
	t.Run("tshark reads every label", p.secondOpinion)
	forbidden := p.forbidden(t)
	outer, inner := 0, 0
	t.Run("no label on an unlabeled cable", func(t *testing.T) {
		for _, h := range unlabeledHosts() {
			for where, c := range map[string]struct {
				capture  *lab.Capture
				cable    string
				outgoing bool
			}{
				"toward " + h: {p.cables[lab.GatewayName], p.cable(h), true},
				"at " + h:     {p.cables[h], "", false},
			} {
				o, i := leaks(c.capture, c.cable, c.outgoing)
				for _, packet := range o {
					t.Errorf("label %s: %s", where, packet)
				}
				for _, packet := range i {
					t.Errorf("label in a header that an ICMP error quotes %s: %s", where, packet)
				}
				outer, inner = outer+len(o), inner+len(i)
			}
		}
	})
	report(t,
		figures.Figure{ID: "e2e/perimeter/datagrams", Value: float64(len(p.sent)), Unit: "rows"}.AtLeast(80),
		figures.Figure{ID: "e2e/perimeter/forbidden-delivered", Value: float64(forbidden), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/perimeter/labels-on-unlabeled-cables", Value: float64(outer), Unit: "options"}.AtMost(0),
		figures.Figure{ID: "e2e/perimeter/labels-in-quoted-headers", Value: float64(inner), Unit: "options"}.AtMost(0),
	)
}

// forbidden counts the datagrams that were to be dropped and are on any cable but
// their sender's.
func (p *perimeter) forbidden(t *testing.T) (n int) {
	for node, c := range p.cables {
		for _, packet := range c.Packets() {
			ip := packet.IPv4()
			h := headerLen(ip)
			if h == 0 || ip[9] != protoUDP || len(ip) < h+8 || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
				continue
			}
			r := p.sent[binary.BigEndian.Uint16(ip[h:])]
			if r == nil || r.action != "drop" || binary.BigEndian.Uint16(ip[h+2:]) != inboxPort {
				continue
			}
			if node == lab.GatewayName && packet.Outgoing || node != lab.GatewayName && !packet.Outgoing {
				t.Errorf("%s: is at %s all the same: % x", r.name, node, ip)
				n++
			}
		}
	}
	return n
}

// secondOpinion has tshark read every option that the rows checked.
func (p *perimeter) secondOpinion(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("needs tshark, the independent decoder of CIPSO options")
	}
	path := filepath.Join(t.TempDir(), "labeled.pcap")
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<16, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for _, l := range p.labeled {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(0, 0), CaptureLength: len(l.packet), Length: len(l.packet)}, l.packet); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := command(tshark, "-r", path, "-T", "fields", "-e", "ip.cipso.doi", "-e", "ip.cipso.tag_type",
		"-e", "ip.cipso.sensitivity_level", "-e", "ip.cipso.categories").Output()
	if err != nil {
		t.Fatal("tshark: ", err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != len(p.labeled) || len(p.labeled) == 0 {
		t.Fatalf("%d lines for %d packets", len(lines), len(p.labeled))
	}
	for i, l := range p.labeled {
		fields := strings.Split(lines[i]+"\t\t\t", "\t")
		got := fmt.Sprintf("%s %s %s %s", fields[0], fields[1], fields[2], ascending(t, fields[3]))
		if want := fmt.Sprintf("%d %d %d %s", l.doi, l.tag, l.level, ascending(t, l.categories)); got != want {
			t.Errorf("%s: tshark reads %q, want %q", l.row, got, want)
		}
	}
}

// ascending writes a list of categories and ranges, in whatever order and with
// whichever end first, as single categories.
func ascending(t *testing.T, list string) string {
	t.Helper()
	var set [1 << 16]bool
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		a, b, isRange := strings.Cut(item, "-")
		if !isRange {
			b = a
		}
		low, err1 := strconv.Atoi(a)
		high, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil {
			t.Fatalf("categories %q", list)
		}
		for c := min(low, high); c <= max(low, high); c++ {
			set[c] = true
		}
	}
	var out []string
	for c, in := range set {
		if in {
			out = append(out, strconv.Itoa(c))
		}
	}
	return strings.Join(out, ",")
}
