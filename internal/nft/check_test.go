package nft_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// tamper is what somebody else might do to the table.
type tamper func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, rules func(chain string) []*nftables.Rule)

func TestCheckNamesDrift(t *testing.T) {
	l := newLab(t)
	tests := []struct {
		name   string
		family nftables.TableFamily
		do     tamper
		want   string
	}{
		{"nothing", nftables.TableFamilyIPv4, func(*nftables.Conn, *nftables.Table, map[string]*nftables.Chain, func(string) []*nftables.Rule) {}, ""},
		{"table gone", nftables.TableFamilyIPv6, func(c *nftables.Conn, t *nftables.Table, _ map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.DelTable(t)
		}, "family ip6: the table is missing"},
		{"table dormant", nftables.TableFamilyIPv4, func(*nftables.Conn, *nftables.Table, map[string]*nftables.Chain, func(string) []*nftables.Rule) {
			l.switchOff()
		}, "dormant"},
		{"chain gone", nftables.TableFamilyIPv4, func(c *nftables.Conn, _ *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.FlushChain(chains["postrouting"])
			c.DelChain(chains["postrouting"])
		}, "family ip: chain postrouting is missing"},
		{"foreign chain", nftables.TableFamilyIPv4, func(c *nftables.Conn, t *nftables.Table, _ map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.AddChain(&nftables.Chain{Table: t, Name: "stranger"})
		}, "chain stranger is not ours"},
		{"other priority", nftables.TableFamilyIPv4, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.FlushChain(chains["output"])
			c.DelChain(chains["output"])
			c.AddChain(&nftables.Chain{Table: t, Name: "output", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRef(7)})
		}, "chain output has priority 7, want -150"},
		{"rule gone", nftables.TableFamilyIPv4, func(c *nftables.Conn, _ *nftables.Table, _ map[string]*nftables.Chain, rules func(string) []*nftables.Rule) {
			_ = c.DelRule(rules("forward")[3])
		}, "chain forward: rule 4 (to a zone: queue) is missing"},
		{"rule in front", nftables.TableFamilyIPv4, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.InsertRule(&nftables.Rule{Table: t, Chain: chains["forward"], Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})
		}, "1 rules that are not ours"},
		{"part that the library does not know", nftables.TableFamilyIPv4, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, rules func(string) []*nftables.Rule) {
			r := rules("input")[1]
			r.Exprs = append([]expr.Any{&expr.Socket{Key: expr.SocketKeyMark, Register: 3}}, r.Exprs...)
			r.Table, r.Chain = t, chains["input"]
			c.ReplaceRule(r)
		}, "chain input: rule 2 (from a zone: queue) was changed: its parts are socket, meta"},
		{"bypass", nftables.TableFamilyIPv4, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, rules func(string) []*nftables.Rule) {
			r := rules("forward")[2]
			for _, e := range r.Exprs {
				switch e := e.(type) {
				case *expr.Target:
					info := append(xt.Unknown{}, *e.Info.(*xt.Unknown)...)
					info[4] |= 1
					e.Info = &info
				case *expr.Queue:
					e.Flag |= expr.QueueFlagBypass
				}
			}
			r.Table, r.Chain = t, chains["forward"]
			c.ReplaceRule(r)
		}, "chain forward: rule 3 (from a zone: queue) has the bypass flag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l.install()
			c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
			if err != nil {
				t.Fatal(err)
			}
			table := &nftables.Table{Name: testTable, Family: tt.family}
			all, err := c.ListChainsOfTableFamily(tt.family)
			if err != nil {
				t.Fatal(err)
			}
			chains := make(map[string]*nftables.Chain)
			for _, ch := range all {
				chains[ch.Name] = ch
			}
			tt.do(c, table, chains, func(chain string) []*nftables.Rule {
				rules, err := c.GetRules(table, chains[chain])
				if err != nil {
					t.Fatal(err)
				}
				return rules
			})
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			err = nft.Check(l.plan)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var drift *nft.DriftError
			if !errors.As(err, &drift) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check: %v, want %q", err, tt.want)
			}
		})
	}
	l.install()
	other := l.plan
	other.Zones = []nft.Zone{{Index: 1, Name: "src", Interfaces: []string{"g0", "g7"}}, {Index: 2, Name: "dst", Interfaces: []string{"g1"}}}
	if err := nft.Check(other); err == nil || !strings.Contains(err.Error(), "lacks interface g7") {
		t.Errorf("Check with one interface more: %v", err)
	}
	other = l.plan
	other.Queue++
	if err := nft.Check(other); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("Check with another queue: %v", err)
	}
}

// switchOff makes the IPv4 table dormant, which the library cannot.
func (l *lab) switchOff() {
	l.t.Helper()
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: int(l.gw)})
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_TABLE_NAME, Data: []byte(testTable + "\x00")},
		{Type: unix.NFTA_TABLE_FLAGS, Data: []byte{0, 0, 0, unix.NFT_TABLE_F_DORMANT}},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	message := func(kind netlink.HeaderType, flags netlink.HeaderFlags, data ...byte) netlink.Message {
		return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: data}
	}
	if _, err := conn.SendMessages([]netlink.Message{
		message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, 0, 0, unix.NFNL_SUBSYS_NFTABLES),
		message(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWTABLE, netlink.Acknowledge, append([]byte{unix.NFPROTO_IPV4, 0, 0, 0}, attrs...)...),
		message(unix.NFNL_MSG_BATCH_END, 0, 0, 0, 0, unix.NFNL_SUBSYS_NFTABLES),
	}); err != nil {
		l.t.Fatal(err)
	}
	if _, err := conn.Receive(); err != nil {
		l.t.Fatal(err)
	}
}
