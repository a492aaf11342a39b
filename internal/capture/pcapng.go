package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng). All others are skipped.
const (
	blockSection   = 0x0a0d0d0a // the same in both byte orders
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	byteOrderMagic = 0x1a2b3c4d
	maxBlock       = 16 << 20
)

// pcapng reads the packets of a pcapng file, block by block.
type pcapng struct {
	r      *bufio.Reader
	order  binary.ByteOrder
	offset int64 // of the next block
	at     int64 // of the current one

	interfaces []ngInterface // of the current section
	before     int           // interfaces in the sections before
}

type ngInterface struct {
	name  string
	link  LinkType
	snap  uint32
	clock clock
}

func newPcapng(name string, r *bufio.Reader) *pcapng {
	return &pcapng{r: r, order: binary.LittleEndian}
}

// fault is an error in the current block; packet says whether that is a packet.
func (p *pcapng) fault(kind uint32, what string, args ...any) error {
	e := &Error{Offset: p.at, What: fmt.Sprintf(what, args...), Hint: hintCut}
	if p.at == 0 {
		e.Hint = hintRecord
	}
	switch kind {
	case blockPacket, blockSimple, blockEnhanced:
		e.Packet = 1
	}
	return e
}

func (p *pcapng) next() (*Frame, error) {
	for {
		kind, body, err := p.block()
		if err != nil {
			return nil, err
		}
		var f *Frame
		switch kind {
		case blockSection:
			err = p.section(body)
		case blockInterface:
			err = p.describe(body)
		case blockEnhanced, blockPacket:
			f, err = p.packet(kind, body)
		case blockSimple:
			f, err = p.simple(body)
		}
		if f != nil || err != nil {
			return f, err
		}
	}
}

// block reads the next block and returns its body: without type and lengths.
func (p *pcapng) block() (kind uint32, body []byte, err error) {
	p.at = p.offset
	var head [12]byte
	if _, err := io.ReadFull(p.r, head[:8]); err != nil {
		if err == io.EOF {
			return 0, nil, io.EOF
		}
		return 0, nil, p.cut(err, "a block header")
	}
	have := 8
	if binary.BigEndian.Uint32(head[:]) == blockSection {
		// Each section has its own byte order.
		if _, err := io.ReadFull(p.r, head[8:]); err != nil {
			return 0, nil, p.cut(err, "a section header")
		}
		have = 12
		switch uint32(byteOrderMagic) {
		case binary.LittleEndian.Uint32(head[8:]):
			p.order = binary.LittleEndian
		case binary.BigEndian.Uint32(head[8:]):
			p.order = binary.BigEndian
		default:
			return 0, nil, p.fault(0, "section header with byte order % x", head[8:])
		}
	}
	kind = p.order.Uint32(head[:])
	n := p.order.Uint32(head[4:])
	if n < 12 || int(n) < have+4 || n%4 != 0 || n > maxBlock {
		return 0, nil, p.fault(kind, "block of type %d with length %d", kind, n)
	}
	block := make([]byte, int(n)-8)
	copy(block, head[8:have])
	if _, err := io.ReadFull(p.r, block[have-8:]); err != nil {
		return 0, nil, p.cut(err, fmt.Sprintf("a block of type %d", kind))
	}
	end := len(block) - 4
	if again := p.order.Uint32(block[end:]); again != n {
		return 0, nil, p.fault(kind, "block of type %d with length %d at its start and %d at its end", kind, n, again)
	}
	p.offset += int64(n)
	return kind, block[:end:end], nil
}

// cut is the error of a file that ends inside what.
func (p *pcapng) cut(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return p.fault(0, "the file ends inside %s", what)
	}
	return &Error{Offset: p.at, What: "cannot read", Err: err}
}

func (p *pcapng) section(b []byte) error {
	if len(b) < 16 {
		return p.fault(0, "section header of %d bytes", len(b))
	}
	// Minor version 2 is the same as 0.
	if major, minor := p.order.Uint16(b[4:]), p.order.Uint16(b[6:]); major != 1 || minor != 0 && minor != 2 {
		return &Error{Offset: p.at, What: fmt.Sprintf("pcapng version %d.%d", major, minor), Hint: "convert it with: editcap -F pcapng IN OUT"}
	}
	p.before += len(p.interfaces)
	p.interfaces = nil
	return nil
}

// option is an option of a block.
type option struct {
	code  uint16
	value []byte
}

// Codes of options, and the length of those that have a fixed one.
const (
	optEnd        = 0
	optComment    = 1
	optName       = 2 // of an interface
	optDesc       = 3
	optFlags      = 2 // of a packet
	optResolution = 9
	optOffset     = 14
)

// options splits the options at the end of a block.
func (p *pcapng) options(kind uint32, b []byte) ([]option, error) {
	var list []option
	for len(b) >= 4 {
		code, n := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
		if code == optEnd {
			break
		}
		b = b[4:]
		if n > len(b) {
			return nil, p.fault(kind, "option %d of %d bytes, where %d are left", code, n, len(b))
		}
		list = append(list, option{code, b[:n:n]})
		b = b[min(padded(n), len(b)):]
	}
	return list, nil
}

// padded rounds n up to whole words.
func padded(n int) int { return (n + 3) &^ 3 }

func (p *pcapng) describe(b []byte) error {
	if len(b) < 8 {
		return p.fault(0, "interface description of %d bytes", len(b))
	}
	i := ngInterface{link: LinkType(p.order.Uint16(b)), snap: p.order.Uint32(b[4:]), clock: microseconds}
	list, err := p.options(blockInterface, b[8:])
	if err != nil {
		return err
	}
	for _, o := range list {
		switch {
		case o.code == optName:
			i.name = text(o.value)
		case o.code == optResolution && len(o.value) == 1:
			if !i.clock.resolve(o.value[0]) {
				return p.fault(0, "interface with a clock resolution of %#02x", o.value[0])
			}
		case o.code == optOffset && len(o.value) == 8:
			i.clock.offset = int64(p.order.Uint64(o.value))
		}
	}
	p.interfaces = append(p.interfaces, i)
	return nil
}
