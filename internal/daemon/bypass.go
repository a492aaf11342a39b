package daemon

import (
	"errors"
	"fmt"

	"labelgate/internal/audit"
	"labelgate/internal/nft"
)

// bypasses are the ways around the rules that were found, and told of.
type bypasses struct {
	find  func(nft.Plan) ([]nft.Bypass, error)
	told  map[nft.Bypass]bool
	error string // why it is not known, as said last
}

// refuseBypasses returns an error when packets of zones are sure to go around the
// rules: a gateway that says it judges them must not start.
func (d *daemon) refuseBypasses() error {
	found, err := d.guard.find(d.plan(d.config))
	var wrong []error
	for _, b := range found {
		if b.Grave {
			wrong = append(wrong, fmt.Errorf("packets of zones go around the gateway: %s", b.What))
		}
	}
	if len(wrong) == 0 && err != nil {
		d.Log.Warn("not all ways around the gateway could be looked for", "error", err)
	}
	return errors.Join(wrong...)
}

// circumvented looks for ways around the rules, and records each that is new.
func (d *daemon) circumvented() {
	g := &d.guard.bypasses
	found, err := g.find(d.plan(d.config))
	now := make(map[nft.Bypass]bool)
	for _, b := range found {
		now[b] = true
		if g.told[b] {
			continue
		}
		d.records.Write(&audit.Record{Event: audit.EventRulesChanged, Action: audit.Denied, Reason: audit.ReasonBypass, Netif: b.Interface, Detail: b.Kind.String() + ": " + b.What})
		if b.Grave {
			d.Log.Error("packets of zones go around the gateway", "by", b.Kind.String(), "interface", b.Interface, "what", b.What)
		} else {
			d.Log.Warn("packets of zones may go around the gateway", "by", b.Kind.String(), "interface", b.Interface, "what", b.What)
		}
	}
	if err == nil {
		for b := range g.told {
			if !now[b] {
				d.Log.Info("a way around the gateway is closed", "by", b.Kind.String(), "what", b.What)
			}
		}
		g.told, g.error = now, ""
		return
	}
	for b := range now { // what could not be looked at may still be there
		if g.told == nil {
			g.told = now
		}
		g.told[b] = true
	}
	if said := err.Error(); said != g.error {
		g.error = said
		d.Log.Warn("not all ways around the gateway could be looked for", "error", said)
	}
}

// open reports whether packets are sure to go around the rules.
func (b *bypasses) open() bool {
	for found := range b.told {
		if found.Grave {
			return true
		}
	}
	return false
}
