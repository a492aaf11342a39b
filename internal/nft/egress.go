package nft

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"labelgate/internal/mark"
)

// Not everything that leaves by an interface was at FORWARD, OUTPUT or POSTROUTING. A
// flow table sends the packets of a flow from one interface's ingress straight to
// the other, a rule of the family netdev sends where it likes, and a further
// interface on the same cable is a way out of its own. All of that comes by here: so
// each interface of a zone has a chain at its egress that lets IP pass only with the
// sign that POSTROUTING let it out. What traffic control and XDP redirect the kernel
// does not show here; see Bypasses.
//
// What a program of this machine sends through a packet socket has no such sign. It
// needs privileges to do so, and DHCP clients do: it is let pass.

// hookEgress is NF_NETDEV_EGRESS of linux/netfilter.h, since Linux 5.16.
var hookEgress = nftables.ChainHookRef(1)

// leavesChain has the rules of all interfaces.
const leavesChain = "leaves"

// egress are those rules.
func egress() []rule {
	return []rule{
		newRule("not IP: accept", linkType(expr.MetaKeyOIFTYPE, expr.CmpOpEq), notIP(ethertype()), accept()),
		newRule("not IP on a link without Ethernet header: accept", linkType(expr.MetaKeyOIFTYPE, expr.CmpOpNeq), notIP(protocol()), accept()),
		newRule("let out: accept", markIs(mark.Left, mark.Left), changeMark(mark.Left, 0), accept()),
		newRule("from a socket of this machine: accept", fromSocket(), accept()),
		newRule("not let out: drop", countDrop(counterAround)),
	}
}

// notIP matches when a number that was read is the ethertype of neither.
func notIP(number []expr.Any) []expr.Any {
	for _, e := range []uint16{unix.ETH_P_IP, unix.ETH_P_IPV6} {
		number = append(number, &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: ethertypeKey(e)})
	}
	return number
}
