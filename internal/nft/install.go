package nft

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Report says what Install did.
type Report struct {
	// Backend is the way packets are queued, Native or Compat.
	Backend Backend
	// Ethertypes says that frames of other ethertypes than those admitted are
	// dropped. It is false where the kernel has no tables of the netdev family,
	// or the plan leaves that table out.
	Ethertypes bool
	// Egress says that nothing leaves by an interface of a zone without having been
	// let out at POSTROUTING, whatever leads it there. It is false before Linux
	// 5.16 or CONFIG_NETFILTER_EGRESS, where the plan leaves that out, and where
	// Ethertypes is.
	Egress bool
}

// Install puts the plan's rules in place of those that are there under the same
// name. The kernel goes from the old to the new at one moment, without one in
// which neither holds. What the old ones counted stays, and so do packets that wait
// in a queue, as long as no chain that is attached to a hook has to go. Rules that
// are as they should be are left alone. What was installed is read back. Only then
// what CloseForwarding forbade is allowed again.
func Install(p Plan) (Report, error) {
	p, err := p.complete()
	if err != nil {
		return Report{}, err
	}
	report, err := install(p)
	if err != nil {
		return Report{}, err
	}
	switch closed, err := forwardingClosed(p.Table, p.NetNS); {
	case err != nil:
		return Report{}, err
	case closed:
		return report, removeTables(closedName(p.Table), p.NetNS)
	}
	return report, nil
}

// install puts the rules of a complete plan in force.
func install(p Plan) (report Report, err error) {
	if report.Backend, err = installIP(p); err != nil {
		return Report{}, err
	}
	p.Backend = report.Backend
	for range installTries {
		if report.Ethertypes, report.Egress, err = installNetdev(p); err != nil {
			return Report{}, err
		}
		p.NoIngress, p.NoEgress = !report.Ethertypes, !report.Egress
		var drift *DriftError
		if err = check(p); !errors.As(err, &drift) || drift.Appeared() == nil {
			break
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("nft: the kernel did not take the rules as they were given: %w", err)
	}
	return report, nil
}

// installTries is how often interfaces may come and go while rules for them are
// made.
const installTries = 5

// installIP installs the tables of the IP families and returns how packets are
// queued.
func installIP(p Plan) (Backend, error) {
	if used, err := installed(p); err == nil {
		// Replacing rules by the same rules would only drop what waits in the queue.
		return used, nil
	}
	// All backends are tried with the hooks that are there before any is tried with
	// others: hooks that come and go in vain cost what waits in the queue as well.
	used, err := installBy(p, (*table).renew)
	if err != nil {
		used, err = installBy(p, (*table).replace)
	}
	if err != nil {
		return Auto, fmt.Errorf("nft: install table %s: %w%s", p.Table, err, advice(err))
	}
	return used, nil
}

// installBy puts the tables of the IP families with the plan's backend, or with the
// one that the kernel has.
func installBy(p Plan, put putFunc) (Backend, error) {
	used := p.Backend
	if used == Auto {
		used = Native
	}
	err := putTables(p, used, put)
	if p.Backend == Auto && missing(err) {
		used = Compat
		if e := putTables(p, used, put); e != nil {
			err = fmt.Errorf("native queue: %w; xtables NFQUEUE: %w", err, e)
		} else {
			err = nil
		}
	}
	return used, err
}

// missing reports whether the kernel does not know an expression.
func missing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP)
}

func advice(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return " (CAP_NET_ADMIN over this network namespace is needed)"
	case missing(err):
		return " (the kernel needs nf_tables with fib and set lookups and objects, and NFT_QUEUE, or NFT_COMPAT with NETFILTER_XT_TARGET_NFQUEUE)"
	}
	return ""
}

func putTables(p Plan, backend Backend, put putFunc) error {
	all, err := tables(p, backend)
	if err != nil {
		return err
	}
	return inBatch(p.NetNS, func(c *nftables.Conn) error {
		for i := range all {
			if err := put(&all[i], c, p.Table); err != nil {
				return err
			}
		}
		return nil
	})
}

// inBatch sends what f queues, to be done in whole or not at all.
func inBatch(netns int, f func(*nftables.Conn) error) error {
	c, err := nftables.New(nftables.WithNetNSFd(netns), nftables.WithSockOptions(roomForAnswers))
	if err != nil {
		return err
	}
	if err := f(c); err != nil {
		return err
	}
	return c.Flush()
}

// answerBuffer holds an answer to each message of a batch for a thousand interfaces:
// the kernel gives them all before the first is read, and those that do not fit are
// lost.
const answerBuffer = 4 << 20

// roomForAnswers does what is permitted.
func roomForAnswers(conn *netlink.Conn) error {
	_ = conn.SetReadBuffer(answerBuffer)
	return nil
}

// replace queues the messages that replace the table. A table that is not there
// cannot be deleted, so it is first added.
func (t *table) replace(c *nftables.Conn, name string) error {
	kt := &nftables.Table{Family: t.family, Name: name}
	c.AddTable(kt)
	c.DelTable(kt)
	return t.add(c, name)
}

// add queues the messages that make the table, or that add to one that is there.
func (t *table) add(c *nftables.Conn, name string) error {
	kt := &nftables.Table{Family: t.family, Name: name}
	c.AddTable(kt)
	t.addCounters(c, kt, nil)
	for i := range t.sets {
		if err := c.AddSet(t.sets[i].kernelSet(kt)); err != nil {
			return err
		}
	}
	for i := range t.chains {
		t.chains[i].add(c, kt)
	}
	t.addRules(c, kt)
	return nil
}

// add queues the message that makes the chain.
func (ch *chain) add(c *nftables.Conn, kt *nftables.Table) {
	kc := &nftables.Chain{Table: kt, Name: ch.name}
	if ch.hook != nil {
		// What no rule here speaks of is not ours to refuse.
		policy := nftables.ChainPolicyAccept
		kc.Type, kc.Hooknum, kc.Priority, kc.Policy, kc.Device = nftables.ChainTypeFilter, ch.hook, &ch.priority, &policy, ch.device
	}
	c.AddChain(kc)
}

// addRules queues the messages that make the rules of all chains.
func (t *table) addRules(c *nftables.Conn, kt *nftables.Table) {
	for _, ch := range t.chains {
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: kt, Chain: &nftables.Chain{Table: kt, Name: ch.name}, Exprs: r.exprs})
		}
	}
}

// Remove takes the rules away, those of CloseForwarding too: from then on packets
// pass without being judged. It is no error if there are none.
func Remove(table string, netns int) error {
	if table == "" {
		table = DefaultTable
	}
	return errors.Join(removeTables(table, netns), removeTables(closedName(table), netns))
}

// removeTables takes away the tables of all families that have this name.
func removeTables(table string, netns int) error {
	remove := func(families ...nftables.TableFamily) error {
		return inBatch(netns, func(c *nftables.Conn) error {
			for _, family := range families {
				kt := &nftables.Table{Family: family, Name: table}
				c.AddTable(kt)
				c.DelTable(kt)
			}
			return nil
		})
	}
	err := remove(nftables.TableFamilyIPv4, nftables.TableFamilyIPv6)
	// In batches of their own: a kernel without the family would refuse all of it.
	for _, optional := range []nftables.TableFamily{nftables.TableFamilyNetdev, nftables.TableFamilyBridge} {
		if e := remove(optional); !missing(e) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return fmt.Errorf("nft: remove table %s: %w%s", table, err, advice(err))
	}
	return nil
}
