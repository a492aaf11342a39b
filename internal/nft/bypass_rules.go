package nft

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// foreignRule is what somebody else's rule does that concerns us.
type foreignRule struct {
	table, chain string
	redirects    string // how frames are handed to another interface, "" if they are not
	queues       bool
	first, last  uint16 // of the queues, valid iff queues
}

// Attributes of linux/netfilter/nf_tables.h.
const (
	queueNumber = 1 // NFTA_QUEUE_NUM
	queueTotal  = 2
	targetInfoA = 3 // NFTA_TARGET_INFO
)

// rules looks at all rules but ours. Those that belong to no hook are looked at like
// the others: somebody may jump to them.
func (s *search) rules() error {
	chains, err := listChains(s.plan.NetNS, nftables.TableFamilyUnspecified)
	if err != nil {
		return err
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: s.plan.NetNS})
	if err != nil {
		return err
	}
	defer conn.Close()
	replies, err := dump(conn, unix.NFT_MSG_GETRULE, nftables.TableFamilyUnspecified)
	if err != nil {
		return err
	}
	for _, m := range replies {
		var r foreignRule
		if err := r.decode(m.Data); err != nil {
			return err
		}
		family := nftables.TableFamily(m.Data[0])
		if s.ours(r.table) || r.redirects == "" && !r.queues {
			continue
		}
		if r.queues && r.first <= s.plan.Queue && s.plan.Queue <= r.last {
			s.add(QueueRule, false, "", "a rule in chain %s of table %s %s hands packets to our queue %d", r.chain, familyName(family), r.table, s.plan.Queue)
		}
		if r.redirects != "" && family == nftables.TableFamilyNetdev {
			s.redirecting(&r, chains)
		}
	}
	return nil
}

// redirecting tells of a rule that hands frames on. In other families than netdev the
// packet goes through OUTPUT, where it is judged.
func (s *search) redirecting(r *foreignRule, chains []kernelChain) {
	var devices []string
	for _, c := range chains {
		if c.family == nftables.TableFamilyNetdev && c.table == r.table && (c.name == r.chain || !slices.ContainsFunc(chains, func(o kernelChain) bool {
			return o.family == c.family && o.table == c.table && o.name == r.chain && o.base
		})) {
			devices = append(devices, c.devices...)
		}
	}
	f := flowtable{devices: devices}
	zoned := false
	for device, place := range s.places {
		if f.has(device) {
			zoned = true
			s.add(FrameRule, true, place.of, "a rule (%s) in chain %s of table netdev %s hands frames of %s to another", r.redirects, r.chain, r.table, s.describe(device))
		}
	}
	if !zoned {
		s.add(FrameRule, false, "", "a rule (%s) in chain %s of table netdev %s hands frames to another interface", r.redirects, r.chain, r.table)
	}
}

// decode reads a message whose header is complete.
func (r *foreignRule) decode(b []byte) error {
	rule, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return err
	}
	for rule.Next() {
		switch rule.Type() {
		case unix.NFTA_RULE_TABLE:
			r.table = rule.String()
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
func (r *foreignRule) decodePart(part *netlink.AttributeDecoder) error {
	name := ""
	for part.Next() {
		switch part.Type() {
		case unix.NFTA_EXPR_NAME:
			if name = part.String(); name == "fwd" || name == "dup" {
				r.redirects = name
			}
		case unix.NFTA_EXPR_DATA:
			switch name {
			case "queue":
				part.Nested(r.decodeQueue)
			case "target":
				part.Nested(r.decodeTarget)
			}
		}
	}
	return nil
}

// decodeQueue reads nf_tables' own expression. One without a number takes it out of a
// register, where any may be.
func (r *foreignRule) decodeQueue(data *netlink.AttributeDecoder) error {
	data.ByteOrder = binary.BigEndian
	numbered, total := false, uint16(1)
	for data.Next() {
		switch data.Type() {
		case queueNumber:
			numbered, r.first = true, data.Uint16()
		case queueTotal:
			total = max(data.Uint16(), 1)
		}
	}
	r.queues, r.last = true, r.first+total-1
	if !numbered {
		r.first, r.last = 0, 65535
	}
	return nil
}

// decodeTarget reads a target of xtables: the number of the first queue comes first in
// all revisions of NFQUEUE, and how many there are next from revision 1 on.
func (r *foreignRule) decodeTarget(data *netlink.AttributeDecoder) error {
	name := ""
	for data.Next() {
		switch data.Type() {
		case unix.NFTA_TARGET_NAME:
			name = data.String()
		case targetInfoA:
			info := data.Bytes()
			if name != "NFQUEUE" || len(info) < 2 {
				continue
			}
			r.queues, r.first = true, binary.NativeEndian.Uint16(info)
			r.last = r.first
			if len(info) >= 4 {
				r.last += max(binary.NativeEndian.Uint16(info[2:]), 1) - 1
			}
		}
	}
	return nil
}
