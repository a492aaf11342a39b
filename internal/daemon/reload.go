package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/load"
	"labelgate/internal/manifest"
	"labelgate/internal/nft"
)

// collect reads the settings and all that they name once: what is checked here and
// what packets are judged by are the same bytes, whatever becomes of the files.
// before is the seal of the policy that it is to follow, nil at the start; owners are
// those whose files are taken besides root's and its own.
func collect(path string, before *manifest.Seal, owners []uint32) (*load.Bundle, *config.Config, error) {
	b, err := load.Options{Before: before, Owners: owners}.Collect(path)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.Config()
	return b, c, err
}

// reload builds a new policy aside and swaps it in whole. When anything is wrong
// with it the old one stays, and the error says what is wrong.
func (d *daemon) reload() error {
	d.notify(sd.SdNotifyReloading)
	defer d.ready()
	before := d.inForce
	err := d.replace()
	d.attempt = &control.Attempt{Time: time.Now(), Refused: err != nil, Generation: d.summary.Generation}
	if err != nil {
		d.attempt.Message = err.Error()
		d.Log.Error("reload refused, the policy before stays in force", "error", err.Error())
		d.records.Write(refused(before.summary.Generation, err))
		return err
	}
	d.Log.Info("reloaded", "generation", d.summary.Generation, "rules", d.summary.Rules, "hosts", d.summary.Hosts)
	d.records.Write(loaded(d.summary))
	return nil
}

// replace puts in force what the files say now, or nothing.
func (d *daemon) replace() error {
	bundle, next, err := collect(d.Config, &d.bundle.Seal, d.Owners)
	if err != nil {
		return err
	}
	summary, err := d.bench.Prepare(bundle, d.summary.Generation+1)
	if err != nil {
		return err
	}
	d.warn(summary)
	d.retranslate()
	d.pending = d.bound(next)
	if len(d.pending) > 0 {
		d.Log.Warn("changes of " + strings.Join(d.pending, ", ") + " need a restart and were not taken over")
	}
	stamp := newStamp(d.stamp)
	if !reflect.DeepEqual(plan(next), plan(d.config)) {
		err = d.rezone(next, stamp)
	} else {
		err = d.bench.Commit(stamp)
	}
	if err != nil {
		d.endUnsure(err)
		d.bench.Abort()
		return err
	}
	d.loaded = time.Now()
	d.inForce = inForce{config: next, bundle: bundle, summary: summary, stamp: stamp}
	d.look()
	d.narrow()
	d.register(next)
	d.admit()
	d.remember()
	return nil
}

// endUnsure ends a judge of which it is not known what it judges by: it was asked to
// put a policy in force and did not answer. Another begins with the one before.
func (d *daemon) endUnsure(err error) {
	if child := d.judges.child; child != nil && errors.Is(err, channel.ErrBroken) {
		child.Kill()
		<-child.Done()
	}
}

// bound takes back what was bound when the gateway was started, and names it.
func (d *daemon) bound(next *config.Config) (names []string) {
	now := d.config
	if next.Queue != now.Queue {
		names, next.Queue = append(names, "[queue]"), now.Queue
	}
	was := now.Audit
	was.Full = next.Audit.Full // whoever judges is told of that
	if next.Audit != was {
		names, next.Audit = append(names, "[audit]"), was
	}
	if next.Control.Socket != now.Control.Socket || next.Control.Group.Text != now.Control.Group.Text {
		names, next.Control.Socket, next.Control.Group = append(names, "[control]"), now.Control.Socket, now.Control.Group
	}
	if next.Metrics != now.Metrics {
		names, next.Metrics = append(names, "[metrics]"), now.Metrics
	}
	if next.Confinement != now.Confinement {
		names, next.Confinement = append(names, "confinement"), now.Confinement
	}
	return names
}

// rezone puts the zones of next in force, and the policy that was prepared right
// behind them: in between packets are judged by the old one and its numbers of
// zones. The kernel changes from the old rules to the new at one moment, and what
// waits in its queue stays there. A packet that was judged before and leaves after it
// carries the old number of its zone; where that now means another zone it is dropped
// and counted.
func (d *daemon) rezone(next *config.Config, stamp uint32) error {
	_, err := d.lay(d.plan(next))
	if err != nil {
		err = fmt.Errorf("netfilter rules: %w", err)
	} else if err = d.links.SetZones(judge.Interfaces(next)); err == nil {
		err = d.bench.Commit(stamp)
	}
	if err == nil {
		return nil
	}
	d.endUnsure(err)
	// What failed may have been the last look at rules that are in force already.
	d.links.SetZones(judge.Interfaces(d.config))
	if _, back := d.lay(d.plan(d.config)); back != nil {
		// Rules and policy differ in the numbers of zones now, so nothing passes.
		return fmt.Errorf("%w; and the netfilter rules before: %w", err, back)
	}
	return err
}

// plan is what netfilter has to know of a gateway.
func plan(c *config.Config) nft.Plan {
	p := nft.Plan{Queue: c.Queue.Number}
	switch c.Queue.Backend {
	case config.Native:
		p.Backend = nft.Native
	case config.Compat:
		p.Backend = nft.Compat
	}
	for i, z := range c.Zones {
		p.Zones = append(p.Zones, nft.Zone{Index: uint8(i + 1), Name: z.Name, Interfaces: z.Interfaces, Ethertypes: z.Ethertypes})
	}
	return p
}

func (d *daemon) warn(s judge.Summary) {
	for _, w := range s.Warnings {
		d.Log.Warn(w.Message, "file", w.File, "line", w.Line, "hint", w.Hint)
	}
}

// notify tells systemd, or whoever set NOTIFY_SOCKET, how the daemon is.
func (d *daemon) notify(message string) {
	if _, err := sd.SdNotify(false, message); err != nil {
		d.Log.Warn("sd_notify", "error", err)
	}
}

func (d *daemon) ready() {
	d.notify(fmt.Sprintf("%s\nSTATUS=judging packets of %d zones, %d rules, generation %d",
		sd.SdNotifyReady, d.summary.Zones, d.summary.Rules, d.summary.Generation))
}

// loaded is the record of a policy that is in force now.
func loaded(s judge.Summary) *audit.Record {
	return &audit.Record{Event: audit.EventPolicyLoaded, Generation: s.Generation, PolicyHash: digest(s.Digest)}
}

// refused is the record of a policy that was not taken; generation is that of the
// one that stays.
func refused(generation uint32, err error) *audit.Record {
	// The first line says what and where; the log has the rest.
	why, _, _ := strings.Cut(err.Error(), "\n")
	return &audit.Record{Event: audit.EventPolicyRefused, Action: audit.Denied, Generation: generation, Detail: why}
}

// admit tells the control process who may use its socket now.
func (d *daemon) admit() {
	if d.controlling.child == nil {
		return
	}
	access, err := d.access()
	if err == nil {
		if err = d.controlling.client.Call(verbAccess, access, nil, answerPatience); err != nil {
			// Who may no more must not be let in by one that does not listen; the next
			// begins with who may now.
			d.controlling.child.Kill()
		}
	}
	if err != nil {
		d.Log.Error("the control process was not told who may use its socket now", "error", err)
	}
}

// digest is that of a policy, none when its text is none.
func digest(text string) audit.Digest {
	d, _ := audit.ParseDigest(text)
	return d
}
