package nft

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Bypass is something on this machine that leads packets of zones around the rules,
// or may.
type Bypass struct {
	// Kind says what it is.
	Kind BypassKind
	// Interface is the interface of a zone whose packets it takes or that it sends
	// by, empty where it cannot be told.
	Interface string
	// What describes it to people, in a line.
	What string
	// Grave says that packets pass without being judged, or judged for somebody
	// else, for sure. Without it that depends on a program or on hardware that cannot
	// be seen into.
	Grave bool
}

// BypassKind is a way around the rules.
type BypassKind uint8

const (
	// Flowtable is a flow table of nf_tables: from the third packet of a flow on,
	// packets without options go from one interface's ingress to the other
	// interface, past every hook but those of the family netdev.
	Flowtable BypassKind = iota
	// FrameRule is a rule of the family netdev that hands frames or copies of them
	// to another interface.
	FrameRule
	// QueueRule is somebody else's rule that hands packets to our queue. They are
	// judged, but where no rule of ours would have them judged.
	QueueRule
	// XDP is an express data path program at an interface. It has the packets before
	// the kernel does.
	XDP
	// TrafficControl is a filter or a program of traffic control. At ingress it has
	// the packets before netfilter, at egress behind it.
	TrafficControl
	// Upper is a further interface that takes frames from a zone's cable and is in no
	// zone.
	Upper
	// Hardware is an interface of a switch chip, which may forward by itself.
	Hardware
	// VirtualServer is a service of IPVS. Its packets are judged as this machine's
	// own, not as their sender's.
	VirtualServer
)

var bypassKinds = [...]string{"flowtable", "frame-rule", "queue-rule", "xdp", "tc", "upper-interface", "switch-port", "ipvs"}

// String returns a word for records and metrics.
func (k BypassKind) String() string { return bypassKinds[int(k)%len(bypassKinds)] }

// Bypasses looks for what leads packets around the rules of a plan. Where something
// could not be looked at, the error says so, and what was found elsewhere is
// returned all the same.
//
// Not seen are what other network namespaces do with the cable of a zone, programs
// that send frames by themselves through packet sockets, and the rules of the old
// iptables. A rule that goes around our queue but not around POSTROUTING is not
// looked for: what was not judged is dropped there.
//
// It reads the chains and rules of all tables, the interfaces, and the filters of
// those that have any; who asks often uses a BypassWatch.
func Bypasses(p Plan) ([]Bypass, error) { return new(BypassWatch).Bypasses(p) }

// BypassWatch answers the question of Bypasses again and again. As long as nobody
// changed a rule of nf_tables it does not read the rules. The zero value is ready. It
// must not be used by two goroutines at once.
type BypassWatch struct {
	looked     bool
	generation uint32
	zoned      string   // whose tables and interfaces it looked for
	rules      []Bypass // in nf_tables
}

// Bypasses is the function of the same name.
func (w *BypassWatch) Bypasses(p Plan) ([]Bypass, error) {
	p, err := p.complete()
	if err != nil {
		return nil, err
	}
	s := newSearch(p)
	var wrong []error
	for _, look := range []struct {
		at string
		f  func() error
	}{
		{"interfaces", s.links},
		{"rules of nf_tables", func() error { return w.look(s) }},
		{"traffic control", s.trafficControl},
		{"programs of traffic control", s.programs},
		{"IPVS", s.virtualServers},
	} {
		if err := look.f(); err != nil {
			wrong = append(wrong, fmt.Errorf("nft: what leads packets around the rules, %s: %w%s", look.at, err, advice(err)))
		}
	}
	slices.SortFunc(s.found, func(a, b Bypass) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.What, b.What))
	})
	return s.found, errors.Join(wrong...)
}

// look brings what is known of nf_tables up to date.
func (w *BypassWatch) look(s *search) error {
	generation, err := rulesGeneration(s.plan.NetNS)
	if err != nil {
		return err
	}
	if zoned := fmt.Sprint(s.plan.Table, s.plan.Queue, s.places); !w.looked || w.generation != generation || w.zoned != zoned {
		w.looked = false
		only := &search{plan: s.plan, places: s.places}
		if err := only.flowtables(); err != nil {
			return err
		}
		if err := only.rules(); err != nil {
			return err
		}
		*w = BypassWatch{looked: true, generation: generation, zoned: zoned, rules: only.found}
	}
	s.found = append(s.found, w.rules...)
	return nil
}

// search is one look around.
type search struct {
	plan   Plan
	places map[string]place // by interface
	byName map[string]kernelLink
	byID   map[uint32]kernelLink
	found  []Bypass
}

// place is an interface that packets of a zone come by, on their way to the one that
// is in the zone or by that itself.
type place struct {
	of   string // the interface of the zone
	zone string // its name
}

func newSearch(p Plan) *search {
	s := &search{plan: p, places: make(map[string]place)}
	for _, z := range p.Zones {
		for _, name := range z.Interfaces {
			s.places[name] = place{of: name, zone: z.Name}
		}
	}
	return s
}

// describe names an interface that is a place.
func (s *search) describe(device string) string {
	p := s.places[device]
	if p.of == device {
		return fmt.Sprintf("interface %s of zone %s", device, p.zone)
	}
	return fmt.Sprintf("interface %s, which %s of zone %s rests on,", device, p.of, p.zone)
}

func (s *search) add(kind BypassKind, grave bool, device, format string, args ...any) {
	s.found = append(s.found, Bypass{Kind: kind, Interface: device, Grave: grave, What: fmt.Sprintf(format, args...)})
}

// ours reports whether a table is one of the plan's.
func (s *search) ours(table string) bool {
	return table == s.plan.Table || table == closedName(s.plan.Table)
}
