package nft

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
)

// errOtherRules says that the rules are not those of the plan in more than one
// figure.
var errOtherRules = errors.New("the rules are others")

// Narrow has the rules that are in force for a plan follow its Narrowest, which was
// not 0 before and is not now. Nothing else is touched: to put all rules anew, as
// Install would, costs packets that are on their way between two hooks.
func Narrow(p Plan) error {
	p, err := p.complete()
	if err != nil {
		return err
	}
	c, err := nftables.New(nftables.WithNetNSFd(p.NetNS))
	if err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	kt := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: p.Table}
	chain := &nftables.Chain{Table: kt, Name: "prerouting"}
	got, err := c.GetRules(kt, chain)
	if err != nil {
		return fmt.Errorf("nft: read table %s: %w%s", p.Table, err, advice(err))
	}
	backends := []Backend{p.Backend}
	if p.Backend == Auto {
		backends = []Backend{Native, Compat}
	}
	for _, b := range backends {
		want := prerouting(toQueue(b, p.Queue), p.Narrowest)
		last := len(want) - 1
		if p.Narrowest == 0 || len(got) != len(want) || differ(byte(kt.Family), want[0].exprs, got[0].Exprs) != "" {
			break
		}
		// What is queued like that elsewhere is queued by this backend.
		if differ(byte(kt.Family), want[2].exprs, got[2].Exprs) != "" {
			continue
		}
		c.ReplaceRule(&nftables.Rule{Table: kt, Chain: chain, Handle: got[last].Handle, Exprs: want[last].exprs})
		if err := c.Flush(); err != nil {
			return fmt.Errorf("nft: table %s: %w%s", p.Table, err, advice(err))
		}
		return nil
	}
	return fmt.Errorf("nft: table %s: %w", p.Table, errOtherRules)
}
