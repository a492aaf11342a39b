package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"labelgate/internal/audit"
)

func TestRecordsAmongOtherLines(t *testing.T) {
	r := audit.Record{
		Event: audit.EventDecision, Action: audit.Denied, Reason: "no-rule", Proto: 6, HasPorts: true, Src: 40000, Dest: 80,
		Saddr: netip.MustParseAddr("192.0.2.2"), Daddr: netip.MustParseAddr("192.0.2.18"),
	}
	log := string(r.AppendJSON(nil)) + "\ntime=now level=INFO msg=\"judging packets\"\n{not json}\n"
	log += string(r.AppendText(nil)) + "\n\n" + string(r.AppendJSON(nil)) // the last is still being written
	path := filepath.Join(t.TempDir(), "log")
	old := string(r.AppendJSON(nil)) + "\n"
	if err := os.WriteFile(path, []byte(old+log), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := records{path: path, from: int64(len(old))}.read()
	if err != nil || len(got) != 2 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for _, g := range got {
		if g.Saddr != r.Saddr || g.Reason != r.Reason || g.Dest != 80 {
			t.Errorf("%+v", g)
		}
	}
	for _, none := range []records{{}, {path: path + "x"}} {
		if got, err := none.read(); err != nil || got != nil {
			t.Errorf("%+v: %v, %v", none, got, err)
		}
	}
}

func TestFlowMatches(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.18")
	tcp := audit.Record{Saddr: a, Daddr: b, Proto: 6, HasPorts: true, Src: 40000, Dest: 80}
	echo := audit.Record{Saddr: a, Daddr: b, Proto: 1, HasICMP: true, ICMPType: echoRequest}
	tests := []struct {
		name   string
		flow   flow
		record audit.Record
		want   bool
	}{
		{"there", flow{src: a, dst: b, proto: 6, dstPort: 80}, tcp, true},
		{"another port", flow{src: a, dst: b, proto: 6, dstPort: 81}, tcp, false},
		{"back", flow{src: a, dst: b, proto: 6, srcPort: 40000}, tcp, true},
		{"another's answer", flow{src: a, dst: b, proto: 6, srcPort: 80}, tcp, false},
		{"another direction", flow{src: b, dst: a, proto: 6, dstPort: 80}, tcp, false},
		{"another protocol", flow{src: a, dst: b, proto: 17, dstPort: 80}, tcp, false},
		{"echo", flow{src: a, dst: b, proto: 1, icmpType: echoRequest}, echo, true},
		{"reply", flow{src: a, dst: b, proto: 1, icmpType: echoReply}, echo, false},
		{"fragment without ports", flow{src: a, dst: b, proto: 6, dstPort: 80}, audit.Record{Saddr: a, Daddr: b, Proto: 6}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.flow.matches(&tt.record); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
