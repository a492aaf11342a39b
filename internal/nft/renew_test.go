package nft_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// renumbered is the lab's plan with the numbers of its zones exchanged.
func (l *lab) renumbered() nft.Plan {
	p := l.plan
	a, b := p.Zones[0], p.Zones[1]
	a.Index, b.Index = b.Index, a.Index
	p.Zones = []nft.Zone{b, a}
	return p
}

func mustInstall(t *testing.T, p nft.Plan) {
	t.Helper()
	if _, err := nft.Install(p); err != nil {
		t.Fatal(err)
	}
	if err := nft.Check(p); err != nil {
		t.Fatal(err)
	}
}

// What waits in the queue while zones get other numbers is answered, and goes where
// its verdict says.
func TestRenumberingKeepsWhatWaits(t *testing.T) {
	l := newLab(t)
	l.install()
	const packets = 10
	asked, answer := make(chan bool, packets), make(chan bool)
	q, _ := l.listen(func(p *queue.Packet, v *queue.Verdict) {
		asked <- true
		<-answer
		judged(1)(p, v) // the destination's number by then
	})
	s, d := l.udp(l.src, srcIP, 0), l.udp(l.dst, dstIP, testPort)
	for range packets {
		if _, err := s.WriteToUDPAddrPort([]byte("waits"), to(dstIP)); err != nil {
			t.Fatal(err)
		}
	}
	within(t, asked, "a packet")
	mustInstall(t, l.renumbered())
	close(answer)
	for i := range packets {
		if !arrives(t, d, "waits", patience) {
			t.Fatalf("%d of %d packets arrived; the queue: %+v", i, packets, q.Stats())
		}
	}
	if stats := q.Stats(); stats.VerdictsGone != 0 {
		t.Errorf("%d verdicts came for packets that the kernel had thrown away", stats.VerdictsGone)
	}
}

// tally is a table of somebody else, who marks all packets as judged for zone 2, so
// that they get to POSTROUTING unasked, and counts what comes and what goes on there.
type tally struct {
	t           *testing.T
	conn        *nftables.Conn
	table       *nftables.Table
	comes, goes *nftables.Chain
}

func (l *lab) tally() *tally {
	l.t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		l.t.Fatal(err)
	}
	y := &tally{t: l.t, conn: conn, table: conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "tally"})}
	chain := func(name string, hook *nftables.ChainHook, priority nftables.ChainPriority, more ...expr.Any) *nftables.Chain {
		c := conn.AddChain(&nftables.Chain{Table: y.table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: &priority})
		conn.AddRule(&nftables.Rule{Table: y.table, Chain: c, Exprs: append([]expr.Any{&expr.Counter{}}, more...)})
		return c
	}
	y.comes = chain("comes", nftables.ChainHookForward, -200,
		&expr.Immediate{Register: 1, Data: binary.NativeEndian.AppendUint32(nil, uint32(mark.ForZone(1, 2)))},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1})
	y.goes = chain("goes", nftables.ChainHookPostrouting, 0)
	if err := conn.Flush(); err != nil {
		l.t.Fatal(err)
	}
	return y
}

func (y *tally) count(chain *nftables.Chain) uint64 {
	y.t.Helper()
	rules, err := y.conn.GetRules(y.table, chain)
	if err != nil || len(rules) != 1 {
		y.t.Fatalf("%d rules: %v", len(rules), err)
	}
	return rules[0].Exprs[0].(*expr.Counter).Packets
}

// Not one packet is dropped without being counted, however often the rules change
// meanwhile.
func TestRenumberingCountsAll(t *testing.T) {
	l := newLab(t)
	l.install()
	y := l.tally()
	plans := [2]nft.Plan{l.renumbered(), l.plan}
	stop, stopped := make(chan bool), make(chan error, 1)
	go func(s *net.UDPConn) {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if _, err := s.WriteToUDPAddrPort([]byte("unjudged"), to(dstIP)); err != nil {
					stopped <- err
					return
				}
			}
		}
	}(l.udp(l.src, srcIP, 0))
	const times = 200
	for i := range times {
		if _, err := nft.Install(plans[i%2]); err != nil { // it looks at them as well
			t.Fatal(err)
		}
	}
	close(stop)
	if err := within(t, stopped, "the sender's end"); err != nil {
		t.Fatal(err)
	}
	var came, went uint64
	for before := ^uint64(0); before != came; { // until nothing is on its way
		before = came
		came, went = y.count(y.comes), y.count(y.goes)
	}
	c, err := nft.ReadCounters(testTable, int(l.gw))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d came, %d went, %d were dropped", came, went, c.Unjudged)
	if went == 0 || c.Unjudged == 0 || came != went+c.Unjudged {
		t.Errorf("%d packets are nowhere", int64(came-went-c.Unjudged))
	}
}

// A table that is not as ours are is replaced; one that lacks something gets it.
func TestRenewsWhatItCan(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, *lab, *nftables.Conn, *nftables.Table)
	}{
		{"a chain with another priority", func(_ *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			other := nftables.ChainPriority(-7)
			c.DelChain(&nftables.Chain{Table: kt, Name: "output"})
			c.AddChain(&nftables.Chain{Table: kt, Name: "output", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: &other})
		}},
		{"a chain that drops", func(_ *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			drop, priority := nftables.ChainPolicyDrop, nftables.ChainPriority(-50)
			c.AddChain(&nftables.Chain{Table: kt, Name: "output", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: &priority, Policy: &drop})
		}},
		{"no counter", func(_ *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			c.DeleteObject(&nftables.CounterObj{Table: kt, Name: "unjudged"})
		}},
		{"no sets", func(_ *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			c.DelSet(&nftables.Set{Table: kt, Name: "exits"})
		}},
		{"a foreign chain and a foreign set", func(t *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			c.AddChain(&nftables.Chain{Table: kt, Name: "foreign"})
			if err := c.AddSet(&nftables.Set{Table: kt, Name: "foreign", KeyType: nftables.TypeMark}, nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"dormant", func(t *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			c.AddTable(&nftables.Table{Family: kt.Family, Name: kt.Name, Flags: 1})
		}},
		{"one zone and interface less", func(_ *testing.T, l *lab, _ *nftables.Conn, _ *nftables.Table) {
			l.plan.Zones = l.plan.Zones[:1]
		}},
		{"another ethertype", func(_ *testing.T, l *lab, _ *nftables.Conn, _ *nftables.Table) {
			l.plan.Zones = []nft.Zone{l.plan.Zones[0]}
			l.plan.Zones[0].Ethertypes = []uint16{0x8100}
		}},
		{"no table of the family netdev", func(_ *testing.T, _ *lab, c *nftables.Conn, kt *nftables.Table) {
			c.DelTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: kt.Name})
		}},
	}
	l := newLab(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustInstall(t, l.plan)
			before := l.plan
			conn, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
			if err != nil {
				t.Fatal(err)
			}
			kt := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: testTable}
			conn.FlushTable(kt) // so that nothing is in use
			tt.change(t, l, conn, kt)
			if err := conn.Flush(); err != nil {
				t.Fatal(err)
			}
			mustInstall(t, l.plan)
			l.plan = before
		})
	}
}
