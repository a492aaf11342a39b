package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// partNames returns, for each rule of a chain, the names of its expressions as
// the kernel gives them. The library leaves out those it cannot decode, so a rule
// that somebody narrowed with one of them would look untouched.
func partNames(netns int, t *nftables.Table, chain string) ([][]string, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	replies, err := dump(conn, unix.NFT_MSG_GETRULE, t.Family, text(unix.NFTA_RULE_TABLE, t.Name), text(unix.NFTA_RULE_CHAIN, chain))
	if err != nil {
		return nil, err
	}
	rules := make([][]string, len(replies))
	for i, m := range replies {
		if rules[i], err = namesOf(m.Data); err != nil {
			return nil, fmt.Errorf("rule %d of chain %s: %w", i+1, chain, err)
		}
	}
	return rules, nil
}

// namesOf reads the expressions' names out of one rule's message, whose header is
// complete.
func namesOf(b []byte) (names []string, err error) {
	rule, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return nil, err
	}
	for rule.Next() {
		if rule.Type() != unix.NFTA_RULE_EXPRESSIONS {
			continue
		}
		rule.Nested(func(list *netlink.AttributeDecoder) error {
			for list.Next() {
				list.Nested(func(part *netlink.AttributeDecoder) error {
					for part.Next() {
						if part.Type() == unix.NFTA_EXPR_NAME {
							names = append(names, part.String())
						}
					}
					return nil
				})
			}
			return nil
		})
	}
	return names, rule.Err()
}
