package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/vishvananda/netns"
)

// DaemonMode says whether a lab runs labelgated.
type DaemonMode uint8

const (
	// WithDaemons runs labelgated on the gateway and on every labeled host.
	WithDaemons DaemonMode = iota
	// NoDaemons leaves a plain router between plain hosts.
	NoDaemons
)

// Options of a lab. The zero value is a lab under its own name, with daemons.
type Options struct {
	Name       string        // in place of the topology's
	Directory  string        // for states, logs and records; DefaultDirectory when empty
	Labelgated string        // path of the daemon; beside this program or in PATH when empty
	Daemons    DaemonMode    // whether there are any
	Patience   time.Duration // for a daemon to become ready, 10 s when 0
	Log        io.Writer     // takes a line for each step, nil for none
}

func (o Options) directory() string {
	if o.Directory == "" {
		return DefaultDirectory
	}
	return o.Directory
}

func (o Options) patience() time.Duration {
	if o.Patience <= 0 {
		return 10 * time.Second
	}
	return o.Patience
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// Lab is a network that is up. Its methods may be called from any goroutine.
type Lab struct {
	topology *Topology
	options  Options
	dir      string
	gateway  *settings // nil without daemons
	nodes    map[string]*node

	mu       sync.Mutex
	state    *state
	captures []*Capture
	closed   bool
}

// node is the gateway or a host.
type node struct {
	name    string
	host    *Host // nil for the gateway
	ns      netns.NsHandle
	config  string // labelgated's settings, "" where none runs
	records records
	log     string
	daemon  *Daemon // guarded by Lab.mu
}

// Start builds a lab. When it fails, or when ctx ends meanwhile, what was built
// has been removed again.
func Start(ctx context.Context, t *Topology, o Options) (*Lab, error) {
	return start(ctx, t, o, attached)
}

func start(ctx context.Context, t *Topology, o Options, tie tie) (*Lab, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	if o.Name != "" {
		named := *t
		named.Name, t = o.Name, &named
		if err := t.Check(); err != nil {
			return nil, err
		}
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	l := &Lab{topology: t, options: o, nodes: make(map[string]*node), state: newState(t)}
	if err := l.settings(); err != nil {
		return nil, err
	}
	dir, err := l.state.claim(o.directory())
	if err != nil {
		return nil, err
	}
	l.dir = dir
	if err := l.build(ctx, tie); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// settings reads what the gateway is told, before anything is built.
func (l *Lab) settings() error {
	if l.options.Daemons == NoDaemons {
		return nil
	}
	var err error
	if l.options.Labelgated, err = findLabelgated(l.options.Labelgated); err != nil {
		return err
	}
	if l.gateway, err = readSettings(l.topology.Config); err != nil {
		return err
	}
	return l.gateway.agree(l.topology)
}

func (l *Lab) build(ctx context.Context, tie tie) error {
	for _, name := range l.state.Nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.addNode(name); err != nil {
			return err
		}
	}
	for i := range l.topology.Hosts {
		h := &l.topology.Hosts[i]
		if err := cable(ctx, l.nodes[GatewayName].ns, l.nodes[h.Name].ns, h); err != nil {
			return err
		}
	}
	l.options.logf("%d namespaces, %d cables", len(l.nodes), len(l.topology.Hosts))
	if l.options.Daemons == NoDaemons {
		return nil
	}
	if err := l.configure(); err != nil {
		return err
	}
	return l.startDaemons(ctx, tie)
}

func (l *Lab) addNode(name string) error {
	ns, err := makeNamespace(namespaceName(l.topology.Name, name))
	if err != nil {
		return err
	}
	l.nodes[name] = &node{name: name, host: l.topology.Host(name), ns: ns, log: filepath.Join(l.dir, name+".log")}
	if err := sysctl(ns, sysctls(name)); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return loopback(ns)
}

// Topology returns what the lab was built from; its name is the lab's.
func (l *Lab) Topology() *Topology { return l.topology }

// Directory returns the directory with the lab's logs and records. It goes with
// the lab.
func (l *Lab) Directory() string { return l.dir }

// Nodes lists the gateway and then the hosts as in the topology.
func (l *Lab) Nodes() []string { return append([]string(nil), l.state.Nodes...) }

// Do runs f on a thread inside a node: the sockets that f itself opens are the
// node's. Goroutines that f starts are not inside. f must return.
func (l *Lab) Do(node string, f func() error) error {
	n, err := l.node(node)
	if err != nil {
		return err
	}
	return inside(n.ns, f)
}

// Namespace returns the handle of a node's network namespace. It is the lab's
// and is closed with it.
func (l *Lab) Namespace(node string) (netns.NsHandle, error) {
	n, err := l.node(node)
	if err != nil {
		return netns.None(), err
	}
	return n.ns, nil
}

func (l *Lab) node(name string) (*node, error) {
	n := l.nodes[name]
	if n == nil {
		return nil, fmt.Errorf("lab %s has no node %q", l.topology.Name, name)
	}
	return n, nil
}

// Address returns the address by which peer reaches node. It matters for the
// gateway, which has one for each host.
func (l *Lab) Address(node, peer string) (netip.Addr, error) {
	n, err := l.node(node)
	if err != nil {
		return netip.Addr{}, err
	}
	if n.host != nil {
		return n.host.Address.Addr(), nil
	}
	p, err := l.node(peer)
	if err != nil {
		return netip.Addr{}, err
	}
	if p.host == nil {
		return netip.Addr{}, errors.New("the gateway does not reach itself through the lab")
	}
	return p.host.Gateway, nil
}
