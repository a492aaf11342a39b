package nft_test

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// Parts of rules for these tests.
var (
	toOther    = []expr.Any{&expr.Immediate{Register: 1, Data: []byte{10, 91, 2, 9}}, &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1}}
	fromOther  = []expr.Any{&expr.Immediate{Register: 1, Data: []byte{10, 91, 2, 9}}, &expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegAddrMax: 1}}
	masquerade = []expr.Any{&expr.Masq{}}
	redirect   = []expr.Any{&expr.Redir{}}
	counting   = []expr.Any{&expr.Counter{}}
	tproxy     = []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Immediate{Register: 1, Data: []byte{0x1f, 0x90}},
		&expr.TProxy{Family: unix.NFPROTO_IPV4, TableFamily: unix.NFPROTO_IPV4, RegPort: 1},
	}
)

// headerWrite writes to the network header.
func headerWrite(offset, length uint32) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: make([]byte, length)},
		&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length, CsumType: expr.CsumTypeInet, CsumOffset: 10},
	}
}

func headerRead(offset, length uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}}
}

func TestTranslates(t *testing.T) {
	const filter, nat = nftables.ChainTypeFilter, nftables.ChainTypeNAT
	pre, post, in, out, fwd := nftables.ChainHookPrerouting, nftables.ChainHookPostrouting, nftables.ChainHookInput, nftables.ChainHookOutput, nftables.ChainHookForward
	ipv4, inet, ipv6 := nftables.TableFamilyIPv4, nftables.TableFamilyINet, nftables.TableFamilyIPv6
	tests := []struct {
		name   string
		family nftables.TableFamily
		kind   nftables.ChainType
		hook   *nftables.ChainHook
		rule   []expr.Any // none for an empty chain
		jumped []expr.Any // of a chain that none need jump to
		want   bool
	}{
		{"destination", ipv4, nat, pre, toOther, nil, true},
		{"destination, inet", inet, nat, pre, toOther, nil, true},
		{"destination, IPv6", ipv6, nat, pre, counting, nil, false},
		{"redirect", ipv4, nat, pre, redirect, nil, true},
		{"any rule in a nat chain", ipv4, nat, pre, counting, nil, true},
		{"nat chain without rules", ipv4, nat, pre, nil, nil, true},
		{"nat chain without rules, inet", inet, nat, pre, nil, nil, true},
		{"source: the answers are translated back", ipv4, nat, post, fromOther, nil, true},
		{"masquerade", ipv4, nat, post, masquerade, nil, true},
		{"masquerade, inet", inet, nat, post, masquerade, nil, true},
		{"source chain without rules", ipv4, nat, post, nil, nil, true},
		{"of this machine's own", ipv4, nat, out, toOther, nil, false},
		{"source of what is delivered here", ipv4, nat, in, fromOther, nil, false},
		{"filter that translates nothing", ipv4, filter, pre, counting, nil, false},
		{"reads the destination", ipv4, filter, pre, headerRead(16, 4), nil, false},
		{"writes the destination", ipv4, filter, pre, headerWrite(16, 4), nil, true},
		{"writes the destination, inet", inet, filter, pre, headerWrite(16, 4), nil, true},
		{"writes the destination's last two bytes", ipv4, filter, pre, headerWrite(18, 2), nil, true},
		{"writes into the destination", ipv4, filter, pre, headerWrite(12, 6), nil, true},
		{"writes the source", ipv4, filter, pre, headerWrite(12, 4), nil, false},
		{"writes options", ipv4, filter, pre, headerWrite(20, 4), nil, false},
		{"writes the destination where it is forwarded", ipv4, filter, fwd, headerWrite(16, 4), nil, false},
		{"writes the destination in a chain that is jumped to", ipv4, filter, pre, counting, headerWrite(16, 4), true},
		{"writes the destination in a chain that nothing at prerouting jumps to", ipv4, filter, fwd, counting, headerWrite(16, 4), false},
		{"diverts to a socket", ipv4, filter, pre, tproxy, nil, true},
		{"another target of xtables", ipv4, filter, pre, []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &xt.Unknown{0, 0, 1, 0, 0, 0, 0, 0}}}, nil, false},
	}
	l := newLab(t)
	l.install()
	asked := func() (string, bool) {
		t.Helper()
		where, found, err := nft.Translates(int(l.gw))
		if err != nil || found != (where != "") {
			t.Fatalf("%q %v %v", where, found, err)
		}
		return where, found
	}
	if where, found := asked(); found {
		t.Fatalf("with our own rules alone: %s", where)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := l.conn()
			table := c.AddTable(&nftables.Table{Family: tt.family, Name: "others"})
			ch := c.AddChain(&nftables.Chain{Table: table, Name: "base", Type: tt.kind, Hooknum: tt.hook, Priority: nftables.ChainPriorityMangle})
			if tt.jumped != nil {
				target := c.AddChain(&nftables.Chain{Table: table, Name: "target"})
				c.AddRule(&nftables.Rule{Table: table, Chain: target, Exprs: tt.jumped})
				c.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: target.Name}}})
			}
			if tt.rule != nil {
				c.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: tt.rule})
			}
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			where, found := asked()
			if found != tt.want || found && !strings.Contains(where, "others") {
				t.Errorf("%v, %q; want %v", found, where, tt.want)
			}
			c.DelTable(table)
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			if where, found := asked(); found {
				t.Errorf("found in %s after it went", where)
			}
		})
	}
}

// The nat table of the old iptables counts once somebody has asked for it.
func TestTranslatesWithOldIptables(t *testing.T) {
	l := newLab(t)
	ask := func(table string) (err error) {
		l.inside(l.gw, func() {
			var fd int
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
				return
			}
			defer unix.Close(fd)
			// IPT_SO_GET_INFO with struct ipt_getinfo, whose first 32 bytes are the name.
			info := make([]byte, 84)
			copy(info, table)
			length := uint32(len(info))
			if _, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, 64, uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&length)), 0); e != 0 {
				err = e
			}
		})
		return err
	}
	for _, tt := range []struct {
		table string
		want  string
	}{{"filter", ""}, {"nat", "table nat of iptables"}} {
		if err := ask(tt.table); err != nil {
			t.Skipf("needs the old iptables in the kernel: %v", err)
		}
		where, found, err := nft.Translates(int(l.gw))
		if err != nil || where != tt.want || found != (tt.want != "") {
			t.Errorf("with table %s: %q %v %v", tt.table, where, found, err)
		}
	}
}

// Translates leaves its thread where it was, and says why it cannot look.
func TestTranslatesElsewhere(t *testing.T) {
	l := newLab(t)
	l.translate(gwSrcIP, dstIP)
	var found bool
	var err error
	l.inside(l.gw, func() { _, found, err = nft.Translates(0) })
	if err != nil || !found {
		t.Errorf("in its own namespace: %v %v", found, err)
	}
	l.inside(l.dst, func() {
		if _, found, err = nft.Translates(int(l.gw)); err == nil && found {
			_, found, err = nft.Translates(0)
		}
	})
	if err != nil || found {
		t.Errorf("in another: %v %v", found, err)
	}
	if _, _, err := nft.Translates(1 << 20); err == nil {
		t.Error("no error for a descriptor that is none")
	}
}

// A watch that looks again only when rules have changed says the same.
func TestTranslationWatch(t *testing.T) {
	l := newLab(t)
	l.install()
	w := nft.TranslationWatch{NetNS: int(l.gw)}
	check := func(step string, want bool) {
		t.Helper()
		for range 2 {
			where, found, err := w.Translates()
			if _, afresh, e := nft.Translates(int(l.gw)); err != nil || e != nil || found != want || afresh != want || found != (where != "") {
				t.Errorf("%s: %q %v %v; looked at afresh %v %v; want %v", step, where, found, err, afresh, e, want)
			}
		}
	}
	check("nothing there", false)
	l.translate(gwSrcIP, dstIP)
	check("translator there", true)
	c := l.conn()
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: "translator"}
	chain := &nftables.Chain{Table: table, Name: "dnat"}
	c.FlushChain(chain)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	check("without its rule", true)
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: counting})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	check("with another", true)
	c.DelTable(table)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	check("gone", false)
}
