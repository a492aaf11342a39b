package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernelRule is what the kernel tells of a rule and the library leaves out or makes
// much of.
type kernelRule struct {
	chain string
	parts []string // names of its expressions, of those too that the library does not know
	leads string   // the chain that it goes on in without coming back, "" for none
}

// kernelRules returns the rules of a table, chain by chain in their order. There are
// none if there is no such table.
func kernelRules(conn *netlink.Conn, family nftables.TableFamily, table string) ([]kernelRule, error) {
	replies, err := dump(conn, unix.NFT_MSG_GETRULE, family, text(unix.NFTA_RULE_TABLE, table))
	if err != nil {
		return nil, err
	}
	rules := make([]kernelRule, len(replies))
	for i, m := range replies {
		if err := rules[i].decode(m.Data); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return rules, nil
}

// rulesByChain returns the rules of a table by their chains.
func rulesByChain(netns int, family nftables.TableFamily, table string) (map[string][]kernelRule, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	rules, err := kernelRules(conn, family, table)
	if err != nil {
		return nil, err
	}
	byChain := make(map[string][]kernelRule)
	for _, r := range rules {
		byChain[r.chain] = append(byChain[r.chain], r)
	}
	return byChain, nil
}

// decode reads one rule's message, whose header is complete.
func (r *kernelRule) decode(b []byte) error {
	rule, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return err
	}
	for rule.Next() {
		switch rule.Type() {
		case unix.NFTA_RULE_CHAIN:
			r.chain = rule.String()
		case unix.NFTA_RULE_EXPRESSIONS:
			rule.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(r.decodePart)
				}
				return nil
			})
		}
	}
	return rule.Err()
}

// decodePart reads one expression. The kernel sends its name first.
func (r *kernelRule) decodePart(part *netlink.AttributeDecoder) error {
	name := ""
	for part.Next() {
		switch part.Type() {
		case unix.NFTA_EXPR_NAME:
			name = part.String()
			r.parts = append(r.parts, name)
		case unix.NFTA_EXPR_DATA:
			if name == "immediate" {
				part.Nested(r.decodeImmediate)
			}
		}
	}
	return nil
}

func (r *kernelRule) decodeImmediate(immediate *netlink.AttributeDecoder) error {
	for immediate.Next() {
		if immediate.Type() == unix.NFTA_IMMEDIATE_DATA {
			immediate.Nested(func(data *netlink.AttributeDecoder) error {
				for data.Next() {
					if data.Type() == unix.NFTA_DATA_VERDICT {
						data.Nested(r.decodeVerdict)
					}
				}
				return nil
			})
		}
	}
	return nil
}

// decodeVerdict reads a verdict. The kernel sends its code first.
func (r *kernelRule) decodeVerdict(verdict *netlink.AttributeDecoder) error {
	verdict.ByteOrder = binary.BigEndian
	var code int32
	for verdict.Next() {
		switch verdict.Type() {
		case unix.NFTA_VERDICT_CODE:
			code = int32(verdict.Uint32())
		case unix.NFTA_VERDICT_CHAIN:
			if code == unix.NFT_GOTO {
				r.leads = verdict.String()
			}
		}
	}
	return nil
}
