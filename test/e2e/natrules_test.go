package e2e

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// udpTo matches UDP to a port.
func udpTo(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protoUDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
}

// toAddress gives packets another destination, and another port if that is not 0.
func toAddress(to netip.Addr, port uint16) []expr.Any {
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1}
	parts := []expr.Any{&expr.Immediate{Register: 1, Data: to.AsSlice()}}
	if port != 0 {
		nat.RegProtoMin, nat.Specified = 2, true
		parts = append(parts, &expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, port)})
	}
	return append(parts, nat)
}

// translation is a table of rules that translate addresses.
type translation struct {
	conn  *nftables.Conn
	table *nftables.Table
}

// translateAll puts all rules of the test in place. Each is about a port of its own.
func (b *natBench) translateAll(t *testing.T) *translation {
	t.Helper()
	c := b.nftables(t)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "translator"})
	x := &translation{conn: c, table: table}
	pre := c.AddChain(&nftables.Chain{Table: table, Name: "prerouting", Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest})
	out := c.AddChain(&nftables.Chain{Table: table, Name: "output", Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest})
	pos := c.AddChain(&nftables.Chain{Table: table, Name: "postrouting", Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})
	add := func(chain *nftables.Chain, port uint16, action []expr.Any) {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(udpTo(port), action...)})
	}
	for _, to := range []struct {
		port  uint16
		host  string
		there uint16
	}{
		{9010, "pop", 7777}, {9011, "sec", 7777}, {9012, "carol", 7777}, {9013, "mallory", 7777}, {9014, "sec", 7777}, {9015, "pop", 7777}, {9016, "sec", 9005},
		{9020, "sec", 0}, {9021, "pop", 0}, {9022, "mate", 0}, {9023, "carol", 0}, {9024, "pop", 0}, {9025, "pop", 0},
	} {
		add(pre, to.port, toAddress(b.where(to.host), to.there))
	}
	add(pre, 9030, []expr.Any{&expr.Immediate{Register: 1, Data: binary.BigEndian.AppendUint16(nil, natPort)}, &expr.Redir{RegisterProtoMin: 1}})
	add(out, 9031, toAddress(b.where("sec"), 0))
	add(out, 9032, toAddress(b.where("pop"), 0))
	for _, port := range []uint16{9001, 9002, 9005} {
		add(pos, port, []expr.Any{&expr.Masq{}})
	}
	add(pos, 9003, []expr.Any{
		&expr.Immediate{Register: 1, Data: b.where("gate:mallory").AsSlice()},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
	})
	if err := c.Flush(); err != nil {
		t.Skipf("needs address translation: %v", err)
	}
	return x
}

// remove takes all of it away.
func (x *translation) remove(t *testing.T) {
	t.Helper()
	x.conn.DelTable(x.table)
	if err := x.conn.Flush(); err != nil {
		t.Fatal(err)
	}
}

// unmark has another program take away the marks of packets to a port, after they were
// judged.
func (b *natBench) unmark(t *testing.T, port uint16) {
	t.Helper()
	c := b.nftables(t)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "unmarker"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "forward", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(udpTo(port),
		&expr.Immediate{Register: 1, Data: make([]byte, 4)}, &expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1})})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}
