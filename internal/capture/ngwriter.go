package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	resolutionNano = 9
	maxText        = 0xffff // of an option
)

// InterfaceInfo describes an interface of a recording.
type InterfaceInfo struct {
	Name        string // as the kernel calls it
	Description string // may be empty
	LinkType    LinkType
}

// Packet is one packet to be recorded.
type Packet struct {
	Interface int       // as AddInterface returned it
	Time      time.Time // recorded in nanoseconds; before 1970 becomes 1970
	Direction Direction
	Data      []byte // the frame, with the header that the interface's link type wants
	Length    int    // on the wire; 0 if Data is all of it
	Comment   string // shown by Wireshark as frame.comment; may be empty
}

// NgWriter records packets as pcapng (draft-ietf-opsawg-pcapng), little-endian,
// one section. It must not be shared by goroutines. Each block is one write of
// its own, so that a reader at the other end of a pipe sees whole packets.
type NgWriter struct {
	w          io.Writer
	block      []byte
	interfaces int
}

// NewNgWriter starts a file; application is the program that Wireshark names as
// its writer.
func NewNgWriter(w io.Writer, application string) (*NgWriter, error) {
	const optApplication = 4
	n := &NgWriter{w: w}
	n.begin(blockSection)
	n.u32(byteOrderMagic)
	n.u16(1) // version 1.0
	n.u16(0)
	n.u32(0xffffffff) // section length: not known
	n.u32(0xffffffff)
	n.text(optApplication, application)
	n.endOptions()
	return n, n.end()
}

// AddInterface describes an interface, at any time before its first packet, and
// returns its number.
func (n *NgWriter) AddInterface(i InterfaceInfo) (int, error) {
	n.begin(blockInterface)
	n.u16(uint16(i.LinkType))
	n.u16(0)
	n.u32(maxFrame)
	n.text(optName, i.Name)
	n.text(optDesc, i.Description)
	n.option(optResolution, []byte{resolutionNano})
	n.endOptions()
	if err := n.end(); err != nil {
		return 0, err
	}
	n.interfaces++
	return n.interfaces - 1, nil
}

// WritePacket records one packet. After an error of the underlying writer the
// file may end inside a block.
func (n *NgWriter) WritePacket(p Packet) error {
	if p.Interface < 0 || p.Interface >= n.interfaces {
		return fmt.Errorf("capture: packet of interface %d, where %d are described", p.Interface, n.interfaces)
	}
	if len(p.Data) > maxFrame {
		return fmt.Errorf("capture: packet of %d bytes, the limit is %d", len(p.Data), maxFrame)
	}
	var stamp uint64
	if !p.Time.IsZero() {
		stamp = uint64(max(p.Time.UnixNano(), 0))
	}
	n.begin(blockEnhanced)
	n.u32(uint32(p.Interface))
	n.u32(uint32(stamp >> 32))
	n.u32(uint32(stamp))
	n.u32(uint32(len(p.Data)))
	n.u32(uint32(max(p.Length, len(p.Data))))
	n.block = append(n.block, p.Data...)
	n.pad()
	n.text(optComment, p.Comment)
	if p.Direction != DirectionUnknown {
		n.option(optFlags, []byte{byte(p.Direction), 0, 0, 0})
	}
	n.endOptions()
	return n.end()
}

func (n *NgWriter) u16(v uint16) { n.block = binary.LittleEndian.AppendUint16(n.block, v) }
func (n *NgWriter) u32(v uint32) { n.block = binary.LittleEndian.AppendUint32(n.block, v) }

// begin starts a block; its length comes with end.
func (n *NgWriter) begin(kind uint32) {
	n.block = n.block[:0]
	n.u32(kind)
	n.u32(0)
}

// end writes the block with its length, which stands at both ends.
func (n *NgWriter) end() error {
	length := uint32(len(n.block) + 4)
	n.u32(length)
	binary.LittleEndian.PutUint32(n.block[4:], length)
	written, err := n.w.Write(n.block)
	if err == nil && written < len(n.block) {
		err = io.ErrShortWrite
	}
	return err
}

func (n *NgWriter) pad() {
	for len(n.block)%4 != 0 {
		n.block = append(n.block, 0)
	}
}

func (n *NgWriter) option(code uint16, value []byte) {
	n.u16(code)
	n.u16(uint16(len(value)))
	n.block = append(n.block, value...)
	n.pad()
}

// text appends an option of text unless it is empty: UTF-8, without zero bytes,
// at most as long as the length field can say.
func (n *NgWriter) text(code uint16, s string) {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if len(s) > maxText {
		cut := maxText
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	if s != "" {
		n.option(code, []byte(s))
	}
}

// endOptions ends the list of options. Each block here has some or may have.
func (n *NgWriter) endOptions() { n.option(optEnd, nil) }
