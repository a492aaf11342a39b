package nft

import (
	"fmt"
	"math"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"labelgate/internal/mark"
)

// setID is a set: the number it has within its batch. All are constant: nobody can
// change them without taking down the rules that use them.
type setID uint32

const (
	setInterfaces setID = 1 // names of the zones' interfaces
	setExits      setID = 2 // name and mark with which a packet may leave by it

	// The number of the zone is added to these.
	setEthertypes setID = 0x100 // what a zone's links may carry
	setUntagged   setID = 0x200 // the same without VLAN tags
)

// name is what the rules and people call the set.
func (s setID) name() string {
	zone := s & (setEthertypes - 1)
	switch s {
	case setInterfaces:
		return "interfaces"
	case setExits:
		return "exits"
	case setEthertypes + zone:
		return fmt.Sprintf("ethertypes-%d", zone)
	}
	return fmt.Sprintf("untagged-%d", zone)
}

// table, chain, rule and set are what the kernel shall hold, in the order in
// which it is told.
type table struct {
	family   nftables.TableFamily
	counters []string // by their names: what they counted stays when rules are renewed
	sets     []set
	chains   []chain
}

type set struct {
	id      setID
	keyType nftables.SetDatatype
	concat  bool
	keys    [][]byte
}

type chain struct {
	name     string
	hook     *nftables.ChainHook    // nil where another chain leads here
	priority nftables.ChainPriority // valid iff there is a hook
	rules    []rule
	device   string // whose frames it sees; in the netdev family only
	optional bool   // its device is not there, so it need not be
	leads    string // the chain that its only rule goes on in, "" if it has others
}

type rule struct {
	what  string // for people
	exprs []expr.Any
}

func newRule(what string, parts ...[]expr.Any) rule {
	return rule{what: what, exprs: slices.Concat(parts...)}
}

func newChain(name string, hook *nftables.ChainHook, priority nftables.ChainPriority, rules ...rule) chain {
	return chain{name: name, hook: hook, priority: priority, rules: rules}
}

// Priorities. Prerouting is before defragmentation (-400), so that every
// fragment is seen with its own label; input and forward are where mangling is done.
// Output is behind the place where the kernel translates the destinations of this
// machine's own packets (-100, IPVS -98). Postrouting is before other programs: it
// takes the mark away, so that nobody saves it with the connection and gives it to
// packets that nobody judged. Leaving is behind them all for the same reason.
const (
	priorityFirst      = -450
	priorityMangle     = -150
	priorityTranslated = -50
	priorityLast       = math.MaxInt32
)

// tables builds the tables of both IP families that a complete plan stands for,
// with a definite backend.
func tables(p Plan, backend Backend) ([]table, error) {
	interfaces := set{id: setInterfaces, keyType: nftables.TypeIFName}
	exitType, err := nftables.ConcatSetType(nftables.TypeIFName, nftables.TypeMark)
	if err != nil {
		return nil, err
	}
	exits := set{id: setExits, keyType: exitType, concat: true}
	for _, z := range p.Zones {
		for _, name := range z.Interfaces {
			key := ifname(name)
			interfaces.keys = append(interfaces.keys, key)
			exits.keys = append(exits.keys, slices.Concat(key, number(uint32(mark.ForZone(0, z.Index)))))
		}
	}
	for _, name := range p.shut {
		interfaces.keys = append(interfaces.keys, ifname(name))
	}
	queue := toQueue(backend, p.Queue)
	return []table{
		{
			family:   nftables.TableFamilyIPv4,
			counters: []string{counterUnjudged},
			sets:     []set{interfaces, exits},
			chains: []chain{
				newChain("prerouting", nftables.ChainHookPrerouting, priorityFirst, prerouting(queue, p.Narrowest)...),
				newChain("input", nftables.ChainHookInput, priorityMangle, input(queue)...),
				newChain("forward", nftables.ChainHookForward, priorityMangle, forward(queue)...),
				newChain("output", nftables.ChainHookOutput, priorityTranslated, output(queue)...),
				newChain("postrouting", nftables.ChainHookPostrouting, priorityFirst, postrouting()...),
				newChain("leaving", nftables.ChainHookPostrouting, priorityLast, newRule("to a zone: mark as let out", to(setInterfaces), changeMark(0, mark.Left))),
			},
		},
		{
			family:   nftables.TableFamilyIPv6,
			counters: []string{counterIPv6},
			sets:     []set{interfaces},
			chains: []chain{
				newChain("input", nftables.ChainHookInput, priorityMangle,
					newRule("IPv6 from a zone: drop", from(setInterfaces), countDrop(counterIPv6))),
				newChain("forward", nftables.ChainHookForward, priorityMangle,
					newRule("IPv6 from a zone: drop", from(setInterfaces), countDrop(counterIPv6)),
					newRule("IPv6 to a zone: drop", to(setInterfaces), countDrop(counterIPv6))),
				newChain("output", nftables.ChainHookOutput, priorityMangle,
					newRule("IPv6 to a zone: drop", to(setInterfaces), countDrop(counterIPv6))),
			},
		},
	}, nil
}

// prerouting queues what cannot be judged later: options before the kernel acts on
// them, fragments before it puts them together, which hides all options but those
// of the first, and addresses that make it throw a packet away when it looks for a
// route, without a word to anybody: forged sources, and groups that this machine is
// not in. A packet is queued here once: the verdict ends the chain.
//
// It puts fragments together by their addresses, whichever interfaces they came in by. So
// a fragment from elsewhere must not have the address of a zone's host: nobody judges
// it, and it would go on as a part of that host's datagram.
//
// What may be too large for its way out is queued here as well: behind routing the
// kernel refuses it before anybody is asked, with an error that is its own and nobody's
// label, and that knows nothing of an option that would come on top. Segments of TCP
// are left to it: their size was seen to, a device may have joined many into one, and
// the label of an error about them is known from their flow.
func prerouting(queue []expr.Any, narrowest uint16) []rule {
	rules := []rule{
		newRule("from a zone: clear the mark", from(setInterfaces), setMark(0)),
		newRule("from a zone to an address of this machine: mark as local", from(setInterfaces), addressIsLocal(), setMark(mark.Local)),
		newRule("from a zone with options: queue", from(setInterfaces), hasOptions(), queue),
		newRule("from a zone, from an address that is no other host's: queue", from(setInterfaces), sourceIsNot(unix.RTN_UNICAST), queue),
		newRule("from a zone to an address that is no host's: queue", from(setInterfaces), destinationIsNot(unix.RTN_UNICAST, unix.RTN_LOCAL), queue),
		newRule("from a zone to a loopback address: queue", from(setInterfaces), toLoopback(), queue),
		newRule("fragment from a zone: queue", from(setInterfaces), isFragment(), queue),
		newRule("fragment from elsewhere with a source that lives in a zone: drop", notFrom(setInterfaces), isFragment(), livesBehind(setInterfaces), countDrop(counterUnjudged)),
	}
	if narrowest != 0 {
		rules = append(rules, newRule("from a zone to elsewhere, may be too large for its way out and must not be cut: queue",
			from(setInterfaces), markIs(mark.Local, 0), notTCP(), mustNotBeCut(), longerThan(narrowest), queue))
	}
	return rules
}

// input asks for the mark of local delivery, whose zone is 0: a packet that was
// judged on its way to a zone and then turned out to be for us is judged again.
// That holds for translated destinations too: one that becomes an address of ours
// leaves the zone in the mark, and one that goes from one of our addresses to
// another is still for this machine.
func input(queue []expr.Any) []rule {
	return []rule{
		newRule("from a zone and judged for this machine: accept", from(setInterfaces), markIs(mark.StateMask|mark.ZoneMask, mark.Judged), accept()),
		newRule("from a zone: queue", from(setInterfaces), queue),
	}
}

// forward believes a mark only if prerouting cleared what was there before, that
// is from a zone: elsewhere it may be another program's.
//
// A judged packet is accepted for the zone that its mark names. Where destinations
// are translated that is not the whole of it: between prerouting and here it may
// have got another destination in the same zone. There, see Translates, the mark
// must say that it is pending: such packets are queued again.
func forward(queue []expr.Any) []rule {
	return []rule{
		newRule("from a zone to a zone and judged: accept", from(setInterfaces), to(setInterfaces), markIs(mark.StateMask, mark.Judged), accept()),
		newRule("from a zone and judged, but to no zone: drop", from(setInterfaces), markIs(mark.StateMask, mark.Judged), countDrop(counterUnjudged)),
		newRule("from a zone: queue", from(setInterfaces), queue),
		newRule("to a zone: queue", to(setInterfaces), queue),
	}
}

func output(queue []expr.Any) []rule {
	return []rule{
		newRule("to a zone: clear the mark", to(setInterfaces), setMark(0)),
		newRule("to a zone: queue", to(setInterfaces), queue),
	}
}

func postrouting() []rule {
	return []rule{
		newRule("to a zone and judged for it: accept", leaving(setExits), setMark(0), accept()),
		newRule("to a zone: drop what was not judged for it", to(setInterfaces), countDrop(counterUnjudged)),
	}
}

// kernelSet is a set as the library wants it.
func (s *set) kernelSet(t *nftables.Table) (*nftables.Set, []nftables.SetElement) {
	elements := make([]nftables.SetElement, len(s.keys))
	for i, k := range s.keys {
		elements[i].Key = k
	}
	var order binaryutil.ByteOrder = binaryutil.NativeEndian
	if s.keyType == nftables.TypeEtherType {
		order = binaryutil.BigEndian
	}
	return &nftables.Set{
		Table: t, ID: uint32(s.id), Name: s.id.name(), Constant: true,
		KeyType: s.keyType, Concatenation: s.concat, KeyByteOrder: order,
	}, elements
}
