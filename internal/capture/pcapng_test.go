package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// ng builds pcapng files by hand.
type ng struct {
	order binary.AppendByteOrder
	b     []byte
}

func (n *ng) block(kind uint32, body ...[]byte) {
	joined := bytes.Join(body, nil)
	length := uint32(12 + len(joined))
	n.b = n.order.AppendUint32(n.b, kind)
	n.b = n.order.AppendUint32(n.b, length)
	n.b = append(n.b, joined...)
	n.b = n.order.AppendUint32(n.b, length)
}

func (n *ng) u16(v ...uint16) (b []byte) {
	for _, x := range v {
		b = n.order.AppendUint16(b, x)
	}
	return b
}

func (n *ng) u32(v ...uint32) (b []byte) {
	for _, x := range v {
		b = n.order.AppendUint32(b, x)
	}
	return b
}

func (n *ng) option(code uint16, value []byte) []byte {
	b := append(n.u16(code, uint16(len(value))), value...)
	return append(b, make([]byte, -len(value)&3)...)
}

func (n *ng) section() {
	n.block(blockSection, n.u32(byteOrderMagic), n.u16(1, 0), n.u32(^uint32(0), ^uint32(0)))
}

func (n *ng) describe(link uint16, options ...[]byte) {
	n.block(blockInterface, n.u16(link, 0), n.u32(0), bytes.Join(options, nil))
}

func (n *ng) enhanced(id uint32, stamp uint64, data []byte, options ...[]byte) {
	l := uint32(len(data))
	n.block(blockEnhanced, n.u32(id, uint32(stamp>>32), uint32(stamp), l, l), data, make([]byte, -len(data)&3), bytes.Join(options, nil))
}

func TestReadPcapng(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			n := &ng{order: order}
			packet := unhex(t, ip)
			odd := append(bytes.Clone(packet), 1, 2, 3)
			us := uint64(stamp.UnixMicro())
			n.section()
			n.describe(1, n.option(optName, []byte("eth0")))
			n.block(0xbad, []byte("skipped.")) // unknown
			n.describe(101, n.option(optName, []byte("tun0\x00")), n.option(optResolution, []byte{9}))
			n.enhanced(1, uint64(stamp.UnixNano()), odd, n.option(optComment, []byte("first")), n.option(optFlags, n.u32(2)), n.option(optComment, []byte("second")))
			n.enhanced(0, us, ethernetFrame(t), n.option(optFlags, n.u32(0x101)), n.option(optEnd, nil), []byte("junk"))
			n.block(blockSimple, n.u32(34), ethernetFrame(t), make([]byte, 2))
			n.block(blockPacket, n.u16(1, 7), n.u32(0, 0, 20, 40), packet)
			n.section()
			n.describe(276, n.option(optName, []byte("any")), n.option(optResolution, []byte{0x80 | 10}), n.option(optOffset, n.order.AppendUint64(nil, uint64(stamp.Unix()))))
			n.enhanced(0, 512, unhex(t, "0800 0000 00000003 0001 04 06 020000000001 0000"+ip))

			got, err := all(t, n.b)
			if err != nil || len(got) != 5 {
				t.Fatal(len(got), err)
			}
			type row struct {
				number, iface, length int
				name, comment         string
				time                  time.Time
				link                  LinkType
				dir                   Direction
				ip                    int
			}
			us0 := stamp.Truncate(time.Microsecond)
			want := []row{
				{1, 1, 23, "tun0", "first\nsecond", stamp, LinkRaw, Outbound, 23},
				{2, 0, 34, "eth0", "", us0, LinkEthernet, Inbound, 20},
				{3, 0, 34, "eth0", "", time.Time{}, LinkEthernet, DirectionUnknown, 20},
				{4, 1, 40, "tun0", "", time.Unix(0, 0).UTC(), LinkRaw, DirectionUnknown, 20},
				{5, 2, 40, "any", "", stamp.Truncate(time.Second).Add(time.Second / 2), LinkSLL2, Outbound, 20},
			}
			for i, f := range got {
				r := row{f.Number, f.Interface, f.Length, f.Name, f.Comment, f.Time, f.LinkType, f.Direction, len(f.IPv4)}
				if r != want[i] {
					t.Errorf("got  %+v\nwant %+v", r, want[i])
				}
				if kind := order.(binary.ByteOrder).Uint32(n.b[f.Offset:]); kind != blockEnhanced && kind != blockSimple && kind != blockPacket {
					t.Errorf("packet %d: offset %d is no packet", f.Number, f.Offset)
				}
			}
			if !got[3].Truncated() || got[0].Truncated() {
				t.Error("truncated or not")
			}
		})
	}
}

func TestReadDamagedPcapng(t *testing.T) {
	start := func() *ng {
		n := &ng{order: binary.LittleEndian}
		n.section() // 28 bytes
		n.describe(1)
		n.enhanced(0, 0, ethernetFrame(t)) // at 48, 68 bytes
		return n                           // 116 bytes
	}
	tests := []struct {
		name   string
		file   func(n *ng)
		offset int64
		packet int
		parts  []string
	}{
		{"no such interface", func(n *ng) { n.enhanced(1, 0, nil) }, 116, 2, []string{"interface 1, where 1"}},
		{"interfaces end with their section", func(n *ng) { n.section(); n.enhanced(0, 0, nil) }, 144, 2, []string{"where 0"}},
		{"simple packet without interface", func(n *ng) { n.section(); n.block(blockSimple, n.u32(0)) }, 144, 2, []string{"where 0"}},
		{"captured more than the block", func(n *ng) { n.block(blockEnhanced, n.u32(0, 0, 0, 8, 8), n.u32(0)) }, 116, 2, []string{"8 bytes captured of 8", "room for 4"}},
		{"captured 4 GB", func(n *ng) { n.block(blockEnhanced, n.u32(0, 0, 0, ^uint32(0), 8), n.u32(0)) }, 116, 2, []string{"4294967295"}},
		{"simple longer than the block", func(n *ng) { n.block(blockSimple, n.u32(8), n.u32(0)) }, 116, 2, []string{"room for 4"}},
		{"short packet block", func(n *ng) { n.block(blockEnhanced, n.u32(0)) }, 116, 2, []string{"packet block of 4 bytes"}},
		{"short simple block", func(n *ng) { n.block(blockSimple) }, 116, 2, []string{"simple packet block of 0"}},
		{"short description", func(n *ng) { n.block(blockInterface, n.u32(1)) }, 116, 0, []string{"interface description of 4"}},
		{"short section", func(n *ng) { n.block(blockSection, n.u32(byteOrderMagic, 1)) }, 116, 0, []string{"section header of 8"}},
		{"option past the block", func(n *ng) { n.enhanced(0, 0, nil, n.u16(1, 5), n.u32(0)) }, 116, 2, []string{"option 1 of 5 bytes, where 4"}},
		{"option of an interface", func(n *ng) { n.describe(1, n.u16(2, 5), n.u32(0)) }, 116, 0, []string{"option 2 of 5 bytes"}},
		{"resolution 10^-20", func(n *ng) { n.describe(1, n.option(optResolution, []byte{20})) }, 116, 0, []string{"resolution of 0x14"}},
		{"resolution 2^-64", func(n *ng) { n.describe(1, n.option(optResolution, []byte{0xc0})) }, 116, 0, []string{"resolution of 0xc0"}},
		{"version 2", func(n *ng) { n.block(blockSection, n.u32(byteOrderMagic), n.u16(2, 0), n.u32(0, 0)) }, 116, 0, []string{"version 2.0", "editcap"}},
		{"byte order", func(n *ng) { n.block(blockSection, n.u32(1), n.u16(1, 0), n.u32(0, 0)) }, 116, 0, []string{"byte order"}},
		{"length 8", func(n *ng) { n.b = append(n.b, n.u32(6, 8)...) }, 116, 2, []string{"type 6 with length 8"}},
		{"length 14", func(n *ng) { n.b = append(n.b, n.u32(7, 14)...) }, 116, 0, []string{"length 14"}},
		{"length 4 GB", func(n *ng) { n.b = append(n.b, n.u32(6, 0xfffffffc)...) }, 116, 2, []string{"length 4294967292"}},
		{"lengths differ", func(n *ng) { n.block(6, n.u32(1)); n.b[len(n.b)-1] = 9 }, 116, 2, []string{"16 at its start"}},
		{"link type", func(n *ng) { n.describe(105); n.enhanced(1, 0, nil) }, 136, 2, []string{"link type 105", "Ethernet"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := start()
			tt.file(n)
			got, err := all(t, n.b)
			wantError(t, err, tt.offset, tt.packet, tt.parts...)
			if len(got) != 1 {
				t.Errorf("%d frames before", len(got))
			}
		})
	}
	t.Run("cut anywhere", func(t *testing.T) {
		whole := start().b
		for n := 4; n < len(whole); n++ {
			got, err := all(t, whole[:n])
			switch {
			case n == 28 || n == 48:
				if err != nil || len(got) != 0 {
					t.Errorf("%d bytes: %v", n, err)
				}
			case n < 28:
				wantError(t, err, 0, 0, "ends inside")
			case n < 48:
				wantError(t, err, 28, 0, "ends inside")
			default:
				wantError(t, err, 48, 0, "ends inside", "editcap")
			}
		}
	})
}

// What pcapgo writes is read alike by both.
func TestPcapngAgainstPcapgo(t *testing.T) {
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{Name: "eth0", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9, SnapLength: 64}, pcapgo.DefaultNgWriterOptions)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapgo.NgInterface{Name: "tun0", LinkType: layers.LinkTypeRaw, TimestampResolution: 9}); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		data := append(ethernetFrame(t), bytes.Repeat([]byte{byte(i)}, i)...)
		if i%2 == 1 {
			data = data[14:]
		}
		info := gopacket.CaptureInfo{Timestamp: stamp.Add(time.Duration(i) * 999_999_937), CaptureLength: len(data), Length: len(data) + i%3, InterfaceIndex: i % 2}
		if err := w.WritePacket(info, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{LastUpdate: stamp, PacketsReceived: 100}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	compareWithPcapgo(t, b.Bytes(), 200)
}

// compareWithPcapgo reads a pcapng file with both readers.
func compareWithPcapgo(t *testing.T, file []byte, packets int) {
	t.Helper()
	got, err := all(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != packets {
		t.Fatalf("%d packets, want %d", len(got), packets)
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got {
		data, info, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		i, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, f.Data) || !info.Timestamp.Equal(f.Time) || info.Length != f.Length || info.InterfaceIndex != f.Interface || i.Name != f.Name || uint8(i.LinkType) != uint8(f.LinkType) {
			t.Fatalf("packet %d: pcapgo reads %+v of %+v, we %+v", f.Number, info, i, f)
		}
	}
}
