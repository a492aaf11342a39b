package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Counters counts packets that the rules dropped since they were installed.
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
	var sum Counters
	for family, n := range map[nftables.TableFamily]*uint64{
		nftables.TableFamilyIPv4:   &sum.Unjudged,
		nftables.TableFamilyIPv6:   &sum.IPv6,
		nftables.TableFamilyNetdev: &sum.Ethertype,
	} {
		rules, err := kernelRules(conn, family, table)
		if err != nil {
			return Counters{}, fmt.Errorf("nft: counters of table %s: %w%s", table, err, advice(err))
		}
		for i := range rules {
			if family == nftables.TableFamilyNetdev && rules[i].chain == leavesChain {
				sum.Around += rules[i].packets
			} else {
				*n += rules[i].packets
			}
		}
	}
	return sum, nil
}
