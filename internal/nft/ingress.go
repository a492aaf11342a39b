package nft

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The IP tables never see a frame of another ethertype, and the kernel takes some
// of them: it switches MPLS, ends PPPoE, and hands a frame with a VLAN tag to a
// device that is in no zone. So each interface of a zone has a chain at its
// ingress that lets pass what the other tables and ARP are about.
//
// Nothing of the kind is done on the way out: a router forwards no other ethertypes.
// See egress for what is.

// netdev builds the table of the netdev family. present are the interfaces that
// exist. Their chains hold nothing but the way to the chain with the rules, which is
// there whatever interfaces are: what it counts does not go with one of them, and all
// of it fits into one batch.
func netdev(p Plan, present map[string]bool) table {
	t := table{family: nftables.TableFamilyNetdev, counters: []string{counterEthertype, counterAround}}
	if !p.NoEgress {
		t.chains = append(t.chains, newChain(leavesChain, nil, 0, egress()...))
	}
	zones := p.Zones
	if len(p.shut) > 0 {
		zones = append(slices.Clip(zones), Zone{Interfaces: p.shut}) // no zone has the number 0
	}
	for _, z := range zones {
		admitted, untagged, tags := ethertypes(z)
		zone := setID(z.Index)
		t.sets = append(t.sets, set{id: setEthertypes + zone, keyType: nftables.TypeEtherType, keys: admitted})
		if len(tags) > 0 {
			t.sets = append(t.sets, set{id: setUntagged + zone, keyType: nftables.TypeEtherType, keys: untagged})
		}
		comes := fmt.Sprintf("comes-%d", z.Index)
		t.chains = append(t.chains, newChain(comes, nil, 0, frames(setEthertypes+zone, setUntagged+zone, tags)...))
		for _, name := range z.Interfaces {
			chains := []chain{leadingChain(deviceChain("ingress", name), nftables.ChainHookIngress, comes)}
			if !p.NoEgress {
				chains = append(chains, leadingChain(deviceChain("egress", name), hookEgress, leavesChain))
			}
			for _, c := range chains {
				c.device, c.optional = name, !present[name]
				t.chains = append(t.chains, c)
			}
		}
	}
	return t
}

// leadingChain is a chain of an interface.
func leadingChain(name string, hook *nftables.ChainHook, to string) chain {
	c := newChain(name, hook, priorityFirst, newRule("all: see chain "+to, continueAt(to)))
	c.leads = to
	return c
}

// without returns the table without the chains that need not be.
func (t table) without() table {
	t.chains = slices.DeleteFunc(slices.Clone(t.chains), func(c chain) bool { return c.optional })
	return t
}

// only returns the chains of these names, to be added to a table that is there.
func (t table) only(names []string) table {
	t.counters, t.sets = nil, nil
	t.chains = slices.DeleteFunc(slices.Clone(t.chains), func(c chain) bool { return !slices.Contains(names, c.name) })
	return t
}

// deviceChain names an interface's chain. Interface names may hold bytes that nft
// would not read back; a slash, which they cannot hold, stands before the hex of
// such a byte.
func deviceChain(hook, device string) string {
	var b strings.Builder
	b.WriteString(hook + "-")
	for _, c := range []byte(device) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "/%02x", c)
		}
	}
	return b.String()
}

// ethertypes returns what a zone admits, what of it is no VLAN tag, and the tags,
// as they stand in a frame.
func ethertypes(z Zone) (admitted, untagged, tags [][]byte) {
	all := append([]uint16{unix.ETH_P_IP, unix.ETH_P_ARP, unix.ETH_P_IPV6}, z.Ethertypes...)
	slices.Sort(all)
	for _, e := range slices.Compact(all) {
		key := ethertypeKey(e)
		admitted = append(admitted, key)
		if e == unix.ETH_P_8021Q || e == unix.ETH_P_8021AD {
			tags = append(tags, key)
		} else {
			untagged = append(untagged, key)
		}
	}
	return admitted, untagged, tags
}

// frames are the rules of one zone.
//
// Before ingress the kernel takes the outermost VLAN tag, 802.1Q or 802.1ad, out of
// the frame and keeps it aside, if the network card did not do so already: its own
// notion of the protocol is by then that of what the tag enclosed. Read from the
// link-layer header, though, the tag is shown in its old place. So an Ethernet
// frame is taken for what its header says. Interfaces without such a header, as
// of tunnels, know the protocol only.
//
// A tag of VLAN 0 carries a priority and no VLAN: the kernel takes what it encloses
// for a frame of the interface itself, so that must be admitted for itself. An
// enclosed tag is not: it may be another of the kind.
func frames(admitted, untagged setID, tags [][]byte) []rule {
	var rules []rule
	for _, tag := range tags {
		rules = append(rules, newRule("priority tag around what is not admitted: drop", linkType(expr.MetaKeyIIFTYPE, expr.CmpOpEq), priorityTag(tag), protocolNotIn(untagged), countDrop(counterEthertype)))
	}
	return append(
		rules,
		newRule("admitted ethertype: accept", linkType(expr.MetaKeyIIFTYPE, expr.CmpOpEq), ethertypeIn(admitted), accept()),
		newRule("admitted protocol on a link without Ethernet header: accept", linkType(expr.MetaKeyIIFTYPE, expr.CmpOpNeq), protocolIn(admitted), accept()),
		newRule("other ethertype: drop", countDrop(counterEthertype)),
	)
}

// ethertypeOffset is where an Ethernet header has the ethertype, or the first tag.
const ethertypeOffset = 12

// linkType compares the type of the interface with Ethernet's.
func linkType(key expr.MetaKey, op expr.CmpOp) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: register},
		&expr.Cmp{Op: op, Register: register, Data: binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_ETHER)},
	}
}

// ethertype reads what the link-layer header says.
func ethertype() []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: expr.PayloadBaseLLHeader, Offset: ethertypeOffset, Len: 2}}
}

// protocol reads what the kernel takes the frame for.
func protocol() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: register}}
}

func ethertypeIn(set setID) []expr.Any { return append(ethertype(), in(set)) }

// priorityTag matches frames with this tag and the VLAN number 0.
func priorityTag(tag []byte) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseLLHeader, Offset: ethertypeOffset, Len: 4},
		masked(register, []byte{0xff, 0xff, 0x0f, 0xff}),
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: slices.Concat(tag, []byte{0, 0})},
	}
}

func protocolIn(set setID) []expr.Any { return append(protocol(), in(set)) }

func protocolNotIn(set setID) []expr.Any { return append(protocol(), notIn(set)) }

// ethertypeKey is an ethertype as it stands in a frame.
func ethertypeKey(e uint16) []byte { return binary.BigEndian.AppendUint16(nil, e) }
