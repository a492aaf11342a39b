package e2e

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// limits sends packets that reach, with their option, what a header and a packet can
// hold. None is lost without a record.
func (m *mtuBench) limits(t *testing.T) {
	m.arrange(t, &network{})
	t.Run("header", m.fullHeaders)
	t.Run("datagram in fragments", m.fullDatagrams)
	t.Run("packet", m.fullPackets)
}

// alert is the option that asks routers to look at a packet (RFC 2113), one of the
// few that may stay beside a label.
var alert = []byte{0x94, 4, 0, 0}

// fullHeaders sends packets with another option, beside which not every label has
// room.
func (m *mtuBench) fullHeaders(t *testing.T) {
	for n := shortestOption; n <= longestOption; n++ {
		fate := m.raw(t, pop, tom, n, header{options: alert}, 100)
		want := "arrived"
		if n+len(alert) > longestOption {
			want = "no-room"
		}
		if fate != want {
			t.Errorf("option of %d bytes beside 4: %s, want %s", n, fate, want)
		}
	}
}

// fullDatagrams sends datagrams that only just fit an IPv4 packet, in fragments. With
// the option in the header of the whole they would be longer than one can be.
func (m *mtuBench) fullDatagrams(t *testing.T) {
	for _, n := range []int{10, 25, 40} {
		for _, more := range []int{0, 1} {
			size := 65535 - padded(n) + more
			s, err := m.talk(pop, tom, n, unix.IP_PMTUDISC_DONT)
			must(t, err)
			number, err := s.send(size)
			must(t, err)
			want := "arrived"
			if more > 0 {
				want = "no-room"
			}
			fate := m.fate(t, s.local, func() bool { return m.sinks["tom"].times(number) > 0 })
			if fate != want {
				t.Errorf("option of %d bytes, datagram of %d: %q, want %s", n, size, fate, want)
			}
			s.close()
		}
	}
}

// fullPackets sends packets that only just fit, on links that take any.
func (m *mtuBench) fullPackets(t *testing.T) {
	const widest = 65535
	const answer = 65531 // what an answer to the kernel has room for
	m.arrange(t, &network{links: map[string]int{"pop": widest, "tom": widest}})
	defer m.arrange(t, &network{})
	for _, n := range []int{10, 40} {
		grows := padded(n)
		for _, tt := range []struct {
			size int
			want string
		}{
			{9000, "arrived"}, {answer - grows, "arrived"}, {answer - grows + 1, "no-room"}, {widest - grows, "no-room"}, {widest - grows + 1, "no-room"},
			{answer, "no-room"}, {answer + 1, "truncated"}, {widest, "truncated"},
		} {
			if fate := m.raw(t, pop, tom, n, header{}, tt.size); fate != tt.want {
				t.Errorf("option of %d bytes, packet of %d: %q, want %s", n, tt.size, fate, tt.want)
			}
		}
	}
}

// raw puts a datagram of so many bytes on a party's cable, and says what became of
// it.
func (m *mtuBench) raw(t *testing.T, from, to party, n int, h header, size int) (fate string) {
	t.Helper()
	port, number := uint16(m.port.Add(1)), m.ids.Add(1)
	h.src, h.dst, h.proto = from.address(n), to.address(n), protoUDP
	h.body = udp(port, inboxPort, numbered(number, size-minHeader-len(h.options)-8))
	must(t, m.SendRaw(from.name, h.bytes()))
	return m.fate(t, netip.AddrPortFrom(from.address(n), port), func() bool { return m.sinks[to.name].times(number) > 0 })
}

// fate waits until a datagram arrived or was recorded; it is then "arrived" or the
// reason, and "" when neither comes about. A record of what came in pieces, or not
// as a whole, has no port.
func (m *mtuBench) fate(t *testing.T, from netip.AddrPort, arrived func() bool) (fate string) {
	t.Helper()
	eventually(func() bool {
		if arrived() {
			fate = "arrived"
			return true
		}
		all, err := m.Records(lab.GatewayName)
		must(t, err)
		for _, r := range all[m.recorded:] {
			if r.Action == audit.Denied && r.Saddr == from.Addr() && (r.Src == from.Port() || !r.HasPorts) {
				fate = r.Reason
			}
		}
		if fate != "" {
			m.recorded = len(all)
		}
		return fate != ""
	})
	return fate
}
