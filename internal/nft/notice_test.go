package nft_test

import (
	"testing"
	"time"

	"github.com/google/nftables"

	"labelgate/internal/nft"
)

// told waits for a notice and returns how long it took.
func told(t *testing.T, w *nft.Watcher, what string) time.Duration {
	t.Helper()
	began := time.Now()
	within(t, w.Changed(), "the notice that "+what)
	return time.Since(began)
}

func TestWatchHearsOfChanges(t *testing.T) {
	l := newLab(t)
	l.install()
	w, err := nft.Watch(int(l.gw), t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	select {
	case <-w.Changed():
		t.Error("a change before the watching was told")
	case <-time.After(soon):
	}
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		t.Fatal(err)
	}
	var longest time.Duration
	for range 5 {
		c.FlushTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: testTable})
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, told(t, w, "rules were flushed"))
		l.install()
		told(t, w, "they are back")
		for len(w.Changed()) > 0 {
			<-w.Changed()
		}
	}
	t.Logf("at most %v after the change", longest)
}

// More changes than the kernel keeps notices of are a change.
func TestWatchHearsOfManyChanges(t *testing.T) {
	l := newLab(t)
	w, err := nft.Watch(int(l.gw), t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		t.Fatal(err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: "many"}
	for range 50 {
		c.AddTable(table)
		set := &nftables.Set{Table: table, Name: "many", KeyType: nftables.TypeIPAddr}
		elements := make([]nftables.SetElement, 500)
		for i := range elements {
			elements[i].Key = []byte{10, 0, byte(i >> 8), byte(i)}
		}
		if err := c.AddSet(set, elements); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		c.DelTable(table)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	told(t, w, "much was changed")
	l.install()
	told(t, w, "rules were installed")
}

// A look costs next to nothing as long as nothing changed, and sees what did.
func TestCheckWatch(t *testing.T) {
	l := newLab(t)
	l.install()
	var w nft.CheckWatch
	check := func(what string, right bool) {
		t.Helper()
		if err := w.Check(l.plan); (err == nil) != right {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("installed", true)
	check("installed, again", true)
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	if err != nil {
		t.Fatal(err)
	}
	c.FlushTable(&nftables.Table{Family: nftables.TableFamilyIPv6, Name: testTable})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	check("flushed", false)
	check("flushed, again", false)
	l.install()
	check("installed anew", true)
	l.plan.Narrowest = 1400
	check("another plan", false)
	l.install()
	check("installed as planned", true)
	l.plan.Zones[1].Interfaces = append(l.plan.Zones[1].Interfaces, "g2")
	l.install()
	check("an interface that is not there", true)
	l.cable(l.dst, "d2", "10.91.9.1", "fd91:9::1", l.gw, "g2", "10.91.9.2", "fd91:9::2")
	err = w.Check(l.plan)
	t.Logf("the interface is there: %v", err)
	if want := nft.Check(l.plan); (want == nil) != (err == nil) {
		t.Errorf("%v, Check says %v", err, want)
	}
}
