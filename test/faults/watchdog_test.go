package faults

import (
	"encoding/binary"
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
// when its service manager should do something.
func TestWatchdog(t *testing.T) {
	for _, tt := range []struct {
		name string
		hurt func(t *testing.T, p *perimeter)
	}{
		{"nothing is wrong", nil},
		{"nobody judges", nobodyJudges},
		{"the rules cannot be put back", rulesTaken},
		{"records are not written", auditorStopped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			p := newSite(t, hosts)
			p.Write(t, files())
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
			before := p.Count("WATCHDOG=1")
			time.Sleep(2 * alive)
			said := p.Count("WATCHDOG=1") - before
			p.load.Stop()
			v := p.judge(t)
			long.Report(t,
				figures.Figure{ID: "faults/watchdog/" + id(tt.name) + "/said-all-is-well", Value: float64(said), Unit: "times"}.AtMost(0),
				figures.Figure{ID: "faults/watchdog/" + id(tt.name) + "/labels-on-unlabeled-cables", Value: float64(v.Leaked.Count), Unit: "packets"}.AtMost(0),
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
func nobodyJudges(t *testing.T, p *perimeter) {
	_, n, err := gate.Descriptors(p.Service().PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Limit(p.Service().PID(), unix.RLIMIT_NOFILE, uint64(n/2)); err != nil {
		t.Fatal(err)
	}
	pid, _ := p.member("judge")
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

// auditorStopped has nobody write records.
func auditorStopped(t *testing.T, p *perimeter) {
	pid, _ := p.member("auditor")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// id makes a part of a figure's name.
func id(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c == ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}
