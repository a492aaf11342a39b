package links

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// attr writes an attribute; its values are bytes, numbers and other attributes.
func attr(kind uint16, values ...any) []byte {
	b := make([]byte, 4)
	for _, v := range values {
		switch v := v.(type) {
		case int:
			b = binary.NativeEndian.AppendUint32(b, uint32(v))
		case []byte:
			b = append(b, v...)
		}
	}
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	binary.NativeEndian.PutUint16(b[2:], kind)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// routeBody is a route message to 10.0.0.0/8 in the main table.
func routeBody(kind byte, flags int, attrs ...[]byte) []byte {
	b := []byte{unix.AF_INET, 8, 0, 4, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, kind}
	b = binary.NativeEndian.AppendUint32(b, uint32(flags))
	b = append(b, attr(unix.RTA_DST, []byte{10, 0, 0, 0})...)
	return append(b, slices.Concat(attrs...)...)
}

func hop(index int) []byte {
	b := []byte{8 + 8, 0, 0, 0}
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	return append(b, attr(unix.RTA_GATEWAY, []byte{192, 0, 2, 1})...)
}

func TestParseRoute(t *testing.T) {
	mtu := attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, 1400))
	locked := attr(unix.RTA_METRICS|syscall.NLA_F_NESTED, attr(unix.RTAX_LOCK, 1<<unix.RTAX_MTU), attr(unix.RTAX_MTU, 1400))
	tests := []struct {
		name   string
		body   []byte
		ok     bool
		limits bool
		outs   []uint32
		mtu    uint32
		locked bool
	}{
		{"empty", nil, false, false, nil, 0, false},
		{"short", routeBody(unix.RTN_UNICAST, 0)[:11], false, false, nil, 0, false},
		{"IPv6", append([]byte{unix.AF_INET6}, routeBody(unix.RTN_UNICAST, 0)[1:]...), false, false, nil, 0, false},
		{"multicast routing", append([]byte{128}, routeBody(unix.RTN_UNICAST, 0)[1:]...), false, false, nil, 0, false},
		{"plain", routeBody(unix.RTN_UNICAST, 0, attr(unix.RTA_OIF, 7)), true, false, []uint32{7}, 0, false},
		{"MTU", routeBody(unix.RTN_UNICAST, 0, mtu, attr(unix.RTA_OIF, 7)), true, true, []uint32{7}, 1400, false},
		{"locked", routeBody(unix.RTN_UNICAST, 0, locked, attr(unix.RTA_OIF, 7)), true, true, []uint32{7}, 1400, true},
		{"learnt", routeBody(unix.RTN_UNICAST, unix.RTM_F_CLONED, mtu, attr(unix.RTA_OIF, 7)), true, false, []uint32{7}, 1400, false},
		{"local", routeBody(unix.RTN_LOCAL, 0, mtu, attr(unix.RTA_OIF, 7)), true, false, []uint32{7}, 1400, false},
		{"several", routeBody(unix.RTN_UNICAST, 0, mtu, attr(unix.RTA_MULTIPATH, hop(7), hop(9))), true, true, []uint32{7, 9}, 1400, false},
		{"several, cut off", routeBody(unix.RTN_UNICAST, 0, mtu, attr(unix.RTA_MULTIPATH, hop(7), hop(9)[:12])), true, true, []uint32{7}, 1400, false},
		{"next hop kept apart", routeBody(unix.RTN_UNICAST, 0, mtu, attr(attributeObject, 3)), true, true, []uint32{0}, 1400, false},
		{"kept apart and said", routeBody(unix.RTN_UNICAST, 0, mtu, attr(attributeObject, 3), attr(unix.RTA_OIF, 7)), true, true, []uint32{7}, 1400, false},
		{"no way out", routeBody(unix.RTN_UNREACHABLE, 0, mtu), true, false, nil, 1400, false},
		{"MTU cut off", routeBody(unix.RTN_UNICAST, 0, attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, []byte{1, 2})), attr(unix.RTA_OIF, 7)), true, false, []uint32{7}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, ok := parseRoute(tt.body)
			if ok != tt.ok || r.limits() != tt.limits || r.mtu != tt.mtu || r.locked != tt.locked {
				t.Errorf("%v %v %d %v, want %v %v %d %v", ok, r.limits(), r.mtu, r.locked, tt.ok, tt.limits, tt.mtu, tt.locked)
			}
			if outs := slices.Collect(r.outs()); !slices.Equal(outs, tt.outs) {
				t.Errorf("out by %v, want %v", outs, tt.outs)
			}
		})
	}
}

func TestParseRouteRest(t *testing.T) {
	r, ok := parseRoute(routeBody(unix.RTN_UNICAST, unix.RTM_F_NOTIFY,
		attr(unix.RTA_TABLE, 1000), attr(unix.RTA_PRIORITY, 20), attr(unix.RTA_GATEWAY, []byte{192, 0, 2, 1}),
		attr(unix.RTA_CACHEINFO, 1, 2, 3, 4, 5, 6, 7, 8)))
	if want := (routeKey{1000, 20, [4]byte{10}, 8, 4}); !ok || r.routeKey != want {
		t.Errorf("%v %+v, want %+v", ok, r.routeKey, want)
	}
	if r.gateway != netip.MustParseAddr("192.0.2.1") || !r.expires || r.flags != unix.RTM_F_NOTIFY {
		t.Errorf("%+v", r)
	}
	via := append([]byte{unix.AF_INET6, 0}, netip.MustParseAddr("fe80::1").AsSlice()...)
	if r, _ = parseRoute(routeBody(unix.RTN_UNICAST, 0, attr(unix.RTA_VIA, via), attr(unix.RTA_CACHEINFO, 1, 2, 0, 4))); r.gateway != netip.MustParseAddr("fe80::1") || r.expires {
		t.Errorf("%+v", r)
	}
}

func TestHeadroom(t *testing.T) {
	tests := []struct {
		name string
		attr [][]byte
		n    int
		ok   bool
	}{
		{"none", nil, 0, true},
		{"IP", [][]byte{attr(unix.RTA_ENCAP_TYPE, []byte{2, 0})}, 0, true},
		{"MPLS, two labels", [][]byte{attr(unix.RTA_ENCAP, attr(mplsLabels, 1, 2)), attr(unix.RTA_ENCAP_TYPE, binary.NativeEndian.AppendUint16(nil, encapMPLS))}, 8, true},
		{"segments", [][]byte{attr(unix.RTA_ENCAP_TYPE, binary.NativeEndian.AppendUint16(nil, 5))}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := parseRoute(routeBody(unix.RTN_UNICAST, 0, tt.attr...))
			if n, ok := r.headroom(); n != tt.n || ok != tt.ok {
				t.Errorf("%d %v, want %d %v", n, ok, tt.n, tt.ok)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	one := newRequest(1, 0, 5, 1, 2, 3, 4).with(unix.RTA_DST, [4]byte{10}).sealed()
	two := newRequest(2, unix.NLM_F_DUMP, 6).sealed()
	var kinds []uint16
	for h, body := range messages(slices.Concat(one, two, one[:20])) {
		kinds = append(kinds, h.kind)
		if h.kind == 1 && (h.seq != 5 || h.flags != unix.NLM_F_REQUEST || len(body) != 12) {
			t.Errorf("%+v %x", h, body)
		}
	}
	if !slices.Equal(kinds, []uint16{1, 2}) {
		t.Errorf("messages %v", kinds)
	}
}

// FuzzRoute: whatever it is given, the reader of routes sees what the standard
// library's reader of attributes sees, as far as that can read at all.
func FuzzRoute(f *testing.F) {
	f.Add(routeBody(unix.RTN_UNICAST, 0, attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, 1400)), attr(unix.RTA_OIF, 7)))
	f.Add(routeBody(unix.RTN_UNICAST, 0, attr(unix.RTA_MULTIPATH, hop(7), hop(9)), attr(unix.RTA_ENCAP, attr(1, 2))))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, ok := parseRoute(body)
		for range r.outs() {
		}
		r.headroom()
		m := syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_NEWROUTE}, Data: body}
		if !ok || len(body)%4 != 0 { // which the standard library does not survive
			return
		}
		twin, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return
		}
		table, out, object := uint32(body[4]), uint32(0), false
		for _, a := range twin {
			switch kind := a.Attr.Type & typeMask; {
			case kind == attributeObject:
				object = true
			case kind == unix.RTA_TABLE:
				table = number(a.Value)
			case kind == unix.RTA_OIF:
				out = number(a.Value)
			}
		}
		if r.table != table || r.out != out || r.object != object {
			t.Errorf("%+v, want table %d, out %d, object %v", r, table, out, object)
		}
	})
}

// FuzzMessages: a datagram is read without reading beyond it, and what is read
// was in it.
func FuzzMessages(f *testing.F) {
	f.Add(slices.Concat(newRequest(1, 2, 3, 4).sealed(), newRequest(5, 6, 7).sealed()))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ours []header
		for h, body := range messages(b) {
			ours = append(ours, h)
			linkNotice(h, body)
			noticeOf(h, body)
		}
		if len(b)%4 != 0 {
			return
		}
		twin, err := syscall.ParseNetlinkMessage(b)
		if err != nil {
			return
		}
		for i, m := range twin {
			if want := (header{m.Header.Type, m.Header.Flags, m.Header.Seq}); i >= len(ours) || ours[i] != want {
				t.Fatalf("message %d of %d: want %+v", i, len(ours), want)
			}
		}
	})
}
