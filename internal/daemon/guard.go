package daemon

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/links"
	"labelgate/internal/nft"
)

// guard looks after what the gateway rests on and does not own: the rules in the
// kernel, which any other program may flush, and the links of its zones, which a
// bridge may take away from under their names.
type guard struct {
	check    func(nft.Plan) error
	narrow   func(nft.Plan) error
	shut     func() error // forwarding, until the rules are in place
	counters func() (nft.Counters, error)
	ruleset
	bypasses

	inPlace bool      // the rules, when they were last looked at
	checked time.Time // when that was
	changed uint64    // how often somebody had changed them
	blind   string    // why they cannot be looked at, as said last

	unjudged, ipv6, around, ethertype uint64 // as netfilter last said
	total                             uint64
	totals                            map[string]uint64 // by reason
	alarms                            map[string]string // by interface
}

// guardInterval is how often the rules are looked at.
const guardInterval = time.Second

// retryInterval is how long a judge that could not be started is waited for. What is
// wrong is most likely the policy, which somebody is writing.
const retryInterval = 500 * time.Millisecond

// watch puts the rules back when they are not as they were installed, and
// records what they dropped without asking.
func (d *daemon) watch() {
	g := &d.guard
	d.retranslate()
	d.circumvented()
	p := d.plan(d.config)
	now := d.present()
	err := g.check(p)
	if blind(err) {
		// They are not known to be wrong. The watchdog does not wait for long.
		if said := err.Error(); said != g.blind {
			g.blind = said
			d.Log.Error("the netfilter rules cannot be looked at", "error", said)
		}
		return
	}
	g.blind = ""
	g.inPlace, g.checked = err == nil, time.Now()
	if err != nil {
		if appeared := g.fresh(err, now); appeared != nil {
			d.Log.Info("interfaces of zones appeared; what comes in by them is filtered from now on", "interfaces", strings.Join(appeared, " "))
		} else {
			g.changed++
			d.Log.Error("the netfilter rules were changed by somebody else and are put back", "found", err.Error())
			d.records.Write(&audit.Record{Event: audit.EventRulesChanged, Action: audit.Denied, Reason: audit.ReasonDrift, Count: 1})
		}
		if _, err := d.lay(p); err != nil {
			d.Log.Error("the netfilter rules could not be put back; nothing is forwarded until they are", "error", err.Error())
			// By another table, which whoever holds ours may not know of.
			if err := g.shut(); err != nil {
				d.Log.Error("forwarding could not be closed; unjudged packets may pass", "error", err.Error())
			}
			return
		}
		g.inPlace = true
		return
	}
	g.known = now
	d.count()
}

// blind reports whether an error is about this machine's means, and not about rules.
func blind(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// count records what the rules dropped since it was called before.
func (d *daemon) count() {
	g := &d.guard
	if now, err := g.counters(); err == nil {
		g.rose(d, &g.unjudged, now.Unjudged, audit.ReasonUnjudged)
		g.rose(d, &g.ipv6, now.IPv6, audit.ReasonIPv6)
		g.rose(d, &g.around, now.Around, audit.ReasonBypass)
		// An interface that goes takes its count along on older kernels.
		g.ethertype = min(g.ethertype, now.Ethertype)
		g.rose(d, &g.ethertype, now.Ethertype, audit.ReasonEthertype)
	}
}

// read returns the counts of the rules as they were last read.
func (g *guard) read() nft.Counters {
	return nft.Counters{Unjudged: g.unjudged, IPv6: g.ipv6, Around: g.around, Ethertype: g.ethertype}
}

// resume goes on where another program had come to.
func (g *guard) resume(c nft.Counters) {
	g.unjudged, g.ipv6, g.around, g.ethertype = c.Unjudged, c.IPv6, c.Around, c.Ethertype
}

// restart follows an installation: tables that it replaced count anew. Those whose
// rules it only renewed go on.
func (g *guard) restart() {
	now, err := g.counters()
	if err != nil {
		return
	}
	for _, c := range []struct {
		before *uint64
		now    uint64
	}{{&g.unjudged, now.Unjudged}, {&g.ipv6, now.IPv6}, {&g.around, now.Around}, {&g.ethertype, now.Ethertype}} {
		if c.now < *c.before {
			*c.before = 0
		}
	}
}

func (g *guard) rose(d *daemon, before *uint64, now uint64, reason string) {
	lost := risen(before, now)
	if lost == 0 {
		return
	}
	g.total += lost
	if g.totals == nil {
		g.totals = make(map[string]uint64)
	}
	g.totals[reason] += lost
	d.records.Write(&audit.Record{Event: audit.EventFiltered, Action: audit.Denied, Reason: reason, Verdict: "drop", Count: lost})
}

// appendSummary appends a line for people, none when nothing was dropped.
func (g *guard) appendSummary(b []byte) []byte {
	if g.total == 0 {
		return b
	}
	return fmt.Appendf(b, "dropped by netfilter without having been judged: %d\n", g.total)
}

// inspect looks at the links of the zones, and says what is wrong with one
// when that changes.
func (d *daemon) inspect(t *links.Table) {
	wrong := unguarded(d.config, t)
	for name, what := range wrong {
		if d.guard.alarms[name] != what {
			d.Log.Error(what)
		}
	}
	for name := range d.guard.alarms {
		if wrong[name] == "" {
			d.Log.Info("the interface is as it should be again", "interface", name)
		}
	}
	d.guard.alarms = wrong
}

// unguarded says of each interface of a zone why its packets do not meet the
// rules that name it.
func unguarded(c *config.Config, t *links.Table) map[string]string {
	wrong := make(map[string]string)
	byName := make(map[string]links.Link)
	byIndex := make(map[uint32]links.Link)
	for _, l := range t.Links() {
		byName[l.Name], byIndex[l.Index] = l, l
	}
	for _, z := range c.Zones {
		for _, name := range z.Interfaces {
			switch l, ok := byName[name]; {
			case !ok:
				wrong[name] = fmt.Sprintf("zone %s: there is no interface %s", z.Name, name)
			case l.Master != 0:
				wrong[name] = fmt.Sprintf("zone %s: the packets of interface %s come in by %s, which is not guarded; name that one in the zone", z.Name, name, byIndex[l.Master].Name)
			}
		}
	}
	return wrong
}

// refuseMasters returns an error when an interface of a zone is a part of another:
// rules that name it would never meet a packet.
func refuseMasters(c *config.Config, t *links.Table) error {
	master := make(map[string]bool)
	for _, l := range t.Links() {
		master[l.Name] = l.Master != 0
	}
	wrong := unguarded(c, t)
	for _, z := range c.Zones {
		for _, name := range z.Interfaces {
			if master[name] {
				return fmt.Errorf("%s", wrong[name])
			}
		}
	}
	return nil
}
