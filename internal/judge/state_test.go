package judge

import (
	"net/netip"
	"testing"

	"labelgate/internal/mark"
	"labelgate/internal/queue"
	"labelgate/netlabel"
)

// TestAddressesOfLinks: nobody else sends from an address of this machine or of a
// whole subnet, and nobody sends to all of a subnet. Only the links tell.
func TestAddressesOfLinks(t *testing.T) {
	const all = "10.1.255.255"
	tests := []struct {
		name   string
		packet queue.Packet
		reason netlabel.Reason // in strict mode
	}{
		{"from another host", queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: packet(t, red1, grayPop, foo3)}, 0},
		{"from this machine's address", queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: packet(t, gate, grayPop, foo3)}, netlabel.ReasonMartianSource},
		{"from everybody", queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: packet(t, all, grayPop, foo3)}, netlabel.ReasonMartianSource},
		{"from this machine's address, to it", queue.Packet{Hook: queue.Prerouting, In: redIf, Mark: uint32(mark.Local), Payload: packet(t, gate, gate, foo3)}, netlabel.ReasonMartianSource},
		{"from this machine", queue.Packet{Hook: queue.Output, Out: redIf, Payload: packet(t, gate, red1, "")}, 0},
		{"to everybody", queue.Packet{Hook: queue.Forward, In: grayIf, Out: redIf, Payload: packet(t, grayPop, all, "")}, netlabel.ReasonGroupDestination},
		{"from this machine to everybody", queue.Packet{Hook: queue.Output, Out: redIf, Payload: packet(t, gate, all, "")}, netlabel.ReasonGroupDestination},
		{"a fragment from this machine's address", queue.Packet{Hook: queue.Prerouting, In: redIf, Payload: with(packet(t, gate, grayPop, ""), func(p []byte) { p[6] = 0x20 })}, netlabel.ReasonMartianSource},
	}
	for _, mode := range []string{"strict", "compat"} {
		for _, tt := range tests {
			t.Run(mode+" "+tt.name, func(t *testing.T) {
				d, _ := newDaemon(t, write(t, "mode = \""+mode+"\"\n"+settings, rules, hosts))
				f := d.links
				f.table = f.table.WithAddress(netip.MustParsePrefix(gate + "/16"))
				now := d.live.load()
				d.live.store(newState(now.gateway, d.links, d.counters, now.stamp))
				want := tt.reason
				if mode == "compat" {
					want = netlabel.ReasonNone
				}
				if v := newAsker(t, d, nil).ask(tt.packet); v.Reason != want {
					t.Errorf("%s %q, want %q", v.Action, v.Reason, want)
				}
			})
		}
	}
}
