package nft

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"labelgate/internal/mark"
)

// The sets. Both are constant: nobody can change them without taking down the
// rules that use them.
const (
	setInterfaces = "interfaces" // names of the zones' interfaces
	setExits      = "exits"      // name and mark with which a packet may leave by it
)

// setID numbers a set within its batch.
func setID(name string) uint32 {
	if name == setInterfaces {
		return 1
	}
	return 2
}

// table, chain, rule and set are what the kernel shall hold, in the order in
// which it is told.
type table struct {
	family nftables.TableFamily
	sets   []set
	chains []chain
}

type set struct {
	name    string
	keyType nftables.SetDatatype
	concat  bool
	keys    [][]byte
}

type chain struct {
	name     string
	hook     *nftables.ChainHook
	priority nftables.ChainPriority
	rules    []rule
}

type rule struct {
	what  string // for people
	exprs []expr.Any
}

func newRule(what string, parts ...[]expr.Any) rule {
	return rule{what: what, exprs: slices.Concat(parts...)}
}

// Priorities. Prerouting is before defragmentation (-400), so that every
// fragment is seen with its own label; the others are where mangling is done.
// Postrouting is before other programs, too: it takes the mark away, so that
// nobody saves it with the connection and gives it to packets that nobody judged.
const (
	priorityFirst  = -450
	priorityMangle = -150
)

// tables builds what a complete plan stands for, with a definite backend.
func tables(p Plan, backend Backend) ([]table, error) {
	interfaces := set{name: setInterfaces, keyType: nftables.TypeIFName}
	exitType, err := nftables.ConcatSetType(nftables.TypeIFName, nftables.TypeMark)
	if err != nil {
		return nil, err
	}
	exits := set{name: setExits, keyType: exitType, concat: true}
	for _, z := range p.Zones {
		for _, name := range z.Interfaces {
			key := ifname(name)
			interfaces.keys = append(interfaces.keys, key)
			exits.keys = append(exits.keys, slices.Concat(key, number(uint32(mark.ForZone(0, z.Index)))))
		}
	}
	queue := toQueue(backend, p.Queue)
	return []table{
		{
			family: nftables.TableFamilyIPv4,
			sets:   []set{interfaces, exits},
			chains: []chain{
				{"prerouting", nftables.ChainHookPrerouting, priorityFirst, prerouting(queue)},
				{"input", nftables.ChainHookInput, priorityMangle, input(queue)},
				{"forward", nftables.ChainHookForward, priorityMangle, forward(queue)},
				{"output", nftables.ChainHookOutput, priorityMangle, output(queue)},
				{"postrouting", nftables.ChainHookPostrouting, priorityFirst, postrouting()},
			},
		},
		{
			family: nftables.TableFamilyIPv6,
			sets:   []set{interfaces},
			chains: []chain{
				{"input", nftables.ChainHookInput, priorityMangle, []rule{
					newRule("IPv6 from a zone: drop", from(setInterfaces), countDrop()),
				}},
				{"forward", nftables.ChainHookForward, priorityMangle, []rule{
					newRule("IPv6 from a zone: drop", from(setInterfaces), countDrop()),
					newRule("IPv6 to a zone: drop", to(setInterfaces), countDrop()),
				}},
				{"output", nftables.ChainHookOutput, priorityMangle, []rule{
					newRule("IPv6 to a zone: drop", to(setInterfaces), countDrop()),
				}},
			},
		},
	}, nil
}

func prerouting(queue []expr.Any) []rule {
	return []rule{
		newRule("from a zone: clear the mark", from(setInterfaces), setMark(0)),
		newRule("from a zone to an address of this machine: mark as local", from(setInterfaces), addressIsLocal(), setMark(mark.Local)),
		newRule("from a zone with options: queue", from(setInterfaces), hasOptions(), queue),
	}
}

// input asks for the mark of local delivery, whose zone is 0: a packet that was
// judged on its way to a zone and then turned out to be for us is judged again.
func input(queue []expr.Any) []rule {
	return []rule{
		newRule("from a zone and judged for this machine: accept", from(setInterfaces), markIs(mark.StateMask|mark.ZoneMask, mark.Judged), accept()),
		newRule("from a zone: queue", from(setInterfaces), queue),
	}
}

// forward believes a mark only if prerouting cleared what was there before, that
// is from a zone: elsewhere it may be another program's.
func forward(queue []expr.Any) []rule {
	return []rule{
		newRule("from a zone to a zone and judged: accept", from(setInterfaces), to(setInterfaces), markIs(mark.StateMask, mark.Judged), accept()),
		newRule("from a zone and judged, but to no zone: drop", from(setInterfaces), markIs(mark.StateMask, mark.Judged), countDrop()),
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
		newRule("to a zone: drop what was not judged for it", to(setInterfaces), countDrop()),
	}
}

// kernelSet is a set as the library wants it.
func (s *set) kernelSet(t *nftables.Table) (*nftables.Set, []nftables.SetElement) {
	elements := make([]nftables.SetElement, len(s.keys))
	for i, k := range s.keys {
		elements[i].Key = k
	}
	return &nftables.Set{
		Table: t, ID: setID(s.name), Name: s.name, Constant: true,
		KeyType: s.keyType, Concatenation: s.concat, KeyByteOrder: binaryutil.NativeEndian,
	}, elements
}
