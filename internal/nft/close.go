package nft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Close installs the rules of a plan where nobody judges yet: the same that Install
// installs, whose queue drops everything as long as nobody listens. The interfaces
// need not exist, none but lo has to.
//
// Close only closes. Interfaces that rules under this name guard and the plan does
// not know stay shut, and what CloseForwarding forbade stays forbidden; both go when
// Install puts the rules of whoever judges in force. Rules that guard what the plan
// guards are left alone, and nothing that waits in a queue is lost.
func Close(p Plan) (Report, error) {
	p, err := p.complete()
	if err != nil {
		return Report{}, err
	}
	guarded, err := Guarded(p.Table, p.NetNS)
	if err != nil {
		return Report{}, err
	}
	for _, name := range guarded {
		if !slices.ContainsFunc(p.Zones, func(z Zone) bool { return slices.Contains(z.Interfaces, name) }) {
			p.shut = append(p.shut, name)
		}
	}
	if len(p.shut) > maxInterfaces/2 {
		return Report{}, fmt.Errorf("nft: %d interfaces are shut that no zone has; remove table %s to have them open", len(p.shut), p.Table)
	}
	if p.Narrowest == 0 {
		if p.Narrowest, err = narrowest(p); err != nil {
			return Report{}, fmt.Errorf("nft: read table %s: %w%s", p.Table, err, advice(err))
		}
	}
	return install(p)
}

// Guarded returns the names of the interfaces that the rules under a name,
// DefaultTable if empty, take for those of zones: none if there are no rules. netns
// is a descriptor of the network namespace, 0 for the calling thread's.
func Guarded(name string, netns int) ([]string, error) {
	if name == "" {
		name = DefaultTable
	}
	c, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		return nil, fmt.Errorf("nft: %w", err)
	}
	var names []string
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		found, err := guardedBy(c, &nftables.Table{Family: family, Name: name})
		if err != nil {
			return nil, fmt.Errorf("nft: read table %s: %w%s", name, err, advice(err))
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func guardedBy(c *nftables.Conn, t *nftables.Table) (names []string, err error) {
	all, err := c.ListTablesOfFamily(t.Family)
	if err != nil || !slices.ContainsFunc(all, func(kt *nftables.Table) bool { return kt.Name == t.Name }) {
		return nil, err
	}
	sets, err := c.GetSets(t)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(sets, func(s *nftables.Set) bool { return s.Name == setInterfaces.name() })
	if i < 0 {
		return nil, nil
	}
	elements, err := c.GetSetElements(sets[i])
	if err != nil {
		return nil, err
	}
	for _, e := range elements {
		// Somebody else may have made a table of this name.
		if name := string(e.Key[:max(0, slices.Index(e.Key, 0))]); checkInterfaceName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// narrowest returns the figure of that name in the rules that are in force, 0 if
// there is none.
func narrowest(p Plan) (uint16, error) {
	c, err := nftables.New(nftables.WithNetNSFd(p.NetNS))
	if err != nil {
		return 0, err
	}
	kt := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: p.Table}
	chains, err := listChains(p.NetNS, kt.Family)
	if err != nil || !slices.ContainsFunc(chains, func(k kernelChain) bool { return k.table == kt.Name && k.name == "prerouting" }) {
		return 0, err
	}
	got, err := c.GetRules(kt, &nftables.Chain{Table: kt, Name: "prerouting"})
	if err != nil {
		return 0, err
	}
	want := prerouting(nil, 1)
	if len(got) != len(want) {
		return 0, nil
	}
	for _, e := range got[len(got)-1].Exprs {
		if over, ok := e.(*expr.Cmp); ok && over.Op == expr.CmpOpGt && len(over.Data) == 2 {
			return uint16(over.Data[0])<<8 | uint16(over.Data[1]), nil
		}
	}
	return 0, nil
}

// closedName names the tables of CloseForwarding, so that they and the rules of a
// plan may be there at once.
func closedName(name string) string { return name + "-closed" }

// CloseForwarding has everything dropped that would be forwarded, for when nobody
// can say which interfaces are those of zones: IPv4, IPv6 and, where the kernel has
// tables of the family bridge, frames from port to port. What the machine sends and
// takes in itself is left alone, so that whoever is to mend it can reach it, and so
// are rules that are there. Install takes this away again, Remove does, Close does
// not. name and netns are those of Guarded.
func CloseForwarding(name string, netns int) error {
	if name == "" {
		name = DefaultTable
	}
	name = closedName(name)
	forward := []chain{newChain("forward", nftables.ChainHookForward, priorityFirst, newRule("forwarded: drop", countDrop(counterClosed)))}
	put := func(families ...nftables.TableFamily) error {
		return inBatch(netns, func(c *nftables.Conn) error {
			for _, family := range families {
				t := table{family: family, counters: []string{counterClosed}, chains: forward}
				if err := t.replace(c, name); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := put(nftables.TableFamilyIPv4, nftables.TableFamilyIPv6)
	if e := put(nftables.TableFamilyBridge); !missing(e) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("nft: install table %s: %w%s", name, err, advice(err))
	}
	return nil
}

// forwardingClosed reports whether a table of CloseForwarding is there.
func forwardingClosed(name string, netns int) (bool, error) {
	c, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		return false, fmt.Errorf("nft: %w", err)
	}
	all, err := c.ListTables()
	if err != nil {
		return false, fmt.Errorf("nft: list tables: %w%s", err, advice(err))
	}
	return slices.ContainsFunc(all, func(t *nftables.Table) bool { return t.Name == closedName(name) }), nil
}
