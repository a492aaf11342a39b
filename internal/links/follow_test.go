package links

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// followed is a watcher of two links of zone 1, with 1500 and 9000 bytes, and one
// of zone 2.
func followed(t *testing.T, routes ...route) (*fakeKernel, *Watcher, *fakeRoutes) {
	t.Helper()
	k := &fakeKernel{}
	k.set(nil, Link{Index: 7, Name: "a", MTU: 9000}, Link{Index: 8, Name: "c", MTU: 1500}, Link{Index: 9, Name: "b", MTU: 9000})
	k.setRoutes(nil, routes...)
	w, _ := startFake(t, k)
	if err := w.SetZones([][]string{{"a", "c"}, {"b"}}); err != nil {
		t.Fatal(err)
	}
	return k, w, <-k.routeFeeds
}

func mtus(one, two int) func(*Table) bool {
	return func(t *Table) bool { return t.MTU(1) == one && t.MTU(2) == two }
}

func TestZoneMTU(t *testing.T) {
	learnt, local, apart, several := limited(1, 7, 1300), limited(1, 7, 1300), limited(1, 0, 1300), limited(1, 0, 1300)
	learnt.flags = unix.RTM_F_CLONED
	local.kind = unix.RTN_LOCAL
	apart.object = true
	several.paths = slices.Concat(hop(8), hop(9))
	other := limited(1, 9, 1300)
	other.table = 1000
	tests := []struct {
		name     string
		routes   []route
		one, two int
	}{
		{"links alone", nil, 1500, 9000},
		{"route without", []route{limited(1, 7, 0)}, 1500, 9000},
		{"route", []route{limited(1, 7, 1300)}, 1300, 9000},
		{"smallest of several", []route{limited(1, 7, 1400), limited(2, 7, 1300), limited(3, 8, 1350)}, 1300, 9000},
		{"above the zone's smallest link", []route{limited(1, 7, 1600)}, 1500, 9000},
		{"above its link", []route{limited(1, 8, 8000)}, 1500, 9000},
		{"in another table", []route{other}, 1500, 1300},
		{"out of no zone", []route{limited(1, 99, 1300)}, 1500, 9000},
		{"learnt", []route{learnt}, 1500, 9000},
		{"to this machine", []route{local}, 1500, 9000},
		{"by several next hops", []route{several}, 1300, 1300},
		{"by a next hop that is not said", []route{apart}, 1300, 1300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, w, _ := followed(t, tt.routes...)
			if !mtus(tt.one, tt.two)(w.Table()) {
				t.Errorf("MTUs %d and %d, want %d and %d", w.Table().MTU(1), w.Table().MTU(2), tt.one, tt.two)
			}
		})
	}
}

// noneOf says that nobody was told of a change.
func noneOf(t *testing.T, w *Watcher) {
	t.Helper()
	select {
	case <-w.Changed():
		t.Error("a change was told that is none")
	default:
	}
}

func drain(w *Watcher) {
	select {
	case <-w.Changed():
	default:
	}
}

func TestNoticesOfRoutes(t *testing.T) {
	k, w, feed := followed(t)
	small := limited(1, 7, 1300)
	feed.out <- routeNotice{routeAdded, small}
	until(t, w, "route", mtus(1300, 9000))
	feed.out <- routeNotice{routeAdded, limited(2, 9, 1400)}
	until(t, w, "another route", mtus(1300, 1400))
	feed.out <- routeNotice{routeRemoved, small}
	until(t, w, "no route", mtus(1500, 1400))
	settled(t, w)
	if readings, _ := k.counts(); readings != 1 {
		t.Errorf("%d readings of what the notices said, want only the first", readings)
	}

	// A table of routes that do not matter costs nothing but being heard.
	drain(w)
	before := w.Table()
	for i := range 1000 {
		feed.out <- routeNotice{routeAdded, limited(byte(i), 7, 0)}
	}
	settled(t, w)
	noneOf(t, w)
	if readings, _ := k.counts(); readings != 1 || w.Table() != before {
		t.Errorf("%d readings, want one; another table: %v", readings, w.Table() != before)
	}
}

// Where a notice does not say what is in force now, the routes are read again. Until
// then the smaller MTU counts.
func TestDoubtfulNotices(t *testing.T) {
	small, smaller, plain := limited(1, 7, 1300), limited(1, 7, 1280), limited(1, 7, 0)
	apart := limited(1, 0, 1300)
	apart.object = true
	tests := []struct {
		name          string
		before, after []route
		notices       []routeNotice
		lost          bool
		atOnce, later int // zone 1
		doubt         bool
	}{
		{"replaced by one without", []route{small}, []route{plain}, []routeNotice{{routeReplaced, plain}}, false, 1300, 1500, true},
		{"replaced by a larger", []route{smaller}, []route{small}, []routeNotice{{routeReplaced, small}}, false, 1280, 1300, true},
		{"replaced by a smaller", []route{small}, []route{smaller}, []routeNotice{{routeReplaced, smaller}}, false, 1280, 1280, true},
		{"replaced, but another", []route{small}, []route{small, limited(2, 7, 0)}, []routeNotice{{routeReplaced, limited(2, 7, 0)}}, false, 1300, 1300, false},
		{"twice the same", []route{small}, []route{small, small}, []routeNotice{{routeAdded, small}}, false, 1300, 1300, true},
		{"went", []route{small}, nil, []routeNotice{{routeRemoved, small}}, false, 1500, 1500, false},
		{"one that was not known went", []route{small}, nil, []routeNotice{{routeRemoved, smaller}}, false, 1300, 1500, true},
		{"links went down", []route{small}, nil, []routeNotice{{change: changedLink}}, false, 1300, 1500, true},
		{"next hop changed", []route{apart}, nil, []routeNotice{{change: changedObject}}, false, 1300, 1500, true},
		{"next hop of others changed", []route{small}, []route{small}, []routeNotice{{change: changedObject}}, false, 1300, 1300, false},
		{"lost", []route{small}, nil, nil, true, 1300, 1500, true},
		{"lost, nothing known", nil, []route{small}, nil, true, 1500, 1300, true},
		{"links, nothing known", nil, nil, []routeNotice{{change: changedLink}}, false, 1500, 1500, false},
		{"went in doubt", []route{small, smaller}, nil, []routeNotice{{routeReplaced, plain}, {routeRemoved, smaller}}, false, 1280, 1500, true},
		{"came in doubt", []route{small}, []route{smaller}, []routeNotice{{routeReplaced, plain}, {routeAdded, smaller}}, false, 1280, 1280, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, w, _ := followed(t)
			quiet := newFakeRoutes()
			f := &routeFollower{w: w}
			read := func(routes []route) {
				t.Helper()
				k.setRoutes(nil, routes...)
				if err := f.read(quiet); err != nil {
					t.Fatal(err)
				}
			}
			read(tt.before)
			for _, n := range tt.notices {
				if f.take(&n) {
					w.limit(f.metrics.smallest())
				}
			}
			if tt.lost {
				f.lost()
			}
			if got := w.Table().MTU(1); got != tt.atOnce || f.doubt != tt.doubt || f.again.IsZero() == tt.doubt {
				t.Errorf("MTU %d, doubt %v, again at %v; want %d and %v", got, f.doubt, f.again, tt.atOnce, tt.doubt)
			}
			if !f.doubt {
				return
			}
			read(tt.after)
			if got := w.Table().MTU(1); got != tt.later || f.doubt && f.heard.IsZero() {
				t.Errorf("MTU %d, doubt %v; want %d", got, f.doubt, tt.later)
			}
		})
	}
}

// Routes that cannot be read are the ones known before. They come back.
func TestRoutesCannotBeRead(t *testing.T) {
	k, w, feed := followed(t, limited(1, 7, 1300))
	k.setRoutes(errors.New("not now"))
	feed.lost <- struct{}{}
	time.Sleep(2 * settleTime)
	if !mtus(1300, 9000)(w.Table()) {
		t.Errorf("MTU %d", w.Table().MTU(1))
	}
	k.setRoutes(nil)
	until(t, w, "read again", mtus(1500, 9000))
}

// What is said while the routes are read is neither lost nor counted twice.
func TestNoticesDuringReading(t *testing.T) {
	small := limited(1, 7, 1300)
	k, w, feed := followed(t)
	f := &routeFollower{w: w}
	k.setRoutes(nil, small)
	s := newFakeRoutes()
	s.out <- routeNotice{routeAdded, small}   // seen by the reading too
	s.out <- routeNotice{routeRemoved, small} // may be from before it was added
	s.out <- routeNotice{routeAdded, limited(2, 9, 1400)}
	if err := f.read(s); err != nil {
		t.Fatal(err)
	}
	if !mtus(1300, 1400)(w.Table()) || !f.doubt || f.again.IsZero() {
		t.Errorf("MTUs %d and %d, doubt %v", w.Table().MTU(1), w.Table().MTU(2), f.doubt)
	}
	if err := f.read(s); err != nil {
		t.Fatal(err)
	}
	if !mtus(1300, 9000)(w.Table()) || f.doubt {
		t.Errorf("MTUs %d and %d, doubt %v", w.Table().MTU(1), w.Table().MTU(2), f.doubt)
	}
	feed.out <- routeNotice{routeRemoved, small}
}

// Readings do not take all the time, whatever is said.
func TestReadingsRest(t *testing.T) {
	_, w, _ := followed(t)
	f := &routeFollower{w: w, over: time.Now(), rest: time.Hour}
	f.suspect()
	if wait := time.Until(f.again); wait < 59*time.Minute || f.next() != f.again {
		t.Errorf("again in %v", wait)
	}
	f.take(&routeNotice{change: changedLink})
	if wait := time.Until(f.next()); wait > settleTime {
		t.Errorf("answers void again in %v", wait)
	}
}

// flood is a run of notices that never ends.
type flood struct{ fakeRoutes }

func (*flood) next(time.Time) (routeNotice, error) {
	return routeNotice{routeAdded, limited(1, 7, 0)}, nil
}

// A machine whose routes change all the time is not waited for.
func TestReadingEnds(t *testing.T) {
	_, w, _ := followed(t)
	f := &routeFollower{w: w}
	if err := f.read(&flood{}); err != nil || !f.doubt || f.again.IsZero() {
		t.Errorf("doubt %v, again at %v: %v", f.doubt, f.again, err)
	}
}
