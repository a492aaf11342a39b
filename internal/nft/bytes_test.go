package nft

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
)

// recordInstall returns what would be sent to the kernel.
func recordInstall(t *testing.T, p Plan, backend Backend) []netlink.Message {
	t.Helper()
	p, err := p.complete()
	if err != nil {
		t.Fatal(err)
	}
	all, err := tables(p, backend)
	if err != nil {
		t.Fatal(err)
	}
	var sent []netlink.Message
	c, err := nftables.New(nftables.WithTestDial(func(req []netlink.Message) ([]netlink.Message, error) {
		if len(req) == 0 {
			return nltest.Error(0, []netlink.Message{{Header: netlink.Header{Type: 1}}})
		}
		sent = append(sent, req...)
		return nltest.Error(0, req)
	}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := all[i].replace(c, p.Table); err != nil {
			t.Fatal(err)
		}
	}
	// The stand-in acknowledges less than the kernel does.
	_ = c.Flush()
	return sent
}

// Everything goes in one batch, and deleting the old table is a part of it.
func TestInstallIsOneBatch(t *testing.T) {
	sent := recordInstall(t, Plan{Queue: 0x1234, Zones: []Zone{{Index: 5, Name: "a", Interfaces: []string{"eth1"}}}}, Compat)
	count := make(map[netlink.HeaderType]int)
	for _, m := range sent {
		count[m.Header.Type]++
	}
	const subsystem = unix.NFNL_SUBSYS_NFTABLES << 8
	for kind, want := range map[netlink.HeaderType]int{
		unix.NFNL_MSG_BATCH_BEGIN:             1,
		unix.NFNL_MSG_BATCH_END:               1,
		subsystem | unix.NFT_MSG_NEWTABLE:     4,
		subsystem | unix.NFT_MSG_DELTABLE:     2,
		subsystem | unix.NFT_MSG_NEWCHAIN:     9,
		subsystem | unix.NFT_MSG_NEWSET:       3,
		subsystem | unix.NFT_MSG_NEWSETELEM:   3,
		subsystem | unix.NFT_MSG_NEWRULE:      19 + 4,
		subsystem | unix.NFT_MSG_NEWFLOWTABLE: 0,
	} {
		if count[kind] != want {
			t.Errorf("message type %#x: %d, want %d", kind, count[kind], want)
		}
	}
	if first, last := sent[0].Header.Type, sent[len(sent)-1].Header.Type; first != unix.NFNL_MSG_BATCH_BEGIN || last != unix.NFNL_MSG_BATCH_END {
		t.Errorf("batch from %#x to %#x", first, last)
	}
}

// The bytes by which packets are queued, flags zero.
func TestQueueExpressions(t *testing.T) {
	native, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_QUEUE_NUM, Data: []byte{0x12, 0x34}},
		{Type: unix.NFTA_QUEUE_TOTAL, Data: []byte{0, 1}},
		{Type: unix.NFTA_QUEUE_FLAGS, Data: []byte{0, 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var compat []byte
	for _, v := range []uint16{0x1234, 1, 0, 0} {
		compat = binary.NativeEndian.AppendUint16(compat, v)
	}
	tests := []struct {
		name    string
		backend Backend
		want    []byte
	}{
		{"compat", Compat, compat},
		{"native", Native, native},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exprs := toQueue(tt.backend, 0x1234)
			b, err := expr.Marshal(unix.NFPROTO_IPV4, exprs[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(exprs) != 1 || !bytes.Contains(b, tt.want) {
				t.Errorf("%x does not contain %x", b, tt.want)
			}
			if bypasses(exprs) {
				t.Error("it bypasses")
			}
		})
	}
}
