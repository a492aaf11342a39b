package nft

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The destination address in an IPv4 header, RFC 791 section 3.1.
const (
	destinationOffset = 16
	destinationEnd    = 20
)

// ruleRewrites returns the chain of a rule, and whether the rule may change the
// destination of an IPv4 packet, out of a message whose header is complete.
func ruleRewrites(b []byte) (chain string, rewrites bool, err error) {
	rule, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return "", false, err
	}
	for rule.Next() {
		switch rule.Type() {
		case unix.NFTA_RULE_CHAIN:
			chain = rule.String()
		case unix.NFTA_RULE_EXPRESSIONS:
			rule.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(func(part *netlink.AttributeDecoder) error {
						rewrites = partRewrites(part) || rewrites
						return nil
					})
				}
				return nil
			})
		}
	}
	return chain, rewrites, rule.Err()
}

// partRewrites reads one expression. The kernel sends its name first.
func partRewrites(part *netlink.AttributeDecoder) (rewrites bool) {
	name := ""
	for part.Next() {
		switch part.Type() {
		case unix.NFTA_EXPR_NAME:
			name = part.String()
			rewrites = name == "nat" || name == "redir" || name == "tproxy"
		case unix.NFTA_EXPR_DATA:
			switch name {
			case "payload":
				part.Nested(func(data *netlink.AttributeDecoder) error {
					rewrites = writesDestination(data)
					return nil
				})
			case "target":
				part.Nested(func(data *netlink.AttributeDecoder) error {
					rewrites = translatingTarget(data)
					return nil
				})
			}
		}
	}
	return rewrites
}

// writesDestination reports whether a payload expression writes to any byte of the
// destination address. In the family inet it may be meant for IPv6; that is not
// told apart.
func writesDestination(data *netlink.AttributeDecoder) bool {
	data.ByteOrder = binary.BigEndian
	var base, offset, length uint32
	writes := false
	for data.Next() {
		switch data.Type() {
		case unix.NFTA_PAYLOAD_SREG:
			writes = true
		case unix.NFTA_PAYLOAD_BASE:
			base = data.Uint32()
		case unix.NFTA_PAYLOAD_OFFSET:
			offset = data.Uint32()
		case unix.NFTA_PAYLOAD_LEN:
			length = data.Uint32()
		}
	}
	return writes && base == unix.NFT_PAYLOAD_NETWORK_HEADER && offset < destinationEnd && offset+length > destinationOffset
}

// translatingTarget reports whether an xtables target gives packets another
// destination. RAWDNAT is from outside the kernel, and the only one of them that
// may be outside a nat table.
func translatingTarget(data *netlink.AttributeDecoder) bool {
	for data.Next() {
		if data.Type() != unix.NFTA_TARGET_NAME {
			continue
		}
		switch data.String() {
		case "DNAT", "REDIRECT", "NETMAP", "TPROXY", "RAWDNAT":
			return true
		}
	}
	return false
}
