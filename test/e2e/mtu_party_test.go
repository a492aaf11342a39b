package e2e

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// The two domains of interpretation of the MTU tests. A label's option is as long
// in the one as its name says, and the shorter the longer in the other. The kernel
// is told of them, and its list is the whole machine's: no two runs have the same.
var (
	mtuDOI      = uint32(0x4d000000 + 2*os.Getpid())
	mtuOtherDOI = mtuDOI + 1
)

// A CIPSO option with one tag 1 has 10 bytes without categories, and 40 when its
// bitmap is full.
const shortestOption, longestOption = 10, 40

// mtuLabel names the label whose option has n bytes in the first domain.
func mtuLabel(n int) string { return fmt.Sprintf("L%d", n) }

// optionLen returns the length of the option of label n in a domain, 0 for none.
func optionLen(doi uint32, n int) int {
	switch doi {
	case mtuDOI:
		return n
	case mtuOtherDOI:
		return shortestOption + longestOption - n
	}
	return 0
}

// padded rounds a number of option bytes up to whole words.
func padded(n int) int { return (n + 3) &^ 3 }

// optionOf returns the options of a packet with label n in a domain, padded: tag 1,
// level n, and the last category that its length has room for.
func optionOf(doi uint32, n int) []byte {
	size := optionLen(doi, n)
	b := make([]byte, padded(size))
	if size == 0 {
		return b
	}
	b[0], b[1] = cipsoType, byte(size)
	binary.BigEndian.PutUint32(b[2:], doi)
	b[6], b[7], b[9] = 1, byte(size-6), byte(n)
	if size > shortestOption {
		b[size-1] = 1
	}
	return b
}

// mtuMappings is the file of mappings for a domain.
func mtuMappings(doi uint32) string {
	var b strings.Builder
	for n := shortestOption; n <= longestOption; n++ {
		fmt.Fprintf(&b, "%s %d", mtuLabel(n), n)
		if size := optionLen(doi, n); size > shortestOption {
			fmt.Fprintf(&b, "/%d", 8*(size-shortestOption)-1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// party is a host of the MTU tests. It has an address for each label, so that what
// is learnt about one path says nothing about another.
type party struct {
	name string
	net  byte   // second byte of its addresses
	high byte   // added to the third
	doi  uint32 // that its packets are labeled in, 0 for none
	self bool   // a labelgated of its own puts the label on
	hop  string // the router in front of it, "" for the gateway
}

var (
	tom  = party{name: "tom", net: 1, doi: mtuDOI}
	una  = party{name: "una", net: 2, doi: mtuOtherDOI}
	hal  = party{name: "hal", net: 3, doi: mtuDOI, self: true}
	pop  = party{name: "pop", net: 4}
	tess = party{name: "tess", net: 5, high: 128, doi: mtuDOI, hop: "rex"}
	pat  = party{name: "pat", net: 6, high: 128, hop: "rob"}
)

// address returns the party's address for label n.
func (p party) address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, p.net, p.high + byte(n), 2})
}

// first returns the address by which the party's machine speaks for itself.
func (p party) first() netip.Addr { return netip.AddrFrom4([4]byte{10, p.net, p.high, 2}) }

// sizeOf returns the label that an address is for, 0 for none.
func sizeOf(address []byte) int {
	if n := int(address[2] & 127); address[0] == 10 && address[3] == 2 && n >= shortestOption && n <= longestOption {
		return n
	}
	return 0
}

// option returns the bytes of options of the party's packets with label n.
func (p party) option(n int) int { return padded(optionLen(p.doi, n)) }

// stack returns the bytes of options that the party's own stack knows of.
func (p party) stack(n int) int {
	if p.self {
		return 0
	}
	return p.option(n)
}
