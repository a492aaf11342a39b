package capture

import (
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// PcapWriter records packets as pcap with nanoseconds. It must not be shared by
// goroutines. It does not buffer: each packet takes two writes.
type PcapWriter struct {
	w     *pcapgo.Writer
	link  LinkType
	frame []byte
}

// NewPcapWriter starts a file of link type LinkRaw or LinkEthernet.
func NewPcapWriter(w io.Writer, link LinkType) (*PcapWriter, error) {
	if link != LinkRaw && link != LinkEthernet {
		return nil, fmt.Errorf("capture: cannot write pcap of link type %v: use RAW or EN10MB", link)
	}
	p := &PcapWriter{w: pcapgo.NewWriterNanos(w), link: link}
	return p, p.w.WriteFileHeader(maxFrame, layers.LinkType(link))
}

// Write records packet, an IPv4 or IPv6 packet, at time t (zero: 1970). In an
// Ethernet file header goes before it: the frame header it came with, VLAN tag
// and all, or nil for one of zero addresses. In a raw file header is left out.
func (p *PcapWriter) Write(t time.Time, header, packet []byte) error {
	frame := packet
	if p.link == LinkEthernet {
		if header == nil {
			header = make([]byte, ethernetLen)
			if len(packet) > 0 {
				t := byVersion(packet[0])
				header[12], header[13] = byte(t>>8), byte(t)
			}
		}
		if len(header) < ethernetLen {
			return fmt.Errorf("capture: Ethernet header of %d bytes", len(header))
		}
		p.frame = append(append(p.frame[:0], header...), packet...)
		frame = p.frame
	}
	if t.IsZero() {
		t = time.Unix(0, 0) // pcapgo would take the time of day
	}
	return p.w.WritePacket(gopacket.CaptureInfo{Timestamp: t, CaptureLength: len(frame), Length: len(frame)}, frame)
}

// WriteFrame records what became of f: the same time and, if both are Ethernet,
// the same frame header, with packet in place of its own.
func (p *PcapWriter) WriteFrame(f *Frame, packet []byte) error {
	var header []byte
	if f.LinkType == LinkEthernet {
		header = f.Header
	}
	return p.Write(f.Time, header, packet)
}
