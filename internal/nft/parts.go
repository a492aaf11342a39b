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
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_RULE_TABLE, Data: append([]byte(t.Name), 0)},
		{Type: unix.NFTA_RULE_CHAIN, Data: append([]byte(chain), 0)},
	})
	if err != nil {
		return nil, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: append([]byte{byte(t.Family), unix.NFNETLINK_V0, 0, 0}, attrs...),
	})
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

// namesOf reads the expressions' names out of one rule's message.
func namesOf(b []byte) (names []string, err error) {
	const header = 4 // struct nfgenmsg
	if len(b) < header {
		return nil, fmt.Errorf("message of %d bytes", len(b))
	}
	rule, err := netlink.NewAttributeDecoder(b[header:])
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
