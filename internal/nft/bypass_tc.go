package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Numbers of linux/rtnetlink.h and linux/pkt_sched.h.
const (
	trafficHeaderLen = 20 // struct tcmsg

	trafficKind    = 1 // TCA_KIND
	trafficOptions = 2 // TCA_OPTIONS
	actionKind     = 1 // TCA_ACT_KIND
	actionOptions  = 2 // TCA_ACT_OPTIONS
	mirredParms    = 2 // TCA_MIRRED_PARMS

	qdiscIngress = 0xffff0000 // the handle of the qdiscs ingress and clsact
	atIngress    = 0xfffffff2
	atEgress     = 0xfffffff3
)

// actionsOf is where the options of a kind of filter have its actions.
var actionsOf = map[string]uint16{"basic": 3, "bpf": 1, "cgroup": 1, "flow": 9, "flower": 3, "fw": 4, "matchall": 2, "route": 6, "u32": 7}

// qdisc is something that filters of traffic control may hang on.
type qdisc struct {
	link   uint32
	handle uint32
}

// filter is a filter of traffic control.
type filter struct {
	kind    string
	targets []target
	program bool // it runs a BPF program
}

// target is where a filter sends packets.
type target struct {
	link uint32
	copy bool
}

// trafficControl looks at the filters of all interfaces: one that is in no zone may
// send into one.
func (s *search) trafficControl() error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: s.plan.NetNS})
	if err != nil {
		return err
	}
	defer conn.Close()
	replies, err := conn.Execute(trafficRequest(unix.RTM_GETQDISC, 0, 0))
	if err != nil {
		return fmt.Errorf("list qdiscs: %w", err)
	}
	for _, m := range replies {
		if len(m.Data) < trafficHeaderLen {
			return fmt.Errorf("message of %d bytes", len(m.Data))
		}
		q := qdisc{binary.NativeEndian.Uint32(m.Data[4:]), binary.NativeEndian.Uint32(m.Data[8:])}
		if q.handle == 0 {
			continue // the default one, which has no filters
		}
		parents := []uint32{q.handle}
		if q.handle == qdiscIngress {
			parents = append(parents, atIngress, atEgress)
		}
		for _, parent := range parents {
			replies, err := conn.Execute(trafficRequest(unix.RTM_GETTFILTER, q.link, parent))
			if err != nil {
				return fmt.Errorf("list filters: %w", err)
			}
			s.filters(q.link, parent, replies)
		}
	}
	return nil
}

func trafficRequest(kind uint16, link, parent uint32) netlink.Message {
	b := make([]byte, trafficHeaderLen)
	binary.NativeEndian.PutUint32(b[4:], link)
	binary.NativeEndian.PutUint32(b[12:], parent)
	return netlink.Message{Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump}, Data: b}
}

func (s *search) filters(link, parent uint32, replies []netlink.Message) {
	device := s.byID[link].name
	from, zoned := s.places[device]
	where := "ingress"
	if parent != atIngress && parent != qdiscIngress {
		where = "egress"
	}
	said := make(map[string]bool) // many filters may do the same
	add := func(grave bool, device, format string, args ...any) {
		if what := fmt.Sprintf(format, args...); !said[what] {
			said[what] = true
			s.add(TrafficControl, grave, device, "%s", what)
		}
	}
	for _, m := range replies {
		var f filter
		if len(m.Data) < trafficHeaderLen || f.decode(m.Data[trafficHeaderLen:]) != nil {
			add(false, from.of, "a filter at %s of interface %s cannot be read", where, device)
			continue
		}
		for _, t := range f.targets {
			what := "packets"
			if t.copy {
				what = "copies of packets"
			}
			to := s.byID[t.link].name
			switch {
			case zoned:
				add(true, from.of, "a filter (%s) at %s of %s hands %s to interface %s", f.kind, where, s.describe(device), what, to)
			case s.places[to].of != "":
				add(true, s.places[to].of, "a filter (%s) at %s of interface %s hands %s to %s", f.kind, where, device, what, s.describe(to))
			}
		}
		if f.program && zoned {
			add(false, from.of, "a program of traffic control at %s of %s may hand its packets on", where, s.describe(device))
		}
	}
}

// decode reads the attributes of a filter's message.
func (f *filter) decode(b []byte) error {
	attrs, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	for attrs.Next() {
		switch attrs.Type() {
		case trafficKind:
			f.kind = attrs.String()
			f.program = f.kind == "bpf"
		case trafficOptions:
			actions, known := actionsOf[f.kind]
			if !known {
				continue
			}
			attrs.Nested(func(options *netlink.AttributeDecoder) error {
				for options.Next() {
					if options.Type() == actions {
						options.Nested(f.decodeActions)
					}
				}
				return nil
			})
		}
	}
	return attrs.Err()
}

func (f *filter) decodeActions(list *netlink.AttributeDecoder) error {
	for list.Next() {
		list.Nested(func(action *netlink.AttributeDecoder) error {
			kind := ""
			for action.Next() {
				switch action.Type() {
				case actionKind:
					kind = action.String()
					f.program = f.program || kind == "bpf"
				case actionOptions:
					if kind == "mirred" {
						action.Nested(f.decodeMirred)
					}
				}
			}
			return nil
		})
	}
	return nil
}

// decodeMirred reads struct tc_mirred: five numbers that all actions have, then what
// is done (1 and 3 send the packet, 2 and 4 a copy) and the interface.
func (f *filter) decodeMirred(options *netlink.AttributeDecoder) error {
	for options.Next() {
		if b := options.Bytes(); options.Type() == mirredParms && len(b) >= 28 {
			does := binary.NativeEndian.Uint32(b[20:])
			f.targets = append(f.targets, target{link: binary.NativeEndian.Uint32(b[24:]), copy: does == 2 || does == 4})
		}
	}
	return nil
}
