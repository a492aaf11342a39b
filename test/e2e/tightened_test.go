package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// stateful puts a firewall in place that lets everything pass that belongs to a
// connection, ahead of the gateway's own rules. The function that is returned says how
// many packets it let pass.
func (c *lifecycle) stateful(t *testing.T) (accepted func() uint64) {
	t.Helper()
	ns, err := c.Namespace(lab.GatewayName)
	must(t, err)
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns)))
	must(t, err)
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "firewall"})
	var chains []*nftables.Chain
	for name, at := range map[string]struct {
		hook     *nftables.ChainHook
		priority nftables.ChainPriority // behind tracking and ahead of the gateway's, where there is such a place
	}{
		"prerouting": {nftables.ChainHookPrerouting, -190}, "forward": {nftables.ChainHookForward, -200}, "postrouting": {nftables.ChainHookPostrouting, -500},
	} {
		chain := conn.AddChain(&nftables.Chain{Table: table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: at.hook, Priority: &at.priority})
		chains = append(chains, chain)
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: []byte{2 | 4, 0, 0, 0}, Xor: make([]byte, 4)}, // established, related
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
			&expr.Counter{},
			&expr.Verdict{Kind: expr.VerdictAccept},
		}})
	}
	if err := conn.Flush(); err != nil {
		t.Skipf("needs connection tracking in nf_tables: %v", err)
	}
	return func() (n uint64) {
		for _, chain := range chains {
			rules, err := conn.GetRules(table, chain)
			must(t, err)
			for _, e := range rules[0].Exprs {
				if c, ok := e.(*expr.Counter); ok && chain.Name == "forward" {
					n += c.Packets
				}
			}
		}
		return n
	}
}

// TestTightened: a policy that is made stricter holds for the flows that there are,
// at once. What another firewall says of connections, and what the gateway remembers
// of flows, lets no packet of them pass.
func TestTightened(t *testing.T) {
	needLab(t)
	forbidden, sent, connected := 0, 0, uint64(0)
	for i, pin := range []bool{false, true} {
		t.Run(fmt.Sprintf("pin-flows %v", pin), func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{
				"labelgate.toml": fmt.Sprintf("pin-flows = %v\n%s", pin, lifecycleConfig), rulesFile: lifecycleRules, "policy/netlabel.d/site": lifecycleHosts,
			})
			c := &lifecycle{dir: dir, bench: newBench(t, fmt.Sprintf("t%d", i), filepath.Join(dir, "labelgate.toml"), []lab.Host{
				host("mallory", "10.1.0.18/28", "red", "", 0),
				host("pop", "10.4.0.2/28", "gray", "", 0),
			})}
			accepted := c.stateful(t)
			s := c.stream(t, "pop")
			if !eventually(func() bool { return s.passed() > 0 }) {
				t.Fatal("nothing passes")
			}
			answer := netip.AddrPortFrom(c.address(t, "mallory", "pop"), s.port)
			if _, err := c.boxes["pop"].conn.WriteToUDPAddrPort([]byte("answer"), answer); err != nil {
				t.Fatal(err)
			}
			// From now on it is a connection to whoever tracks it.
			if !eventually(func() bool { return accepted() > 0 }) {
				t.Fatalf("nothing is established:\n%s", c.kernelFile(t, "nf_conntrack"))
			}
			const rounds = 20
			for range rounds {
				if last := c.rules(t, without(lifecycleRules, "Foo", "Pop")); !strings.Contains(last, "msg=reloaded") {
					t.Fatal(last)
				}
				s.during(func() { time.Sleep(10 * time.Millisecond) })
				before := s.passed()
				c.rules(t, lifecycleRules)
				if !eventually(func() bool { return s.passed() > before }) {
					t.Fatal("nothing passes under the rules of before")
				}
			}
			n, passed, wrong := s.stop(t)
			t.Logf("%d packets sent, %d passed; %d were of a connection", n, passed, accepted())
			forbidden, sent, connected = forbidden+wrong, sent+n, connected+accepted()
		})
	}
	report(t,
		figures.Figure{ID: "e2e/tightened/forbidden-delivered", Value: float64(forbidden), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/tightened/packets-sent", Value: float64(sent), Unit: "packets"}.AtLeast(500),
		figures.Figure{ID: "e2e/tightened/packets-of-connections", Value: float64(connected), Unit: "packets"}.AtLeast(100),
	)
}
