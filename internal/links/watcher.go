// Package links keeps track of the machine's network interfaces: which zone each
// belongs to, how large its packets may be, which addresses are our own, and by
// which interface the kernel sends a packet on.
//
// Packets name their interface by an index. Zones name theirs by name. Between
// the two, a name may move to another interface and an index may be given to
// another, and a packet must then not be taken for the former owner's: whatever
// is not known for sure is in no zone. Only the moment between a change and the
// kernel's notice of it cannot be closed from here.
package links

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to watch.
type Config struct {
	// Zones holds the interfaces' names by zone: those of zone 1 come first.
	// They need not exist yet. Names are not patterns.
	Zones [][]string
	// NetNS is a descriptor of the network namespace, 0 for the one that the
	// process is in. It may be closed after Watch. Watching another namespace
	// needs CAP_SYS_ADMIN.
	NetNS int
	// Errorf is told when the kernel's notices of links were lost and when links or
	// routes cannot be read. Several goroutines call it. It may be nil.
	Errorf func(format string, args ...any)
}

// Watcher follows the links. Its methods may be called from any goroutine. After
// Watch it opens no socket and no file: a process may give up the right to. What it
// calls in the kernel is reading, writing and waiting for the descriptors it has.
type Watcher struct {
	kernel  kernel
	errorf  func(string, ...any)
	current atomic.Pointer[numbered]
	changed chan struct{}
	broke   atomic.Bool
	failed  chan error

	mu      sync.Mutex // for zones and metrics, and for what replaces current
	zones   map[string]uint8
	metrics map[uint32]int

	egress egress

	closing   sync.Once
	followers sync.WaitGroup
	stop      chan struct{}
	stopped   chan struct{}
}

const (
	// retry is how long to wait before links that cannot be read are read again.
	retry = 200 * time.Millisecond
	// giveUp is how long they may not be read at a stretch.
	giveUp = 5 * time.Second
)

// Watch reads the links and follows them until Close.
func Watch(c Config) (*Watcher, error) {
	zones, err := byName(c.Zones)
	if err != nil {
		return nil, err
	}
	k, err := openKernel(c.NetNS)
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	return watch(k, zones, c.Errorf)
}

func watch(k kernel, zones map[string]uint8, errorf func(string, ...any)) (*Watcher, error) {
	if errorf == nil {
		errorf = func(string, ...any) {}
	}
	w := &Watcher{
		kernel: k, errorf: errorf, zones: zones,
		changed: make(chan struct{}, 1), failed: make(chan error, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	w.current.Store(&numbered{table: new(Table)})
	w.egress.started, w.egress.answers = time.Now(), newAnswers()
	w.egress.era.Store(1)
	if err := w.start(); err != nil {
		k.close()
		return nil, fmt.Errorf("links: %w", err)
	}
	return w, nil
}

// start reads everything for the first time and follows it from then on. Notices
// first: what changes while something is read is noticed.
func (w *Watcher) start() error {
	links, err := w.kernel.subscribe()
	if err != nil {
		return err
	}
	if err := w.refresh(); err != nil {
		links.end()
		return err
	}
	routes, err := w.kernel.subscribeRoutes()
	if err != nil {
		links.end()
		return err
	}
	f := &routeFollower{w: w}
	if err := f.read(routes); err != nil {
		routes.end()
		links.end()
		return err
	}
	w.followers.Go(func() { w.follow(links) })
	w.followers.Go(func() { f.run(routes) })
	go func() {
		<-w.stop
		links.end()
		routes.end()
		w.finish()
	}()
	return nil
}

// finish gives everything back when the last follower is done.
func (w *Watcher) finish() {
	w.followers.Wait()
	w.egress.mu.Lock()
	w.egress.closed = true
	w.kernel.close()
	w.egress.mu.Unlock()
	close(w.stopped)
}

// byName turns the lists of names around.
func byName(zones [][]string) (map[string]uint8, error) {
	if len(zones) > 255 {
		return nil, fmt.Errorf("links: %d zones, at most 255 are possible", len(zones))
	}
	m := make(map[string]uint8)
	for i, names := range zones {
		for _, name := range names {
			if other, taken := m[name]; taken {
				return nil, fmt.Errorf("links: interface %q is in zone %d and in zone %d", name, other, i+1)
			}
			m[name] = uint8(i + 1)
		}
	}
	return m, nil
}

// Table returns what is known now. A packet's interface should be looked up in a
// table taken after the packet came, not in one kept from before.
func (w *Watcher) Table() *Table { return w.current.Load().table }

// Zone looks an interface up in the table of this moment; see Table.Zone.
func (w *Watcher) Zone(index uint32) (zone uint8, mtu int, ok bool) { return w.Table().Zone(index) }

// Changed returns a channel that has a value when the table has changed since the
// value before was taken.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

// SetZones replaces the zones, at one moment for all links.
func (w *Watcher) SetZones(zones [][]string) error {
	m, err := byName(zones)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.zones = m
	t, revision := w.Numbered()
	w.publish(t.zoned(m), revision+1)
	return nil
}

// Close ends the watching. The table stays as it was last; Egress knows nothing any
// more.
func (w *Watcher) Close() {
	w.closing.Do(func() { close(w.stop) })
	<-w.stopped
}

// Failed returns a channel that gets the reason when nothing can be followed any more.
// No interface is in a zone from then on, and Egress knows nothing: only a new
// Watcher helps, which may take a new process. There is one value at most.
func (w *Watcher) Failed() <-chan error { return w.failed }

// fail ends the following, unless the watcher is being closed.
func (w *Watcher) fail(err error) {
	select {
	case <-w.stop:
		return
	default:
	}
	if w.broke.Swap(true) {
		return
	}
	err = fmt.Errorf("links: %w", err)
	w.replace(func(*Table) *Table { return new(Table) })
	w.errorf("%v; no interface is in a zone from now on", err)
	w.failed <- err
}

// follow keeps the table up to date until the notices end.
func (w *Watcher) follow(s notices[notice]) {
	var since time.Time // when the links could last be read, zero if they can
	var again time.Time // when to try once more
	for {
		err := w.hear(s, again)
		switch {
		case errors.Is(err, errLost):
			w.doubt(err)
		case err != nil && !errors.Is(err, errQuiet):
			w.fail(fmt.Errorf("follow links: %w", err))
			return
		}
		err = w.refresh()
		if err == nil {
			since, again = time.Time{}, time.Time{}
			continue
		}
		if broken(err) || !since.IsZero() && time.Since(since) > giveUp {
			w.fail(err)
			return
		}
		if since.IsZero() {
			since = time.Now()
			w.doubt(err)
		}
		again = time.Now().Add(retry)
	}
}

// doubt is for when nothing is certain any more.
func (w *Watcher) doubt(why error) {
	w.replace(func(*Table) *Table { return new(Table) })
	w.errorf("links: %v; no interface is in a zone until they are read again", why)
}

// hear waits for a notice, until then if that is not zero, and takes it and those
// that wait behind it: they are answered by the same reading. If any were lost, the
// error is errLost.
func (w *Watcher) hear(s notices[notice], then time.Time) error {
	n, err := s.next(then)
	lost := false
	for range drainMost {
		switch {
		case err == nil:
			w.take(n)
		case errors.Is(err, errLost):
			lost = true
		case errors.Is(err, errQuiet) && lost:
			return errLost
		default:
			return err
		}
		n, err = s.next(time.Now())
	}
	if lost {
		return errLost
	}
	return nil
}

// take forgets an interface that went, or is not what it was; if it is still one
// of ours, it comes back when the links are read.
func (w *Watcher) take(n notice) {
	if n.index == 0 {
		return
	}
	w.replace(func(t *Table) *Table {
		if l, known := t.links[n.index]; !known || !n.gone && l.Name == n.name {
			return t
		}
		return t.without(n.index)
	})
}

// refresh reads everything anew.
func (w *Watcher) refresh() error {
	t, err := w.kernel.read()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, revision := w.Numbered()
	w.publish(t.zoned(w.zones).routed(w.metrics), revision)
	return nil
}

func (w *Watcher) replace(change func(*Table) *Table) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, revision := w.Numbered()
	w.publish(change(t), revision)
}

// publish makes t the table. The caller holds mu.
func (w *Watcher) publish(t *Table, revision uint32) {
	if w.broke.Load() {
		t = new(Table)
	}
	if before, r := w.Numbered(); r == revision && t.equal(before) {
		return
	}
	w.current.Store(&numbered{t, revision})
	w.egress.void()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
