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
	// routes cannot be read or followed. Several goroutines call it. It may be nil.
	Errorf func(format string, args ...any)
}

// Watcher follows the links. Its methods may be called from any goroutine.
type Watcher struct {
	kernel  kernel
	errorf  func(string, ...any)
	current atomic.Pointer[numbered]
	changed chan struct{}

	mu      sync.Mutex // for zones and metrics, and for what replaces current
	zones   map[string]uint8
	metrics map[uint32]int

	egress egress

	closing   sync.Once
	followers sync.WaitGroup
	stop      chan struct{}
	stopped   chan struct{}
}

// retry is how long to wait before the links are watched anew.
const retry = 200 * time.Millisecond

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
		changed: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
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
	go w.finish()
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

// follow keeps the table up to date.
func (w *Watcher) follow(s subscription) {
	for {
		err := w.serve(s)
		s.end()
		for err != nil {
			// Notices may be lost, so nothing is certain any more.
			w.replace(func(*Table) *Table { return new(Table) })
			w.errorf("links: %v; no interface is in a zone until they are read again", err)
			select {
			case <-w.stop:
				return
			case <-time.After(retry):
			}
			if s, err = w.kernel.subscribe(); err != nil {
				continue
			}
			if err = w.refresh(); err != nil {
				s.end()
			}
		}
		select {
		case <-w.stop:
			return
		default:
		}
	}
}

// serve handles notices until the watcher is closed (nil) or they fail.
func (w *Watcher) serve(s subscription) error {
	for {
		select {
		case <-w.stop:
			return nil
		case n, ok := <-s.notices():
			if !ok {
				return s.failure()
			}
			w.take(n)
		}
		// Those that wait are answered by the same reading.
		for more := true; more; {
			select {
			case n, ok := <-s.notices():
				if !ok {
					return s.failure()
				}
				w.take(n)
			default:
				more = false
			}
		}
		if err := w.refresh(); err != nil {
			return err
		}
	}
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
