package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/links"
	"labelgate/internal/mark"
	"labelgate/internal/nft"
)

// TestRulesArePutBack: whoever flushes the rules opens the zones for a second at
// the most, and that is on record.
func TestRulesArePutBack(t *testing.T) {
	path := write(t, settings, rules, hosts)
	d, log, records, plans := newDaemon(t, path)
	d.watch()
	if len(*plans) != 0 {
		t.Fatal("rules that are as they were were installed again")
	}
	d.guard.check = func(nft.Plan) error { return errors.New("table labelgate is gone") }
	d.watch()
	if len(*plans) != 1 {
		t.Fatalf("installed %d times, want once", len(*plans))
	}
	if !strings.Contains(log.String(), "table labelgate is gone") || !strings.Contains(records.String(), "event=rules_changed") {
		t.Errorf("log %s\nrecords %s", log, records)
	}
	d.install = func(nft.Plan) (nft.Report, error) { return nft.Report{}, errors.New("not permitted") }
	shut := 0
	d.guard.shut = func() error { shut++; return nil }
	d.watch()
	if shut != 1 {
		t.Errorf("forwarding was closed %d times, want once", shut)
	}
	if !strings.Contains(log.String(), "could not be put back") {
		t.Errorf("log %s", log)
	}
}

// TestFilteredIsRecorded: what netfilter drops without asking is counted, also
// across rules that were installed anew.
func TestFilteredIsRecorded(t *testing.T) {
	d, _, records, _ := newDaemon(t, write(t, settings, rules, hosts))
	var now nft.Counters
	d.guard.counters = func() (nft.Counters, error) { return now, nil }
	for _, now = range []nft.Counters{
		{Unjudged: 2}, {Unjudged: 2, IPv6: 5}, {Unjudged: 1, IPv6: 5},
		{Unjudged: 1, IPv6: 5, Ethertype: 30}, {Unjudged: 1, IPv6: 5, Ethertype: 20}, // an interface went
		{Unjudged: 1, IPv6: 5, Ethertype: 24},
	} {
		d.watch()
	}
	// Rules that are put back leave the tables alone that are as they were.
	d.guard.check = func(nft.Plan) error { return errors.New("drift") }
	now = nft.Counters{Unjudged: 1, IPv6: 5}
	d.watch()
	d.guard.check = func(nft.Plan) error { return nil }
	now.Ethertype = 25
	d.watch()
	for _, want := range []string{
		"reason=unjudged verdict=drop count=2", "reason=ipv6 verdict=drop count=5", "reason=unjudged verdict=drop count=1",
		"reason=ethertype verdict=drop count=30", "reason=ethertype verdict=drop count=4", "reason=ethertype verdict=drop count=25",
	} {
		if !strings.Contains(records.String(), want) {
			t.Errorf("no %q in\n%s", want, records)
		}
	}
	if got := string(d.guard.appendSummary(nil)); !strings.Contains(got, ": 67\n") {
		t.Errorf("summary %q, want 67 in all", got)
	}
}

// TestInterfacesOfZones: a rule that names an interface never meets its packets
// once a bridge has taken it.
func TestInterfacesOfZones(t *testing.T) {
	d, log, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	config := d.config
	a, b := config.Zones[0].Interfaces[0], config.Zones[1].Interfaces[0]
	tests := []struct {
		name    string
		links   []links.Link
		wrong   int
		refused bool
	}{
		{"both there", []links.Link{{Index: 1, Name: a}, {Index: 2, Name: b}}, 0, false},
		{"one missing", []links.Link{{Index: 1, Name: a}}, 1, false},
		{"one in a bridge", []links.Link{{Index: 1, Name: a}, {Index: 2, Name: b, Master: 3}, {Index: 3, Name: "br0"}}, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := links.NewTable(tt.links...)
			missing := 0
			for _, z := range config.Zones {
				for _, name := range z.Interfaces {
					if name != a && name != b {
						missing++
					}
				}
			}
			if got := len(unguarded(config, table)) - missing; got != tt.wrong {
				t.Errorf("%d interfaces wrong, want %d", got, tt.wrong)
			}
			if err := refuseMasters(config, table); (err != nil) != tt.refused {
				t.Errorf("refused: %v", err)
			}
		})
	}
	bridged := links.NewTable(links.Link{Index: 1, Name: a}, links.Link{Index: 2, Name: b, Master: 3}, links.Link{Index: 3, Name: "br0"})
	d.inspect(bridged)
	d.inspect(bridged)
	if n := strings.Count(log.String(), "come in by br0"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log)
	}
	d.inspect(links.NewTable(links.Link{Index: 1, Name: a}, links.Link{Index: 2, Name: b}))
	if !strings.Contains(log.String(), "as it should be again") {
		t.Errorf("log %s", log)
	}
}

// TestStampsDiffer: what a mark keeps of its policy's stamp is not that of the next
// policies, whenever they follow, nor that of a labelgated started a moment later.
func TestStampsDiffer(t *testing.T) {
	const wait = 31 // seconds that a packet may wait for its fragments, and one
	for age := range uint32(100) {
		stamp := newStamp(0) - age // of a policy that is so many seconds old
		of := mark.ForZone(stamp, 1)
		for n := range wait {
			if stamp = newStamp(stamp); of.SameGeneration(stamp) {
				t.Fatalf("policy %d after one that is %d s old has its stamp", n+1, age)
			}
		}
	}
	if newStamp(0) == 0 {
		t.Error("the first stamp is none")
	}
}

// TestRulesCannotBeLookedAt: a lack of descriptors says nothing of the rules. They are
// left as they are, and the watchdog falls silent.
func TestRulesCannotBeLookedAt(t *testing.T) {
	d, log, records, plans := newDaemon(t, write(t, settings, rules, hosts))
	d.watch()
	before := d.guard.checked
	d.guard.check = func(nft.Plan) error { return fmt.Errorf("nft: read table: %w", unix.EMFILE) }
	for range 3 {
		d.watch()
	}
	if len(*plans) != 0 || strings.Contains(records.String(), "rules_changed") || strings.Count(log.String(), "cannot be looked at") != 1 {
		t.Errorf("laid %d times\n%s\n%s", len(*plans), records, log)
	}
	if d.guard.checked != before || !d.guard.inPlace {
		t.Error("a look that failed counts as one")
	}
}
