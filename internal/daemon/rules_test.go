package daemon

import (
	"errors"
	"strings"
	"testing"

	"labelgate/internal/links"
	"labelgate/internal/nft"
)

// TestTranslationChangesTheRules: when destinations begin to be translated the
// rules follow once, and again when that ends; who cannot look reckons with it.
func TestTranslationChangesTheRules(t *testing.T) {
	const dnat = "chain dnat of table ip nat"
	failed := errors.New("not permitted")
	d, log, _, plans := newDaemon(t, write(t, settings, rules, hosts))
	var where string
	var err error
	d.guard.translates = func() (string, bool, error) { return where, where != "", err }
	steps := []struct {
		name    string
		where   string
		err     error
		do      func()
		recheck bool
		plans   int    // in all
		log     string // said once so far, in all
	}{
		{"none", "", nil, d.watch, false, 0, ""},
		{"found", dnat, nil, d.watch, true, 1, `again where they leave" by="` + dnat},
		{"still there", dnat, nil, d.watch, true, 1, `again where they leave" by="` + dnat},
		{"still there at a reload", dnat, nil, d.reload, true, 1, `again where they leave" by="` + dnat},
		{"gone", "", nil, d.watch, false, 2, "not translated on this machine any more"},
		{"not known", "", failed, d.watch, true, 3, "is not known"},
		{"still not known", "", failed, d.watch, true, 3, "is not known"},
		{"known to be there", "other", nil, d.watch, true, 3, "by=other"},
		{"gone at a reload", "", nil, d.reload, false, 4, "msg=reloaded generation=3"},
	}
	for _, s := range steps {
		where, err = s.where, s.err
		s.do()
		if len(*plans) != s.plans || s.plans > 0 && (*plans)[s.plans-1].Recheck != s.recheck {
			t.Fatalf("%s: netfilter was told %+v", s.name, *plans)
		}
		if d.plan(d.live.load().gateway).Recheck != s.recheck {
			t.Errorf("%s: the plan is to recheck: %v", s.name, !s.recheck)
		}
		if s.log != "" && strings.Count(log.String(), s.log) != 1 {
			t.Errorf("%s: %q not said once in\n%s", s.name, s.log, log)
		}
	}
}

// TestTranslationIsTriedAgain: rules that could not be exchanged are not taken for
// those in force.
func TestTranslationIsTriedAgain(t *testing.T) {
	d, log, _, plans := newDaemon(t, write(t, settings, rules, hosts))
	d.guard.translates = func() (string, bool, error) { return "dnat", true, nil }
	install := d.install
	d.install = func(nft.Plan) (nft.Report, error) { return nft.Report{}, errors.New("busy") }
	d.retranslate()
	if !strings.Contains(log.String(), "busy") || d.guard.recheck {
		t.Errorf("recheck %v, log %s", d.guard.recheck, log)
	}
	d.install = install
	d.retranslate()
	if len(*plans) != 1 || !(*plans)[0].Recheck {
		t.Errorf("netfilter was told %+v", *plans)
	}
}

// TestKernelWithoutIngress: what the kernel cannot do is said once and not asked of
// it again.
func TestKernelWithoutIngress(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	var plans []nft.Plan
	d.install = func(p nft.Plan) (nft.Report, error) { plans = append(plans, p); return nft.Report{}, nil }
	for range 2 {
		if _, err := d.lay(d.plan(d.live.load().gateway)); err != nil {
			t.Fatal(err)
		}
	}
	if len(plans) != 2 || plans[0].NoIngress || !plans[1].NoIngress {
		t.Errorf("netfilter was told %+v", plans)
	}
	if n := strings.Count(log.String(), "NF_TABLES_NETDEV"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log)
	}
}

// TestInterfaceAppears: a new interface without rules is nobody's fault; an old one
// without rules is.
func TestInterfaceAppears(t *testing.T) {
	red, redAgain, gray := links.Link{Index: redIf, Name: "red0", Zone: 1}, links.Link{Index: 99, Name: "red0", Zone: 1}, links.Link{Index: grayIf, Name: "gray0", Zone: 3}
	bare := func(names ...string) error {
		return &nft.DriftError{Found: make([]string, len(names)), Bare: names}
	}
	tests := []struct {
		name     string
		now      []links.Link // before there was red0
		err      error
		appeared bool
	}{
		{"one more", []links.Link{red, gray}, bare("gray0"), true},
		{"one that the links do not show yet", []links.Link{red}, bare("gray0"), true},
		{"another of the name", []links.Link{redAgain}, bare("red0"), true},
		{"the one that was there", []links.Link{red}, bare("red0"), false},
		{"both", []links.Link{red, gray}, bare("gray0", "red0"), false},
		{"more is wrong", []links.Link{red, gray}, &nft.DriftError{Found: []string{"", "a rule"}, Bare: []string{"gray0"}}, false},
		{"something else", []links.Link{red}, errors.New("broken"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, log, records, plans := newDaemon(t, write(t, settings, rules, hosts))
			see := func(all ...links.Link) {
				d.links.(*fakeLinks).set(all...)
				now := d.live.load()
				d.live.store(newState(now.gateway, d.links, d.counters, now.stamp))
			}
			see(red)
			d.watch()
			see(tt.now...)
			d.guard.check = func(nft.Plan) error { return tt.err }
			d.watch()
			d.sink.Flush()
			if len(*plans) != 1 {
				t.Errorf("installed %d times, want once", len(*plans))
			}
			if got := strings.Contains(records.String(), "rules_changed"); got == tt.appeared || got != strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("records %s\nlog %s", records, log)
			}
		})
	}
}

// TestNewInterfaceIsNotKeptWaiting: when an interface of a zone comes, the rules
// are looked at without waiting for the next second, and else they are not.
func TestNewInterfaceIsNotKeptWaiting(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	d.watch()
	looked := 0
	d.guard.check = func(nft.Plan) error { looked++; return nil }
	for _, step := range []struct {
		name  string
		links []links.Link
		want  int
	}{
		{"one went", []links.Link{{Index: redIf, Name: "red0", Zone: 1}}, 1},
		{"another of no zone came", []links.Link{{Index: redIf, Name: "red0", Zone: 1}, {Index: 98, Name: "veth0"}}, 1},
		{"one came", []links.Link{{Index: redIf, Name: "red0", Zone: 1}, {Index: 99, Name: "gray0", Zone: 3}}, 2},
	} {
		d.links.(*fakeLinks).set(step.links...)
		if d.relink(); looked != step.want {
			t.Errorf("%s: looked %d times, want %d", step.name, looked, step.want)
		}
	}
}
