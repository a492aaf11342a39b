package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/figures"
)

const accountingConfig = `
policy  = "policy"
logging = 3

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [2, 5]

[[zone]]
name       = "red"
interfaces = ["ge2e-mallory"]
networks   = ["10.1.0.0/16"]
labels     = "require"
icmp-errors = false
doi        = 3

[[zone]]
name       = "blue"
interfaces = ["ge2e-mallet"]
networks   = ["10.2.0.0/16"]
labels     = "require"
icmp-errors = false
doi        = 16

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop", "ge2e-none"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

// TestAccounting sends a known number of packets between machines that say
// nothing by themselves: each has one verdict, one record and one place in the
// daemon's last words, and what passed is on a cable.
func TestAccounting(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"labelgate.toml": accountingConfig, "policy/netlabel.d/site": "10.4.0.2 Pop zone=gray\n", "policy/accesses.d/site": "Foo Pop w\n",
	})
	b := newBench(t, "a", filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("mallory", "10.1.0.2/28", "red", "", 0), host("mallet", "10.2.0.2/28", "blue", "", 0),
		host("pop", "10.4.0.2/28", "gray", "", 0), host("none", "10.4.0.18/28", "gray", "", 0),
	})
	for _, h := range b.Topology().Hosts {
		b.deafen(t, h.Name)
	}
	const rounds = 100
	kinds := []struct {
		from, to, options string
		passes            bool
		visits            int // to the queue
	}{
		{"mallory", "pop", foo3, true, 1},
		{"mallory", "pop", secretDirect3, false, 1},
		{"mallory", "pop", stranger3, false, 1},
		{"mallory", "pop", "", false, 1},
		{"mallory", "pop", foo3 + foo3, false, 1},
		{"mallory", "mallet", foo3, true, 2}, // the new option goes on at its second visit
		{"mallet", "mallory", foo16, true, 2},
		{"pop", "mallory", "", true, 1},
		{"pop", "mallory", foo3, false, 1},
		{"none", "pop", "", false, 1},
		{"none", "mallory", "", true, 1},
		{"none", "pop", "8307 04 0a010002 00", false, 1},
	}
	cables := map[string]*rawCable{}
	for _, h := range b.Topology().Hosts {
		c, err := b.rawCable(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		cables[h.Name] = c
	}
	sent, passing, visits := 0, 0, 0
	for range rounds {
		for _, k := range kinds {
			h := header{
				src: b.address(t, k.from, k.to), dst: b.address(t, k.to, k.from), proto: protoUDP,
				options: unhex(t, k.options), body: udp(b.nextPort(), inboxPort, []byte("counted")),
			}
			if err := cables[k.from].send(h.bytes()); err != nil {
				t.Fatal(err)
			}
			sent++
			visits += k.visits
			if k.passes {
				passing++
			}
		}
	}
	if !eventually(func() bool { return len(b.records(t, lab.GatewayName, 0)) >= sent }) {
		t.Errorf("%d records", len(b.records(t, lab.GatewayName, 0)))
	}
	time.Sleep(20 * time.Millisecond)
	d := b.Daemon(lab.GatewayName)
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	b.complete(t)
	delivered := 0
	for _, h := range b.Topology().Hosts {
		for _, p := range b.cables[h.Name].Packets() {
			if !p.Outgoing && p.IPv4() != nil {
				delivered++
			}
		}
	}
	granted, denied := 0, 0
	records := b.records(t, lab.GatewayName, 0)
	for i, r := range records {
		if r.Seq != uint64(i)+records[0].Seq {
			t.Fatalf("record %d has the number %d", i, r.Seq)
		}
		switch r.Action {
		case audit.Granted:
			granted++
		case audit.Denied:
			denied++
		}
	}
	log, err := os.ReadFile(d.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`received=(\d+) accepted=(\d+) dropped=(\d+)`).FindSubmatch(log)
	summary := regexp.MustCompile(`packets (\d+): passed (\d+), dropped (\d+)`).FindSubmatch(log)
	if words == nil || summary == nil {
		t.Fatalf("last words:\n%s", log)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"packets from the queue", number(words[1]), visits},
		{"accepted and dropped", number(words[2]) + number(words[3]), visits},
		{"dropped by the queue", number(words[3]), sent - passing},
		{"packets in the summary", number(summary[1]), sent},
		{"passed in the summary", number(summary[2]), passing},
		{"dropped in the summary", number(summary[3]), sent - passing},
		{"records of what passed", granted, passing},
		{"records of what was dropped", denied, sent - passing},
		{"packets on the cables behind", delivered, passing},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	report(t,
		figures.Figure{ID: "e2e/accounting/sent", Value: float64(sent), Unit: "packets"}.AtLeast(float64(rounds*len(kinds))),
		figures.Figure{ID: "e2e/accounting/unaccounted", Value: float64(sent - delivered - denied), Unit: "packets", Against: "sent less delivered less recorded drops"}.AtMost(0),
	)
}

// secretDirect3 is the label Secret written out, for policies that do not map it.
const secretDirect3 = "8610 00000003 010a 00fa 29b2b1b932ba"

func number(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return -1
	}
	return n
}

// deafen gives a host's interface another hardware address than the gateway
// sends to. Its kernel then takes nothing for its own and answers nothing, but
// everything is on the cable all the same.
func (b *bench) deafen(t *testing.T, host string) {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatalf("deafen %s: %v", host, err)
		}
	}
	at := func(node, name string) (*netlink.Handle, netlink.Link) {
		ns, err := b.Namespace(node)
		fail(err)
		h, err := netlink.NewHandleAt(ns)
		fail(err)
		link, err := h.LinkByName(name)
		fail(err)
		return h, link
	}
	own, link := at(host, lab.HostInterface)
	defer own.Close()
	gateway, cable := at(lab.GatewayName, b.cable(host))
	defer gateway.Close()
	fail(gateway.NeighSet(&netlink.Neigh{
		LinkIndex: cable.Attrs().Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
		IP: b.address(t, host, lab.GatewayName).AsSlice(), HardwareAddr: link.Attrs().HardwareAddr,
	}))
	other, err := net.ParseMAC(fmt.Sprintf("02:00:00:00:00:%02x", link.Attrs().Index))
	fail(err)
	fail(own.LinkSetHardwareAddr(link, other))
}
