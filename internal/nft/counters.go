package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Counters counts packets that the rules dropped since they were installed.
// Nobody else saw them.
type Counters struct {
	// Unjudged counts IPv4 packets that were to leave to a zone without having
	// been judged for it, and fragments that came from elsewhere under the address
	// of a zone's host.
	Unjudged uint64
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
	c, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		return Counters{}, fmt.Errorf("nft: counters of table %s: %w", table, err)
	}
	var sum Counters
	for family, n := range map[nftables.TableFamily]*uint64{
		nftables.TableFamilyIPv4:   &sum.Unjudged,
		nftables.TableFamilyIPv6:   &sum.IPv6,
		nftables.TableFamilyNetdev: &sum.Ethertype,
	} {
		if err := addCounters(c, &nftables.Table{Family: family, Name: table}, n); err != nil {
			return Counters{}, fmt.Errorf("nft: counters of table %s: %w%s", table, err, advice(err))
		}
	}
	return sum, nil
}

func addCounters(c *nftables.Conn, t *nftables.Table, sum *uint64) error {
	chains, err := c.ListChainsOfTableFamily(t.Family)
	if err != nil {
		return err
	}
	for _, ch := range chains {
		if ch.Table.Name != t.Name {
			continue
		}
		rules, err := c.GetRules(t, ch)
		if err != nil {
			return err
		}
		for _, r := range rules {
			for _, e := range r.Exprs {
				if n, ok := e.(*expr.Counter); ok {
					*sum += n.Packets
				}
			}
		}
	}
	return nil
}
