package nft

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Report says what Install did.
type Report struct {
	// Backend is the way packets are queued, Native or Compat.
	Backend Backend
}

// Install puts the plan's rules in place of those that are there under the same
// name. The kernel goes from the old to the new at one moment, without one in
// which neither holds; packets that wait in a queue then are dropped by it. What
// was installed is read back.
func Install(p Plan) (Report, error) {
	p, err := p.complete()
	if err != nil {
		return Report{}, err
	}
	if used, err := installed(p); err == nil {
		// Replacing rules by the same rules would only drop what waits in the queue.
		return Report{Backend: used}, nil
	}
	used := p.Backend
	if used == Auto {
		used = Native
	}
	err = replace(p, used)
	if p.Backend == Auto && missing(err) {
		used = Compat
		if e := replace(p, used); e != nil {
			err = fmt.Errorf("native queue: %w; xtables NFQUEUE: %w", err, e)
		} else {
			err = nil
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("nft: install table %s: %w%s", p.Table, err, advice(err))
	}
	p.Backend = used
	if err := Check(p); err != nil {
		return Report{}, fmt.Errorf("nft: the kernel did not take the rules as they were given: %w", err)
	}
	return Report{Backend: used}, nil
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
		return " (the kernel needs nf_tables with fib and set lookups, and NFT_QUEUE, or NFT_COMPAT with NETFILTER_XT_TARGET_NFQUEUE)"
	}
	return ""
}

func replace(p Plan, backend Backend) error {
	all, err := tables(p, backend)
	if err != nil {
		return err
	}
	c, err := nftables.New(nftables.WithNetNSFd(p.NetNS))
	if err != nil {
		return err
	}
	for i := range all {
		if err := all[i].add(c, p.Table); err != nil {
			return err
		}
	}
	return c.Flush()
}

// add queues the messages that replace the table. A table that is not there
// cannot be deleted, so it is first added.
func (t *table) add(c *nftables.Conn, name string) error {
	kt := &nftables.Table{Family: t.family, Name: name}
	c.AddTable(kt)
	c.DelTable(kt)
	c.AddTable(kt)
	for i := range t.sets {
		if err := c.AddSet(t.sets[i].kernelSet(kt)); err != nil {
			return err
		}
	}
	// What no rule here speaks of is not ours to refuse.
	policy := nftables.ChainPolicyAccept
	for _, ch := range t.chains {
		kc := c.AddChain(&nftables.Chain{
			Table: kt, Name: ch.name, Type: nftables.ChainTypeFilter,
			Hooknum: ch.hook, Priority: &ch.priority, Policy: &policy,
		})
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: kt, Chain: kc, Exprs: r.exprs})
		}
	}
	return nil
}

// Remove takes the rules away: from then on packets pass without being judged.
// It is no error if there are none.
func Remove(table string, netns int) error {
	if table == "" {
		table = DefaultTable
	}
	c, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		return fmt.Errorf("nft: remove table %s: %w", table, err)
	}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		kt := &nftables.Table{Family: family, Name: table}
		c.AddTable(kt)
		c.DelTable(kt)
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nft: remove table %s: %w%s", table, err, advice(err))
	}
	return nil
}
