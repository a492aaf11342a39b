package packets

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"labelgate/internal/audit"
	"labelgate/netlabel"
)

// notHere are the reasons that no packet alone brings about, and why.
var notHere = map[string]string{
	"not-ipv4":            "the netfilter rules queue IPv4 only",
	"truncated":           "the queue asks for whole packets",
	"no-self-label":       "the gateway of these tests has a label",
	"star-subject":        "in strict mode no packet is labeled * or ?",
	"fragment-table-full": "takes thousands of datagrams; see internal/fragment",
	"destination-changed": "takes address translation",
	"stale-generation":    "takes a reload between two hooks",
	"unmarkable":          "takes a policy of more labels than the mark can number",
}

// TestTable: the table speaks of what there is, and of all of it.
func TestTable(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	known, seen := map[string]bool{}, map[string]bool{}
	for _, r := range netlabel.Reasons() {
		known[r.String()] = true
	}
	counters := []string{audit.ReasonEthertype, audit.ReasonIPv6, audit.ReasonUnjudged}
	for _, r := range table.Rows() {
		for i := range r.Steps {
			o := &r.Steps[i].Outcome
			switch {
			case o.Action == counted && !o.kernel() && !slices.Contains(counters, o.Reason):
				t.Errorf("%s: there is no counter %q", r.Name(), o.Reason)
			case o.Action == drop && !known[o.Reason]:
				t.Errorf("%s: there is no reason %q", r.Name(), o.Reason)
			}
			seen[o.Reason], seen[o.then] = true, true
		}
	}
	for reason := range known {
		if seen[reason] == (notHere[reason] != "") {
			t.Errorf("reason %s: in a row %v, left out %q", reason, seen[reason], notHere[reason])
		}
	}
	for _, s := range table.Sections {
		for _, l := range s.Limits {
			if l.What == "" || l.Why == "" || l.Bound == "" || l.Help == "" {
				t.Errorf("a limit is not told whole: %+v", l)
			}
		}
	}
}

// TestTunnels: every tunnel that is known has a row for each of its protocols and
// ports.
func TestTunnels(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	protocols, ports := map[int]bool{}, map[int]bool{}
	for _, r := range table.Rows() {
		for i := range r.Steps {
			if p := &r.Steps[i].Packet; r.Steps[i].Outcome.Reason == "tunnel" {
				protocols[p.proto], ports[p.dport] = true, true
			}
		}
	}
	for _, known := range netlabel.Tunnels() {
		for _, p := range known.Protocols {
			if !protocols[int(p)] {
				t.Errorf("%s: no row for protocol %d", known.Name, p)
			}
		}
		for _, p := range known.Ports {
			if !ports[int(p)] {
				t.Errorf("%s: no row for UDP port %d", known.Name, p)
			}
		}
	}
}

// TestParse: what cannot be read is refused, not sent as something else.
func TestParse(t *testing.T) {
	const hosts = "[host]\na = { cable = 'x', address = '10.0.*.1' }\nb = { cable = 'x', address = '10.0.0.2' }\n[option]\nlabel = '86 06 00000003'\n"
	row := func(send string) string {
		return hosts + "[[section]]\nname = 's'\n[[section.row]]\nwhat = 'w'\nsend = ['" + send + "']\n"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"fine", row("a > b opt=label+01 frame=00 => drop x fault=y byte=3 hears=12/0:3 label=label"), ""},
		{"unknown key", "titel = 'x'\n", "titel"},
		{"address", "[host]\na = { cable = 'x', address = 'here' }\n", "here"},
		{"option", "[option]\na = 'xy'\n", "option a"},
		{"nothing arrives", hosts + "[[section]]\nname = 's'\n[[section.row]]\nsend = ['a > b => pass']\n", "what arrives"},
		{"nothing sent", hosts + "[[section]]\nname = 's'\n[[section.row]]\nwhat = 'w'\n", "nothing is sent"},
		{"no outcome", row("a > b"), "FROM > TO"},
		{"no receiver", row("a => pass"), "FROM > TO"},
		{"unknown sender", row("c > b => pass"), `no host "c"`},
		{"unknown receiver", row("a > c => pass"), `no host "c"`},
		{"gateway sends", row("gateway > b => pass"), `no host "gateway"`},
		{"unknown word", row("a > b tll=3 => pass"), "tll=3: no such word"},
		{"flag with a value", row("a > b df=1 => pass"), "df=1"},
		{"word without one", row("a > b ttl => pass"), "ttl: a value"},
		{"too large", row("a > b ttl=256 => pass"), "ttl=256"},
		{"off by some", row("a > b at=81 => pass"), "multiple of 8"},
		{"option of no name", row("a > b opt=labl => pass"), "labl"},
		{"half an octet", row("a > b body=123 => pass"), "body=123"},
		{"icmp without code", row("a > b icmp=8 => pass"), "TYPE/CODE"},
		{"quote of what", row("a > b icmp=3/3 quote=me => pass"), "nobody knows"},
		{"unknown action", row("a > b => dorp x"), "begins with one of"},
		{"drop for nothing", row("a > b => drop"), "for which reason"},
		{"add of nothing", row("a > b => add"), "add of what"},
		{"unknown word of the outcome", row("a > b => pass reson=x"), "reson=x: no such word"},
		{"label of nothing", row("a > b => pass label=label"), "nothing is heard"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse([]byte(tt.text))
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestBuild: packets without a lie are sound in the eyes of another decoder, and the
// lies are in them.
func TestBuild(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	s := scene{row: 7, src: netip.MustParseAddr("10.0.0.1"), dst: netip.MustParseAddr("10.0.0.2")}
	made := func(words string) []byte {
		t.Helper()
		step, err := table.step("alice > pop " + words + " => pass")
		if err != nil {
			t.Fatal(err)
		}
		return step.Packet.build(s)
	}
	for _, tt := range []struct {
		words string
		layer gopacket.LayerType
		size  int
	}{
		{"", layers.LayerTypeUDP, 60},
		{"opt=foo", layers.LayerTypeUDP, 76},
		{"tcp=syn mss=1460 opt=foo+alert", layers.LayerTypeTCP, 96},
		{"icmp=8/0 size=10", layers.LayerTypeICMPv4, 38},
		{"icmp=3/4 word=000005dc quote=stranger", layers.LayerTypeICMPv4, 88},
		{"total-size=1500 df", layers.LayerTypeUDP, 1500},
	} {
		t.Run(tt.words, func(t *testing.T) {
			b := made(tt.words)
			p := gopacket.NewPacket(b, layers.LayerTypeIPv4, gopacket.Default)
			if fail := p.ErrorLayer(); fail != nil {
				t.Fatal(fail.Error())
			}
			ip := p.NetworkLayer().(*layers.IPv4)
			if len(b) != tt.size || int(ip.Length) != tt.size || ip.SrcIP.String() != "10.0.0.1" || sum(b[:ip.IHL*4]) != 0xffff || p.Layer(tt.layer) == nil {
				t.Errorf("%d bytes: %v", len(b), p)
			}
			switch l := p.Layer(tt.layer).(type) {
			case *layers.TCP:
				if err := l.SetNetworkLayerForChecksum(ip); err != nil {
					t.Fatal(err)
				}
				if wrong, err := l.ComputeChecksum(); wrong != 0 || err != nil {
					t.Errorf("TCP checksum is off by %#x, %v", wrong, err)
				}
			case *layers.ICMPv4:
				if sum(b[ip.IHL*4:]) != 0xffff {
					t.Error("the ICMP checksum is wrong")
				}
			}
		})
	}
	for _, tt := range []struct {
		words string
		at    int
		want  string
	}{
		{"version=6 ihl=4", 0, "64"}, {"total=+4", 2, "0040"}, {"total=24", 2, "0018"}, {"id=48879", 4, "beef"},
		{"evil df mf", 6, "e000"}, {"at=65528", 6, "1fff"}, {"ttl=1 proto=4", 8, "0104"}, {"src=1.2.3.4", 12, "01020304"},
		{"opt=end+foo", 20, "00860e"}, {"size=0 pad=abcd", 28, "abcd"}, {"body=0102", 20, "0102"},
	} {
		if b := made(tt.words); !strings.HasPrefix(hex.EncodeToString(b[tt.at:]), tt.want) {
			t.Errorf("%s: % x", tt.words, b)
		}
	}
	if b := made("sum=bad"); sum(b[:20]) == 0xffff {
		t.Error("the checksum is right all the same")
	}
	if b := made("cut=12"); len(b) != 12 {
		t.Errorf("%d bytes", len(b))
	}
}

// TestLabels: a label is found wherever it hides in a frame.
func TestLabels(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	s := scene{row: 7, src: netip.MustParseAddr("10.0.0.1"), dst: netip.MustParseAddr("10.0.0.2")}
	for _, tt := range []struct {
		name, words string
		found       bool
	}{
		{"none", "opt=alert size=100", false},
		{"in the header", "opt=foo", true},
		{"of a domain that nobody knows", "opt=860e0000270f010800fa2337b780", true},
		{"behind the end of the options", "opt=end+860e0000270f010800fa2337b780", true},
		{"cut off", "opt=nop+nop+nop+86", true},
		{"in the payload", "body=00000000860e00000003010800fa2337b780", true},
		{"of the other domain", "body=00000000860e00000010", true},
		{"behind a tag", "tag=8100:0005 opt=foo", true},
		{"in a frame of its own", "ether=88b5 frame=860e00000003", true},
		{"blanked", "opt=0101010101010101", false},
	} {
		step, err := table.step("alice > pop " + tt.words + " => pass")
		if err != nil {
			t.Fatal(err)
		}
		behind, _ := step.Packet.behindAddresses(s, [6]byte{})
		if got := labels(append(make([]byte, 12), behind...)); (len(got) > 0) != tt.found {
			t.Errorf("%s: found %q", tt.name, got)
		}
	}
	// In a header that an ICMP error quotes, also of a domain that nobody knows.
	labeled := newPacket()
	labeled.options, _ = hex.DecodeString("860e0000270f010800fa2337b780")
	s.arrived = labeled.build(s)
	e := newPacket()
	e.proto, e.icmp, e.quote = protoICMP, []uint8{3, 3}, quoteArrived
	behind, _ := e.behindAddresses(s, [6]byte{})
	if len(labels(append(make([]byte, 12), behind...))) == 0 {
		t.Error("not found in what an ICMP error quotes")
	}
}

// TestPage: rows of one group are one line, and nothing in it breaks the table.
func TestPage(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	page := table.Page()
	for l := range strings.Lines(page) {
		if strings.HasPrefix(l, "| ") && strings.Count(l, "|") != 5 && !strings.HasPrefix(l, "| | |") && strings.Count(l, "|") != 3 {
			t.Errorf("a line of %d columns: %s", strings.Count(l, "|")-1, l)
		}
	}
	if !strings.Contains(page, "| Tag type 0, 3, 4 | dropped | `malformed-option` `tag-unknown` at byte 26 | 12/0 |\n") {
		t.Error("rows of a group are not together")
	}
	for _, r := range table.Rows() {
		if !strings.Contains(page, r.What) {
			t.Errorf("%q is not on the page", r.Name())
		}
	}
}
