package daemon

import (
	"errors"
	"maps"
	"math"
	"time"

	"labelgate/internal/config"
	"labelgate/internal/links"
	"labelgate/internal/nft"
)

// ruleset is what the netfilter rules depend on besides the settings.
type ruleset struct {
	translates func() (where string, found bool, err error)

	narrowest  int               // smallest MTU of the ways out of zones that the rules know of
	noIngress  bool              // the kernel cannot filter by ethertype
	noEgress   bool              // the kernel cannot look at what leaves by an interface
	translated bool              // or not known
	unsure     string            // why it is not known whether destinations are translated
	known      map[string]uint32 // interfaces of zones, by index, when the rules were last as they should be
}

// plan is what netfilter has to know of a gateway on this machine.
func (d *daemon) plan(c *config.Config) nft.Plan {
	p := plan(c)
	p.NoIngress, p.NoEgress = d.guard.noIngress, d.guard.noEgress
	p.Narrowest = uint16(min(d.guard.narrowest, math.MaxUint16))
	return p
}

// narrow has the rules follow the MTUs of the zones' ways out.
func (d *daemon) narrow() {
	narrowest := narrowest(d.table, len(d.config.Zones))
	if narrowest == 0 || narrowest == d.guard.narrowest {
		return // where there is no way out, nothing is too large for it
	}
	known := d.guard.narrowest != 0
	d.guard.narrowest = narrowest
	p := d.plan(d.config)
	if known && d.guard.narrow(p) == nil {
		return
	}
	if _, err := d.lay(p); err != nil {
		d.Log.Error("the netfilter rules could not be told of another MTU; the next look at them tries again", "error", err.Error())
	}
}

// narrowest returns the smallest MTU of the zones' ways out, 0 when there are none.
func narrowest(t *links.Table, zones int) (mtu int) {
	for z := range zones {
		if n := t.MTU(uint8(z + 1)); n != 0 && (mtu == 0 || n < mtu) {
			mtu = n
		}
	}
	return mtu
}

// lay installs the rules of p, and says what of it this kernel cannot do.
func (d *daemon) lay(p nft.Plan) (nft.Report, error) {
	before := d.present()
	d.count() // a table that has to be replaced takes its counts along
	report, err := d.install(p)
	if err != nil {
		return report, err
	}
	d.guard.known = before
	d.guard.inPlace, d.guard.checked = true, time.Now()
	d.guard.restart()
	if !report.Ethertypes && !d.guard.noIngress {
		d.guard.noIngress = true
		d.Log.Warn("this kernel has no nf_tables of the netdev family (CONFIG_NF_TABLES_NETDEV): what comes from a zone and is neither IP nor ARP is not dropped")
	}
	if !report.Egress && !d.guard.noEgress {
		d.guard.noEgress = true
		d.Log.Warn("this kernel cannot look at packets as they leave (Linux 5.16, CONFIG_NETFILTER_EGRESS): what a flow table or a rule of the family netdev leads around the rules is not dropped")
	}
	return report, nil
}

// retranslate looks whether addresses are translated on this machine, and has
// packets judged accordingly: where destinations change behind PREROUTING only the
// source is judged there. Who cannot tell has to reckon with it.
func (d *daemon) retranslate() {
	g := &d.guard
	where, found, err := g.translates()
	before := g.unsure
	g.unsure = ""
	was := g.translated
	if g.translated = found || err != nil; g.translated != was {
		d.bench.SetTranslated(g.translated)
	}
	switch {
	case err != nil:
		if g.unsure = err.Error(); g.unsure != before {
			d.Log.Error("whether addresses are translated on this machine is not known; packets are judged again where they leave", "error", g.unsure)
		}
	case found && (!was || before != ""):
		d.Log.Info("addresses are translated on this machine: packets are judged again where they leave", "by", where)
	case !found && was:
		d.Log.Info("addresses are not translated on this machine any more")
	}
}

// present returns the interfaces of the zones that are there.
func (d *daemon) present() map[string]uint32 {
	all := make(map[string]uint32)
	for _, l := range d.table.Links() {
		all[l.Name] = l.Index
	}
	found := make(map[string]uint32)
	for _, z := range d.config.Zones {
		for _, name := range z.Interfaces {
			if index, ok := all[name]; ok {
				found[name] = index
			}
		}
	}
	return found
}

// moved reports whether interfaces of zones came or went since the rules were last
// looked at.
func (d *daemon) moved() bool { return !maps.Equal(d.guard.known, d.present()) }

// fresh returns the interfaces that came since, when that is all that err finds
// wrong with the rules. One that has been there all the time had its rules.
func (r *ruleset) fresh(err error, now map[string]uint32) []string {
	var drift *nft.DriftError
	if !errors.As(err, &drift) {
		return nil
	}
	names := drift.Appeared()
	for _, name := range names {
		if index, ok := r.known[name]; ok && index == now[name] {
			return nil
		}
	}
	return names
}
