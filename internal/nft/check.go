package nft

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
)

// DriftError says in what the kernel's rules differ from a plan.
type DriftError struct {
	// Table is the tables' name.
	Table string
	// Found has one entry for each difference, most general first.
	Found []string
	// Bare are the interfaces that exist and lack a chain of their own, once for each
	// chain; each is in Found as well.
	Bare []string

	absent []string // the names of those chains
}

// Appeared returns the bare interfaces when nothing else differs. They may be new:
// older kernels make no chain for an interface before it exists. If they are
// not, somebody took it away.
func (e *DriftError) Appeared() []string {
	if len(e.Bare) != len(e.Found) {
		return nil
	}
	names := slices.Clone(e.Bare)
	slices.Sort(names)
	return slices.Compact(names)
}

// Error lists the differences.
func (e *DriftError) Error() string {
	return fmt.Sprintf("nft: table %s is not as installed: %s", e.Table, strings.Join(e.Found, "; "))
}

func (e *DriftError) add(format string, args ...any) {
	e.Found = append(e.Found, fmt.Sprintf(format, args...))
}

// Check reads the rules back and compares them with the plan. The error is a
// *DriftError if they differ.
func Check(p Plan) error {
	p, err := p.complete()
	if err != nil {
		return err
	}
	err = check(p)
	var d *DriftError
	if err != nil && !errors.As(err, &d) {
		return err
	}
	closed, failed := forwardingClosed(p.Table, p.NetNS)
	switch {
	case failed != nil:
		return failed
	case closed && d == nil:
		d = &DriftError{Table: p.Table}
	case !closed:
		return err
	}
	d.add("table %s has everything dropped that is forwarded", closedName(p.Table))
	return d
}

// check compares the rules of a complete plan.
func check(p Plan) error {
	_, err := installed(p)
	var d *DriftError
	if err != nil && !errors.As(err, &d) {
		return err
	}
	if p.NoIngress {
		return err
	}
	_, more, err := netdevDrift(p)
	switch {
	case err != nil:
		return err
	case d != nil:
		d.Found, d.Bare, d.absent = append(d.Found, more.Found...), more.Bare, more.absent
		return d
	case len(more.Found) > 0:
		return more
	}
	return nil
}

// netdevDrift returns the table of the netdev family that a complete plan stands
// for now, and in what the kernel's differs.
func netdevDrift(p Plan) (table, *DriftError, error) {
	d := &DriftError{Table: p.Table}
	present, err := interfacesPresent(p.NetNS)
	if err != nil {
		return table{}, nil, fmt.Errorf("nft: %w", err)
	}
	want := netdev(p, present)
	c, hangUp, err := connect(p.NetNS)
	if err == nil {
		err = want.compare(c, p.Table, d)
		hangUp()
	}
	if err != nil {
		return table{}, nil, fmt.Errorf("nft: read table %s: %w%s", p.Table, err, advice(err))
	}
	return want, d, nil
}

// installed returns the backend with which the IP tables of a complete plan are in
// force, or what differs in them.
func installed(p Plan) (Backend, error) {
	backends := []Backend{p.Backend}
	if p.Backend == Auto {
		backends = []Backend{Native, Compat}
	}
	var best *DriftError
	for _, b := range backends {
		d, err := compare(p, b)
		if err != nil {
			return Auto, fmt.Errorf("nft: read table %s: %w%s", p.Table, err, advice(err))
		}
		if len(d.Found) == 0 {
			return b, nil
		}
		if best == nil || len(d.Found) < len(best.Found) {
			best = d
		}
	}
	return Auto, best
}

func compare(p Plan, backend Backend) (*DriftError, error) {
	want, err := tables(p, backend)
	if err != nil {
		return nil, err
	}
	c, hangUp, err := connect(p.NetNS)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	d := &DriftError{Table: p.Table}
	for i := range want {
		if err := want[i].compare(c, p.Table, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// connect opens a connection for many questions.
func connect(netns int) (c *nftables.Conn, hangUp func(), err error) {
	if c, err = nftables.New(nftables.WithNetNSFd(netns), nftables.AsLasting()); err != nil {
		return nil, nil, err
	}
	return c, func() { _ = c.CloseLasting() }, nil
}

func familyName(f nftables.TableFamily) string {
	switch f {
	case nftables.TableFamilyIPv6:
		return "ip6"
	case nftables.TableFamilyNetdev:
		return "netdev"
	case nftables.TableFamilyINet:
		return "inet"
	case nftables.TableFamilyBridge:
		return "bridge"
	}
	return "ip"
}

func (t *table) compare(c *nftables.Conn, name string, d *DriftError) error {
	family := familyName(t.family)
	present, err := c.ListTablesOfFamily(t.family)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(present, func(kt *nftables.Table) bool { return kt.Name == name && kt.Family == t.family })
	if i < 0 {
		d.add("family %s: the table is missing", family)
		return nil
	}
	if present[i].Flags != 0 {
		// Ours has none. The library gives them in either byte order, and
		// every one of them is a reason.
		d.add("family %s: the table is dormant or owned by a process: its rules are off, or will go when that ends", family)
	}
	kt := &nftables.Table{Family: t.family, Name: name}
	if err := t.compareChains(c, kt, d); err != nil {
		return err
	}
	return t.compareSets(c, kt, d)
}

func (t *table) compareChains(c *nftables.Conn, kt *nftables.Table, d *DriftError) error {
	family := familyName(t.family)
	all, err := listChains(c.NetNS, t.family)
	if err != nil {
		return err
	}
	seen, err := rulesByChain(c.NetNS, t.family, kt.Name)
	if err != nil {
		return err
	}
	found := make(map[string]*kernelChain)
	for i := range all {
		if all[i].table == kt.Name {
			found[all[i].name] = &all[i]
		}
	}
	for i := range t.chains {
		ch := &t.chains[i]
		kc := found[ch.name]
		delete(found, ch.name)
		if kc == nil {
			if !ch.optional {
				d.add("family %s: chain %s is missing", family, ch.name)
			}
			if !ch.optional && ch.device != "" {
				d.Bare, d.absent = append(d.Bare, ch.device), append(d.absent, ch.name)
			}
			continue
		}
		if !ch.compareHook(family, kc, d) {
			continue
		}
		if ch.leads != "" {
			ch.compareWay(family, seen[ch.name], d)
			continue
		}
		rules, err := c.GetRules(kt, &nftables.Chain{Table: kt, Name: ch.name})
		if err != nil {
			return err
		}
		ch.compareRules(family, byte(t.family), rules, seen[ch.name], d)
	}
	for _, name := range sortedKeys(found) {
		d.add("family %s: chain %s is not ours", family, name)
	}
	return nil
}

// compareHook reports whether the chain is attached at all.
func (ch *chain) compareHook(family string, kc *kernelChain, d *DriftError) bool {
	if ch.hook == nil {
		if kc.base {
			d.add("family %s: chain %s is attached to a hook", family, ch.name)
		}
		return true
	}
	if !kc.base {
		d.add("family %s: chain %s is attached to no hook", family, ch.name)
		return false
	}
	if kc.hook != *ch.hook {
		d.add("family %s: chain %s is at hook %d, want %d", family, ch.name, kc.hook, *ch.hook)
	}
	if kc.priority != ch.priority {
		d.add("family %s: chain %s has priority %d, want %d", family, ch.name, kc.priority, ch.priority)
	}
	// A chain that lost its interface may say so until the interface is back.
	if ch.device != "" && !(ch.optional && len(kc.devices) == 0) && !slices.Equal(kc.devices, []string{ch.device}) {
		d.add("family %s: chain %s is at interfaces %q, want %s", family, ch.name, kc.devices, ch.device)
	}
	return true
}

// compareWay compares a chain that only leads to another. There is one for each
// interface, and to have the library read each takes longer than all the rest.
func (ch *chain) compareWay(family string, got []kernelRule, d *DriftError) {
	switch {
	case len(got) == 0:
		d.add("family %s: chain %s: rule 1 (%s) is missing", family, ch.name, ch.rules[0].what)
	case len(got) > 1:
		d.add("family %s: chain %s: %d rules that are not ours", family, ch.name, len(got)-1)
	case len(got[0].parts) != 1 || got[0].leads != ch.leads:
		d.add("family %s: chain %s: rule 1 (%s) was changed: it does not lead to chain %s", family, ch.name, ch.rules[0].what, ch.leads)
	}
}

// compareRules compares what the library reads, and of what it leaves out the names:
// a rule that somebody narrowed with an expression that it cannot decode would look
// untouched.
func (ch *chain) compareRules(family string, fam byte, got []*nftables.Rule, seen []kernelRule, d *DriftError) {
	for i, r := range ch.rules {
		if i >= len(got) {
			d.add("family %s: chain %s: rule %d (%s) is missing", family, ch.name, i+1, r.what)
			continue
		}
		if bypasses(got[i].Exprs) {
			d.add("family %s: chain %s: rule %d (%s) has the bypass flag: packets pass while the gateway is not running", family, ch.name, i+1, r.what)
			continue
		}
		if i < len(seen) && len(seen[i].parts) != len(got[i].Exprs) {
			d.add("family %s: chain %s: rule %d (%s) was changed: its parts are %s", family, ch.name, i+1, r.what, strings.Join(seen[i].parts, ", "))
			continue
		}
		if why := differ(fam, r.exprs, got[i].Exprs); why != "" {
			d.add("family %s: chain %s: rule %d (%s) was changed: %s", family, ch.name, i+1, r.what, why)
		}
	}
	if extra := len(got) - len(ch.rules); extra > 0 {
		d.add("family %s: chain %s: %d rules that are not ours", family, ch.name, extra)
	}
}

func (t *table) compareSets(c *nftables.Conn, kt *nftables.Table, d *DriftError) error {
	family := familyName(t.family)
	all, err := c.GetSets(kt)
	if err != nil {
		return err
	}
	for i := range t.sets {
		s := &t.sets[i]
		j := slices.IndexFunc(all, func(ks *nftables.Set) bool { return ks.Name == s.id.name() })
		if j < 0 {
			d.add("family %s: set %s is missing", family, s.id.name())
			continue
		}
		elements, err := c.GetSetElements(all[j])
		if err != nil {
			return err
		}
		s.compareElements(family, elements, d)
	}
	return nil
}

func (s *set) compareElements(family string, got []nftables.SetElement, d *DriftError) {
	same := len(got) == len(s.keys)
	for _, want := range s.keys {
		if !slices.ContainsFunc(got, func(e nftables.SetElement) bool { return bytes.Equal(e.Key, want) }) {
			d.add("family %s: set %s lacks %s", family, s.id.name(), s.describe(want))
			same = true
		}
	}
	if !same {
		d.add("family %s: set %s has %d elements, want %d", family, s.id.name(), len(got), len(s.keys))
	}
}

// describe shows an element to people.
func (s *set) describe(key []byte) string {
	if s.keyType == nftables.TypeEtherType {
		return fmt.Sprintf("ethertype %#x", key)
	}
	return fmt.Sprintf("interface %s", bytes.TrimRight(key[:16], "\x00"))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
