package faults

import (
	"encoding/binary"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
	"labelgate/internal/nft"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// alive is how often the gateway has to say that it is well, and noticed how long it
// may take to see that it is not.
const (
	alive   = 2 * time.Second
	noticed = 6 * time.Second
)

// TestWatchdog: the gateway says that it is well while it is, and holds its tongue
// when its service manager should start it anew. What a new start does not mend, a
// full disk, is no reason for one.
func TestWatchdog(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hurt   func(t *testing.T, p *perimeter)
		silent bool
		shut   bool // at once; records find room in a buffer for a while
	}{
		{"nothing is wrong", nil, false, false},
		{"nobody judges", nobodyJudges, true, true},
		{"nobody writes records", nobodyWrites, true, false},
		{"the rules cannot be put back", rulesTaken, true, true},
		{"the disk is full", func(t *testing.T, p *perimeter) { p.Disk.Fill(t) }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			p := newSite(t, hosts)
			p.trailOnDisk(t, "1m", "")
			p.Watchdog = alive
			p.Manager.Run(t)
			p.watch(t, 1, append(permitted(), forbidden()...)...)
			p.load.Start(faultRate / 5)
			time.Sleep(alive + alive/2)
			if n := p.Count("WATCHDOG=1"); n == 0 {
				t.Fatal("it never says that it is well")
			}
			if tt.hurt == nil {
				p.well(t)
				return
			}
			tt.hurt(t, p)
			time.Sleep(noticed)
			before, from := p.Count("WATCHDOG=1"), time.Now()
			time.Sleep(2 * alive)
			said := p.Count("WATCHDOG=1") - before
			var passed uint64
			for _, n := range p.sniffers {
				n.Sync()
				passed += n.Times().Between(from, from.Add(2*alive))
			}
			p.load.Stop()
			if !strings.Contains(p.Tail(1000), "the gateway is not well") {
				t.Errorf("it does not say that it is not well\n%s", p.Tail(12))
			}
			v := p.judge(t)
			figure := func(what string, n uint64, unit string) figures.Figure {
				return figures.Figure{ID: "faults/watchdog/" + strings.ReplaceAll(tt.name, " ", "-") + "/" + what, Value: float64(n), Unit: unit}
			}
			if tt.silent {
				long.Report(t, figure("said-all-is-well", uint64(said), "times").AtMost(0))
			} else {
				long.Report(t, figure("said-all-is-well", uint64(said), "times").AtLeast(1))
			}
			if tt.shut {
				long.Report(t, figure("passed", passed, "packets").AtMost(0))
			}
			long.Report(t,
				figure("forbidden", v.forbidden+v.Wrong.Count, "packets").AtMost(0),
				figure("labels-on-unlabeled-cables", v.Leaked.Count, "packets").AtMost(0),
			)
		})
	}
}

// well checks that the gateway says in time that it is.
func (p *perimeter) well(t *testing.T) {
	t.Helper()
	time.Sleep(3 * alive)
	var before time.Time
	longest := time.Duration(0)
	for _, w := range p.Words() {
		if w.Text != "WATCHDOG=1" {
			continue
		}
		if !before.IsZero() {
			longest = max(longest, w.At.Sub(before))
		}
		before = w.At
	}
	long.Report(t, figures.Figure{ID: "faults/watchdog/silence", Value: float64(longest.Milliseconds()), Unit: "ms", Against: "longest while all is well"}.AtMost(float64(alive.Milliseconds())))
}

// nobodyJudges takes the judge away, and lets no other be started.
func nobodyJudges(t *testing.T, p *perimeter) { p.takeAway(t, "judge") }

// nobodyWrites does that to the process that writes records.
func nobodyWrites(t *testing.T, p *perimeter) { p.takeAway(t, "auditor") }

func (p *perimeter) takeAway(t *testing.T, role string) {
	_, n, err := gate.Descriptors(p.Service().PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Limit(p.Service().PID(), unix.RLIMIT_NOFILE, uint64(n/2)); err != nil {
		t.Fatal(err)
	}
	pid, _ := p.member(role)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// rulesTaken puts a table in the place of the gateway's that only this process may
// change.
func rulesTaken(t *testing.T, p *perimeter) {
	ns, err := p.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: int(ns)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	const owned = 2 // NFT_TABLE_F_OWNER: it goes with the socket, and is nobody else's
	name := netlink.Attribute{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(nft.DefaultTable), 0)}
	flags := netlink.Attribute{Type: unix.NFTA_TABLE_FLAGS, Data: binary.BigEndian.AppendUint32(nil, owned)}
	message := func(kind int, flags netlink.HeaderFlags, family byte, resource uint16, attributes ...netlink.Attribute) netlink.Message {
		data, err := netlink.MarshalAttributes(attributes)
		if err != nil {
			t.Fatal(err)
		}
		header := binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
		return netlink.Message{Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | flags}, Data: append(header, data...)}
	}
	const tables = unix.NFNL_SUBSYS_NFTABLES << 8
	_, err = c.SendMessages([]netlink.Message{
		message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES),
		message(tables|unix.NFT_MSG_DELTABLE, 0, unix.NFPROTO_IPV4, 0, name),
		message(tables|unix.NFT_MSG_NEWTABLE, netlink.Create|netlink.Acknowledge, unix.NFPROTO_IPV4, 0, name, flags),
		message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES),
	})
	if err == nil {
		_, err = c.Receive()
	}
	if err != nil {
		t.Fatal("take the table: ", err)
	}
}
