package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Counters counts packets that the rules dropped since their tables were made.
// Nobody else saw them.
type Counters struct {
	// Unjudged counts IPv4 packets that were to leave to a zone without having
	// been judged for it, and fragments that came from elsewhere under the address
	// of a zone's host.
	Unjudged uint64
	// Around counts IPv4 and IPv6 packets that something led around the rules to an
	// interface of a zone.
	Around uint64
	// IPv6 counts all IPv6 packets from and to zones.
	IPv6 uint64
	// Ethertype counts frames from zones that hold neither IP nor ARP nor what
	// their zone admits besides.
	Ethertype uint64
}

// The names of the counters in the kernel. They are objects of their tables and not
// parts of rules, so that rules can be renewed while they go on counting.
const (
	counterUnjudged  = "unjudged"
	counterAround    = "around"
	counterIPv6      = "ipv6"
	counterEthertype = "ethertype"
	counterClosed    = "closed" // of CloseForwarding; nobody reads it
)

// ReadCounters reads the counters of the tables with this name, DefaultTable if
// empty, in the namespace of the descriptor netns, 0 for the calling thread's.
func ReadCounters(table string, netns int) (Counters, error) {
	if table == "" {
		table = DefaultTable
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return Counters{}, fmt.Errorf("nft: counters of table %s: %w", table, err)
	}
	defer conn.Close()
	packets := make(map[string]uint64)
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6, nftables.TableFamilyNetdev} {
		replies, err := dump(conn, unix.NFT_MSG_GETOBJ, family, text(unix.NFTA_OBJ_TABLE, table))
		if err != nil {
			return Counters{}, fmt.Errorf("nft: counters of table %s: %w%s", table, err, advice(err))
		}
		for _, m := range replies {
			var c kernelCounter
			if err := c.decode(m.Data); err != nil {
				return Counters{}, fmt.Errorf("nft: counters of table %s: %w", table, err)
			}
			if c.table == table { // older kernels may tell of all
				packets[c.name] += c.packets
			}
		}
	}
	return Counters{
		Unjudged:  packets[counterUnjudged],
		Around:    packets[counterAround],
		IPv6:      packets[counterIPv6],
		Ethertype: packets[counterEthertype],
	}, nil
}

// kernelCounter is a counter of a table as the kernel tells of it. Objects of other
// kinds have no packets.
type kernelCounter struct {
	table, name string
	packets     uint64
}

// decode reads a message whose header is complete. The kernel sends the kind before
// the data.
func (c *kernelCounter) decode(b []byte) error {
	attrs, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return err
	}
	attrs.ByteOrder = binary.BigEndian
	counts := false
	for attrs.Next() {
		switch attrs.Type() {
		case unix.NFTA_OBJ_TABLE:
			c.table = attrs.String()
		case unix.NFTA_OBJ_NAME:
			c.name = attrs.String()
		case unix.NFTA_OBJ_TYPE:
			counts = attrs.Uint32() == unix.NFT_OBJECT_COUNTER
		case unix.NFTA_OBJ_DATA:
			if counts {
				attrs.Nested(c.decodeCounts)
			}
		}
	}
	return attrs.Err()
}

func (c *kernelCounter) decodeCounts(counts *netlink.AttributeDecoder) error {
	counts.ByteOrder = binary.BigEndian
	for counts.Next() {
		if counts.Type() == unix.NFTA_COUNTER_PACKETS {
			c.packets = counts.Uint64()
		}
	}
	return nil
}
