package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/gopacket/pcapgo"
)

// Layout of a pcap file.
const (
	pcapHeaderLen   = 24
	pcapRecordLen   = 16
	pcapLinkMask    = 0xffff // above: whether frames carry a check sequence
	pcapMicro       = 0xa1b2c3d4
	pcapNano        = 0xa1b23c4d
	pcapMicroSwap   = 0xd4c3b2a1
	pcapNanoSwap    = 0x4d3cb2a1
	pcapKuznetzov   = 0xa1b2cd34
	pcapKuznetzovSw = 0x34cdb2a1
)

// pcap reads the records of a pcap file.
type pcap struct {
	r      *pcapgo.Reader
	link   LinkType
	offset int64
}

func newPcap(name string, b *bufio.Reader) (*pcap, error) {
	header, err := b.Peek(pcapHeaderLen)
	if len(header) < 4 {
		return nil, &Error{File: name, What: "cannot read", Err: err}
	}
	var order binary.ByteOrder = binary.BigEndian
	switch binary.BigEndian.Uint32(header) {
	case pcapMicro, pcapNano:
	case pcapMicroSwap, pcapNanoSwap:
		order = binary.LittleEndian
	case pcapKuznetzov, pcapKuznetzovSw:
		return nil, &Error{File: name, What: "a pcap file of the old modified kind", Hint: "convert it with: editcap -F pcap IN OUT"}
	default:
		return nil, &Error{File: name, What: fmt.Sprintf("neither pcap nor pcapng: it starts with % x", header[:4]), Hint: hintRecord}
	}
	if len(header) < pcapHeaderLen {
		return nil, &Error{File: name, What: fmt.Sprintf("pcap header cut off: %d of %d bytes", len(header), pcapHeaderLen), Hint: hintRecord}
	}
	// Read here, because pcapgo keeps its low eight bits.
	link := LinkType(order.Uint32(header[20:]) & pcapLinkMask)
	r, err := pcapgo.NewReader(b)
	if err != nil {
		return nil, &Error{File: name, What: "damaged pcap header", Hint: hintRecord, Err: err}
	}
	// Some programs write packets longer than the limit they declare.
	r.SetSnaplen(maxFrame)
	return &pcap{r: r, link: link, offset: pcapHeaderLen}, nil
}

func (p *pcap) next() (*Frame, error) {
	data, info, err := p.r.ReadPacketData()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF) && info.CaptureLength == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &Error{Offset: p.offset, Packet: 1, What: "the file ends inside a packet", Hint: hintCut}
	case info.CaptureLength != 0:
		return nil, &Error{Offset: p.offset, Packet: 1, What: "damaged packet header", Hint: hintCut, Err: err}
	default:
		return nil, &Error{Offset: p.offset, Packet: 1, What: "cannot read", Err: err}
	}
	f := &Frame{Offset: p.offset, Time: info.Timestamp, Length: info.Length, LinkType: p.link, Data: data}
	p.offset += int64(pcapRecordLen + len(data))
	return f, nil
}
