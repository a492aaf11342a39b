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
		}, "chain output has priority 7, want -50"},
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
		{"fragments not queued", nftables.TableFamilyIPv4, func(c *nftables.Conn, _ *nftables.Table, _ map[string]*nftables.Chain, rules func(string) []*nftables.Rule) {
			_ = c.DelRule(rules("prerouting")[6])
		}, "chain prerouting: rule 7 (fragment from a zone: queue) was changed"},
		{"table of ethertypes gone", nftables.TableFamilyNetdev, func(c *nftables.Conn, t *nftables.Table, _ map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.DelTable(t)
		}, "family netdev: the table is missing"},
		{"chain of an interface gone", nftables.TableFamilyNetdev, func(c *nftables.Conn, _ *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.FlushChain(chains["ingress-g0"])
			c.DelChain(chains["ingress-g0"])
		}, "family netdev: chain ingress-g0 is missing"},
		{"chain at another interface", nftables.TableFamilyNetdev, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, rules func(string) []*nftables.Rule) {
			ch := chains["ingress-g0"]
			same := rules(ch.Name)
			c.FlushChain(ch)
			c.DelChain(ch)
			c.AddChain(&nftables.Chain{Table: t, Name: ch.Name, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress, Priority: ch.Priority, Device: "lo"})
			for _, r := range same {
				r.Handle, r.Position = 0, 0
				r.Table, r.Chain = t, ch
				c.AddRule(r)
			}
		}, `family netdev: chain ingress-g0 is at interfaces ["lo"], want g0`},
		{"chain at no hook", nftables.TableFamilyNetdev, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.FlushChain(chains["ingress-g0"])
			c.DelChain(chains["ingress-g0"])
			c.AddChain(&nftables.Chain{Table: t, Name: "ingress-g0"})
		}, "family netdev: chain ingress-g0 is attached to no hook"},
		{"other priority of an interface's chain", nftables.TableFamilyNetdev, func(c *nftables.Conn, t *nftables.Table, chains map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.FlushChain(chains["ingress-g0"])
			c.DelChain(chains["ingress-g0"])
			c.AddChain(&nftables.Chain{Table: t, Name: "ingress-g0", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityRef(7), Device: "g0"})
		}, "family netdev: chain ingress-g0 has priority 7, want -450"},
		{"foreign chain at ingress", nftables.TableFamilyNetdev, func(c *nftables.Conn, t *nftables.Table, _ map[string]*nftables.Chain, _ func(string) []*nftables.Rule) {
			c.AddChain(&nftables.Chain{Table: t, Name: "stranger"})
		}, "family netdev: chain stranger is not ours"},
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
	other.Zones = []nft.Zone{{Index: 1, Name: "src", Interfaces: []string{"g0"}, Ethertypes: []uint16{lldp}}, l.plan.Zones[1]}
	if err := nft.Check(other); err == nil || !strings.Contains(err.Error(), "set ethertypes-1 lacks ethertype 0x88cc") {
		t.Errorf("Check with one ethertype more: %v", err)
	}
	if _, err := nft.Install(other); err != nil {
		t.Fatal(err)
	}
	if err := nft.Check(l.plan); err == nil || !strings.Contains(err.Error(), "set ethertypes-1 has 4 elements, want 3") {
		t.Errorf("Check with one ethertype less: %v", err)
	}
	l.install()
	other = l.plan
	other.Queue++
	if err := nft.Check(other); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("Check with another queue: %v", err)
	}
}

// Whichever rule is taken away, narrowed, widened or given another end, it shows.
func TestCheckSeesEveryRule(t *testing.T) {
	tests := []struct {
		name   string
		change func([]expr.Any) []expr.Any // nil for a rule that is to go
	}{
		{"taken away", nil},
		{"narrowed", func(e []expr.Any) []expr.Any {
			return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyLEN, Register: 9}, &expr.Cmp{Op: expr.CmpOpEq, Register: 9, Data: []byte{1, 0, 0, 0}}}, e...)
		}},
		{"widened", func(e []expr.Any) []expr.Any {
			for i := range e {
				switch e[i].(type) {
				case *expr.Lookup, *expr.Cmp:
					return e[i+1:]
				}
			}
			return e[1:] // matches everything as it is
		}},
		{"another end", func(e []expr.Any) []expr.Any {
			if v, ok := e[len(e)-1].(*expr.Verdict); ok && v.Kind == expr.VerdictAccept {
				return append(e[:len(e)-1:len(e)-1], &expr.Verdict{Kind: expr.VerdictDrop})
			}
			return append(e[:len(e)-1:len(e)-1], &expr.Verdict{Kind: expr.VerdictAccept})
		}},
	}
	l := newLab(t)
	l.plan.Zones[0].Ethertypes = []uint16{unix.ETH_P_8021Q, unix.ETH_P_8021AD, lldp}
	l.install()
	c := l.conn()
	seen := 0
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6, nftables.TableFamilyNetdev} {
		table := &nftables.Table{Name: testTable, Family: family}
		chains, err := c.ListChainsOfTableFamily(family)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range chains {
			rules := func() []*nftables.Rule {
				all, err := c.GetRules(table, ch)
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			for i := range rules() {
				seen++
				for _, tt := range tests {
					r := rules()[i]
					r.Table, r.Chain = table, ch
					if tt.change == nil {
						_ = c.DelRule(r)
					} else {
						r.Exprs = tt.change(r.Exprs)
						c.ReplaceRule(r)
					}
					if err := c.Flush(); err != nil {
						t.Fatal(err)
					}
					var drift *nft.DriftError
					if err := nft.Check(l.plan); !errors.As(err, &drift) || !strings.Contains(err.Error(), "chain "+ch.Name+":") {
						t.Errorf("chain %s, rule %d %s: %v", ch.Name, i+1, tt.name, err)
					}
					if _, err := nft.Install(l.plan); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if want := 19 + 4 + (5 + 3 + 5) + 2*2; seen != want {
		t.Errorf("%d rules, want %d", seen, want)
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
