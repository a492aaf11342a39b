package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"labelgate/internal/links"
	"labelgate/internal/mark"
	"labelgate/internal/nft"
	"labelgate/internal/queue"
)

// TestTranslation: when addresses begin to be translated only sources are judged at
// PREROUTING, until that ends; who cannot look reckons with it.
func TestTranslation(t *testing.T) {
	const dnat = "chain dnat of table ip nat"
	failed := errors.New("not permitted")
	d, log, _, plans := newDaemon(t, write(t, settings, rules, hosts))
	var where string
	var err error
	d.guard.translates = func() (string, bool, error) { return where, where != "", err }
	reload := func() { d.reload() }
	steps := []struct {
		name       string
		where      string
		err        error
		do         func()
		translated bool
		log        string // said once so far, in all
	}{
		{"none", "", nil, d.watch, false, ""},
		{"found", dnat, nil, d.watch, true, `again where they leave" by="` + dnat},
		{"still there", dnat, nil, d.watch, true, `again where they leave" by="` + dnat},
		{"still there at a reload", dnat, nil, reload, true, `again where they leave" by="` + dnat},
		{"gone", "", nil, d.watch, false, "not translated on this machine any more"},
		{"not known", "", failed, d.watch, true, "is not known"},
		{"still not known", "", failed, d.watch, true, "is not known"},
		{"known to be there", "other", nil, d.watch, true, "by=other"},
		{"gone at a reload", "", nil, reload, false, "msg=reloaded generation=3"},
	}
	for _, s := range steps {
		where, err = s.where, s.err
		s.do()
		if d.guard.translated != s.translated {
			t.Errorf("%s: translated %v", s.name, d.guard.translated)
		}
		if s.log != "" && strings.Count(log.String(), s.log) != 1 {
			t.Errorf("%s: %q not said once in\n%s", s.name, s.log, log)
		}
	}
	if len(*plans) != 0 {
		t.Errorf("netfilter was told %+v", *plans)
	}
	p := packet(t, red1, grayNone, foo3)
	for where = range map[string]bool{"": true, dnat: true} {
		d.watch()
		v := handle(d, queue.Packet{Hook: queue.Prerouting, Protocol: 0x0800, In: redIf, Payload: p})
		if v.Accept != (where == dnat) || v.Accept && (!mark.Mark(v.Mark).IsPending() || mark.Mark(v.Mark).Zone() != 0) {
			t.Errorf("translated by %q: accept %v, mark %#x", where, v.Accept, v.Mark)
		}
	}
}

// TestKernelWithoutIngress: what the kernel cannot do is said once and not asked of
// it again.
func TestKernelWithoutIngress(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	var plans []nft.Plan
	d.install = func(p nft.Plan) (nft.Report, error) { plans = append(plans, p); return nft.Report{}, nil }
	for range 2 {
		if _, err := d.lay(d.plan(d.config)); err != nil {
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
				d.table, _ = d.links.Numbered()
			}
			see(red)
			d.watch()
			see(tt.now...)
			d.guard.check = func(nft.Plan) error { return tt.err }
			d.watch()
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

// TestRulesFollowMTUs: the rules know the narrowest way out.
func TestRulesFollowMTUs(t *testing.T) {
	d, _, _, plans := newDaemon(t, write(t, settings, rules, hosts))
	var told []uint16
	var fails error
	d.guard.narrow = func(p nft.Plan) error { told = append(told, p.Narrowest); return fails }
	for _, mtu := range []int{1500, 1400, 1400, 576} {
		d.links = newLinks(links.Link{Index: redIf, Name: "red0", Zone: 1, MTU: mtu}, links.Link{Index: grayIf, Name: "gray0", Zone: 3, MTU: 9000})
		d.relink()
	}
	fails = errors.New("other rules")
	d.links = newLinks(links.Link{Index: grayIf, Name: "gray0", Zone: 3, MTU: 9000})
	d.relink()
	if want := []uint16{1400, 576, 9000}; !slices.Equal(told, want) {
		t.Errorf("narrowed to %v, want %v", told, want)
	}
	if n := len(*plans); n == 0 || (*plans)[n-1].Narrowest != 9000 {
		t.Errorf("laid %+v", *plans)
	}
}
