package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// quoteOf holds an error that a socket heard of against what was on the cable: who
// sent it, and whether it shows the datagram as it was sent. It returns what is
// wrong, "" for nothing.
func (m *mtuBench) quoteOf(s *talker, number uint64, size int, e *toldError) string {
	payload := numbered(number, size-minHeader-s.from.stack(s.n)-8)
	if !bytes.HasPrefix(payload, e.payload) {
		return fmt.Sprintf("the error quotes % x behind the UDP header, sent was % x", e.payload[:min(len(e.payload), 16)], payload[:16])
	}
	if e.by == s.from.first() {
		return "" // the machine told itself; that was on no cable
	}
	var problem string
	eventually(func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		problem = "the error was on no cable"
		for _, p := range m.found.errors {
			// The last is the one.
			if q := quoted(p.ip); q != nil && p.cable == s.from.name && quotesPort(q, s.local.Port()) {
				problem = m.quoteWrong(p, q, s, e)
			}
		}
		return problem == ""
	})
	return problem
}

// quotesPort reports whether a quoted datagram came from a port.
func quotesPort(q []byte, port uint16) bool {
	n := headerLen(q)
	return n > 0 && len(q) >= n+2 && binary.BigEndian.Uint16(q[n:]) == port
}

// quoteWrong says what is wrong with an ICMP error that reached a host. m.mu is
// held.
func (m *mtuBench) quoteWrong(p *sniffed, q []byte, s *talker, e *toldError) string {
	message := p.ip[headerLen(p.ip):]
	by := netip.AddrFrom4([4]byte(p.ip[12:16]))
	n := headerLen(q)
	switch {
	case by != e.by || int(binary.BigEndian.Uint16(message[6:])) != e.mtu:
		return fmt.Sprintf("the error on the cable is by %v: % x", by, message[:8])
	case sum(message[:int(binary.BigEndian.Uint16(p.ip[2:]))-headerLen(p.ip)]) != 0xffff:
		return "the checksum of the error is wrong"
	case n == 0 || len(q) < n+8:
		return fmt.Sprintf("the error quotes % x", q)
	}
	sent := m.found.sent[datagramID{s.local.Addr(), s.to.address(s.n), s.local.Port(), binary.BigEndian.Uint16(q[4:])}]
	want := bytes.Clone(sent[:min(len(sent), len(q))])
	if len(want) != len(q) {
		return fmt.Sprintf("the error quotes % x, a datagram that was not sent", q)
	}
	if sum(q[:n]) != 0xffff {
		return fmt.Sprintf("the checksum of the quoted header is wrong: % x", q[:n])
	}
	// It lived less long by then, and at the sender its checksums were not finished.
	want[8] = q[8]
	copy(want[10:12], q[10:12])
	copy(want[n+6:n+8], q[n+6:])
	if !bytes.Equal(want, q) {
		return fmt.Sprintf("the error quotes\n% x, sent was\n% x", q, want)
	}
	return ""
}
