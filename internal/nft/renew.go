package nft

import (
	"errors"
	"slices"

	"github.com/google/nftables"
)

// When a chain leaves its hook the kernel drops all that waits in any queue, and a
// table takes what its rules counted along. So rules are renewed inside the table
// that is there: its hooks and counters stay, and the rules, with the sets they look
// into, change at one moment.

// errOtherTable says that rules cannot be renewed in the table that is there.
var errOtherTable = errors.New("the table is not one of ours")

// renew queues the messages that bring the table that is there to this one, or make
// it. A chain that is not to be there any more goes.
func (t *table) renew(c *nftables.Conn, name string) error {
	kt := &nftables.Table{Family: t.family, Name: name}
	all, err := c.ListTablesOfFamily(t.family)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k *nftables.Table) bool { return k.Name == name && k.Family == t.family })
	switch {
	case i < 0:
		return t.add(c, name)
	case all[i].Flags != 0:
		return errOtherTable
	}
	chains, err := t.chainsThere(c.NetNS, name)
	if err != nil {
		return err
	}
	sets, err := c.GetSets(kt)
	if err != nil {
		return err
	}
	counters, err := c.GetNamedObjects(kt)
	if err != nil {
		return err
	}
	c.FlushTable(kt)
	for _, s := range sets {
		if !s.Anonymous { // those go with their rules
			c.DelSet(s)
		}
	}
	for _, k := range sortedKeys(chains) {
		if !t.hasChain(k) {
			c.DelChain(&nftables.Chain{Table: kt, Name: k})
		}
	}
	t.addCounters(c, kt, counters)
	for i := range t.sets {
		if err := c.AddSet(t.sets[i].kernelSet(kt)); err != nil {
			return err
		}
	}
	for i := range t.chains {
		if chains[t.chains[i].name] == nil {
			t.chains[i].add(c, kt)
		}
	}
	t.addRules(c, kt)
	return nil
}

// chainsThere returns the kernel's chains of the table, if those that have the names
// of ours are what ours are.
func (t *table) chainsThere(netns int, name string) (map[string]*kernelChain, error) {
	all, err := listChains(netns, t.family)
	if err != nil {
		return nil, err
	}
	there := make(map[string]*kernelChain)
	for i := range all {
		if all[i].table == name {
			there[all[i].name] = &all[i]
		}
	}
	for i := range t.chains {
		if kc := there[t.chains[i].name]; kc != nil && !t.chains[i].is(kc) {
			return nil, errOtherTable
		}
	}
	return there, nil
}

// is reports whether the kernel's chain is this one, whatever rules are in it.
func (ch *chain) is(kc *kernelChain) bool {
	var d DriftError
	if ch.compareHook("", kc, &d); len(d.Found) > 0 {
		return false
	}
	return ch.hook == nil || kc.kind == nftables.ChainTypeFilter && kc.policy == nftables.ChainPolicyAccept
}

func (t *table) hasChain(name string) bool {
	return slices.ContainsFunc(t.chains, func(ch chain) bool { return ch.name == name })
}

// addCounters queues the messages that make the counters which are not among those
// that are there.
func (t *table) addCounters(c *nftables.Conn, kt *nftables.Table, there []nftables.Obj) {
	for _, name := range t.counters {
		if !slices.ContainsFunc(there, func(o nftables.Obj) bool {
			named, ok := o.(*nftables.NamedObj)
			return ok && named.Name == name && named.Type == nftables.ObjTypeCounter
		}) {
			c.AddObj(&nftables.CounterObj{Table: kt, Name: name})
		}
	}
}
