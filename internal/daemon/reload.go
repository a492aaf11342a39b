package daemon

import (
	"fmt"
	"reflect"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"labelgate/internal/load"
)

// reload builds a new snapshot aside and swaps it in whole. When anything is
// wrong with it the old one stays, and the log says what is wrong.
func (d *daemon) reload() {
	now := d.live.load()
	d.notify(sd.SdNotifyReloading)
	defer func() { d.ready(d.live.load().gateway) }()
	next, err := load.Load(d.Config, d.generation+1)
	if err != nil {
		d.Log.Error("reload refused, the policy before stays in force", "error", err.Error())
		return
	}
	d.warn(next)
	d.retranslate()
	if next.Config.Queue != now.gateway.Config.Queue || next.Config.Audit != now.gateway.Config.Audit {
		d.Log.Warn("changes of [queue] and [audit] need a restart and were not taken over")
		next.Config.Queue, next.Config.Audit = now.gateway.Config.Queue, now.gateway.Config.Audit
	}
	if !reflect.DeepEqual(plan(next), plan(now.gateway)) {
		if err := d.rezone(next, now.gateway); err != nil {
			d.Log.Error("reload refused, the policy before stays in force", "error", err.Error())
			return
		}
	}
	d.generation++
	d.live.store(newState(next, d.links, d.counters, newStamp(now.stamp)))
	d.inspect(d.live.load().links)
	d.narrow()
	d.register(next.Config)
	d.Log.Info("reloaded", "generation", d.generation, "rules", next.Snapshot.Policy().RuleCount(), "hosts", next.Snapshot.Entries())
}

// rezone puts the zones of next in force in place of those of now. The policy
// must follow at once: until then packets are judged by the old one and its
// numbers of zones. The kernel changes from the old rules to the new at one
// moment. A packet that was judged before and leaves after it carries the old
// number of its zone; where that now means another zone it is dropped.
func (d *daemon) rezone(next, now *load.Gateway) error {
	_, err := d.lay(d.plan(next))
	if err != nil {
		err = fmt.Errorf("netfilter rules: %w", err)
	} else if err = d.links.SetZones(interfaces(next.Config)); err == nil {
		return nil
	}
	// What failed may have been the last look at rules that are in force already.
	if _, back := d.lay(d.plan(now)); back != nil {
		// Rules and policy differ in the numbers of zones now, so nothing passes.
		return fmt.Errorf("%w; and the netfilter rules before: %w", err, back)
	}
	return err
}

// notify tells systemd, or whoever set NOTIFY_SOCKET, how the daemon is.
func (d *daemon) notify(message string) {
	if _, err := sd.SdNotify(false, message); err != nil {
		d.Log.Warn("sd_notify", "error", err)
	}
}

func (d *daemon) ready(g *load.Gateway) {
	d.notify(fmt.Sprintf("%s\nSTATUS=judging packets of %d zones, %d rules, generation %d",
		sd.SdNotifyReady, g.Snapshot.Zones(), g.Snapshot.Policy().RuleCount(), g.Snapshot.Generation()))
}
