package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// onCables is what the sniffers found.
type onCables struct {
	packets   int
	larger    int // than the MTU of their cable
	cut       int // TCP segments in fragments
	leaks     int // labels on cables that know none
	quoted    int // labels there in headers that ICMP errors quote
	unlike    int // packets whose options are not those of their label
	complaint []string

	offered map[conversation]int // segment sizes in SYNs as they arrived
	begun   map[conversation]int // and as they were sent
	sent    map[datagramID][]byte
	errors  []*sniffed // ICMP errors as they reached hosts
}

// conversation names the packets of one side of a connection.
type conversation struct{ src, dst netip.AddrPort }

// datagramID finds what an ICMP error quotes.
type datagramID struct {
	src, dst netip.Addr
	port, id uint16
}

// forget lets go of the packets that were kept. The counts stay.
func (c *onCables) forget() {
	c.offered, c.begun = map[conversation]int{}, map[conversation]int{}
	c.sent, c.errors = map[datagramID][]byte{}, nil
}

// cableDOI is the domain that each cable's packets are labeled in.
var cableDOI = map[string]uint32{"tom": mtuDOI, "una": mtuOtherDOI, "hal": mtuDOI, "rex": mtuDOI, "tess": mtuDOI}

// judge looks at a packet.
func (m *mtuBench) judge(p *sniffed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &m.found
	header := headerLen(p.ip)
	if header == 0 {
		return
	}
	c.packets++
	complain := func(n *int, what string) {
		if *n++; len(c.complaint) < 20 {
			c.complaint = append(c.complaint, fmt.Sprintf("%s: %s at %s, out %v, %d bytes: % x", what, p.cable, p.node, p.out, p.size, p.ip[:min(len(p.ip), 120)]))
		}
	}
	if p.size > m.mtus[p.cable] {
		complain(&c.larger, fmt.Sprintf("larger than %d", m.mtus[p.cable]))
	}
	field := binary.BigEndian.Uint16(p.ip[6:])
	if p.ip[9] == protoTCP && field&0x3fff != 0 && !m.cuts {
		complain(&c.cut, "a fragment of TCP")
	}
	m.judgeOptions(p, complain)
	if field&0x1fff != 0 || len(p.ip) < header+8 {
		return
	}
	body := p.ip[header:]
	end := func(address, port []byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(address)), binary.BigEndian.Uint16(port))
	}
	switch src, dst := end(p.ip[12:16], body), end(p.ip[16:20], body[2:]); {
	case p.ip[9] == protoTCP && len(body) > 13 && body[13]&2 != 0:
		into := c.offered
		if p.node == m.hostOf(src.Addr()) {
			into = c.begun
		} else if p.node != m.hostOf(dst.Addr()) {
			return
		}
		into[conversation{src, dst}] = segmentSize(body)
	case p.ip[9] == protoUDP && p.out && p.node == m.hostOf(src.Addr()):
		c.sent[datagramID{src.Addr(), dst.Addr(), src.Port(), binary.BigEndian.Uint16(p.ip[4:])}] = bytes.Clone(p.ip)
	case p.ip[9] == protoICMP && !p.out && p.node == m.hostOf(dst.Addr()):
		kept := *p
		kept.ip = bytes.Clone(p.ip)
		c.errors = append(c.errors, &kept)
	}
}

// judgeOptions holds the options of a packet against those of its label.
func (m *mtuBench) judgeOptions(p *sniffed, complain func(*int, string)) {
	c, area := &m.found, optionArea(p.ip)
	var others []byte // that were sent along
	if bytes.Contains(area, alert) {
		others = alert
	}
	doi := cableDOI[p.cable]
	if doi == 0 {
		if labelOptions(p.ip) > 0 {
			complain(&c.leaks, "a label")
		}
		if q := quoted(p.ip); q != nil && labelOptions(q) > 0 {
			complain(&c.quoted, "a quoted label")
		}
		if len(bytes.Trim(area, "\x00\x01")) != 0 && !bytes.Equal(area, others) {
			complain(&c.unlike, "options")
		}
		return
	}
	n := sizeOf(p.ip[16:20])
	if n == 0 {
		n = sizeOf(p.ip[12:16])
	}
	if m.dumb && p.ip[9] == protoICMP && p.cable == "rex" && [4]byte(p.ip[12:16]) == [4]byte{10, 5, 0, 2} {
		if len(area) != 0 {
			complain(&c.unlike, "options of a router that knows none")
		}
		return
	}
	want := append(optionOf(doi, n)[:optionLen(doi, n)], others...)
	want = append(want, make([]byte, padded(len(want))-len(want))...)
	if !bytes.Equal(area, want) {
		complain(&c.unlike, fmt.Sprintf("options that are not % x", want))
	}
}

// hostOf returns the host that has an address, "" for none.
func (m *mtuBench) hostOf(a netip.Addr) string {
	for _, h := range m.Topology().Hosts {
		if h.Address.Masked().Contains(a) {
			return h.Name
		}
	}
	return ""
}

// segmentSize returns the maximum segment size that a TCP header offers, 0 for none.
func segmentSize(tcp []byte) int {
	end := min(int(tcp[12]>>4)*4, len(tcp))
	for o := minHeader; o+1 < end && tcp[o] != 0; {
		switch {
		case tcp[o] == 1:
			o++
			continue
		case tcp[o] == 2 && o+4 <= end:
			return int(binary.BigEndian.Uint16(tcp[o+2:]))
		case tcp[o+1] < 2:
			return 0
		}
		o += int(tcp[o+1])
	}
	return 0
}
