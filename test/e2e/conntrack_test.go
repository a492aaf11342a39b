package e2e

import (
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/lab"
)

// clashes returns how many packets the gateway's kernel dropped because the connection
// that they begin had been begun by another packet while they waited for a verdict.
// Nobody but connection tracking counts them.
func (b *bench) clashes(t *testing.T) (n int) {
	t.Helper()
	ns, err := b.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: int(ns)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// linux/netfilter/nfnetlink_conntrack.h: statistics of each processor.
	const subsystem, getStats, drop = 1, 4, 10
	replies, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: subsystem<<8 | getStats, Flags: netlink.Request | netlink.Dump},
		Data:   []byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return 0 // nothing is tracked, or the kernel does not tell
	}
	for _, m := range replies {
		attrs, err := netlink.NewAttributeDecoder(m.Data[4:])
		if err != nil {
			t.Fatal(err)
		}
		attrs.ByteOrder = binary.BigEndian
		for attrs.Next() {
			if attrs.Type() == drop {
				n += int(attrs.Uint32())
			}
		}
	}
	return n
}
