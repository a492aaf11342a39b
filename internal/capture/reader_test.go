package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// stamp is the time of all packets here; an odd number of nanoseconds.
var stamp = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)

func ethernetFrame(t testing.TB) []byte {
	return unhex(t, "020000000002 020000000001 0800"+ip)
}

// all reads a whole capture.
func all(t testing.TB, b []byte) ([]*Frame, error) {
	t.Helper()
	r, err := NewReader("test.pcap", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var list []*Frame
	for f, err := range r.All() {
		if err != nil {
			if f != nil {
				t.Error("a frame with an error")
			}
			return list, err
		}
		list = append(list, f)
	}
	if f, err := r.Next(); f != nil || err != io.EOF {
		t.Errorf("behind the end: %v, %v", f, err)
	}
	return list, nil
}

// pcapFile builds a pcap file by hand: any byte order, resolution and link type.
func pcapFile(order binary.AppendByteOrder, magic uint32, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 100) // a limit that nobody keeps
	b = order.AppendUint32(b, link)
	for _, f := range frames {
		b = order.AppendUint32(b, uint32(stamp.Unix()))
		if magic == pcapNano {
			b = order.AppendUint32(b, 123456789)
		} else {
			b = order.AppendUint32(b, 123456)
		}
		b = order.AppendUint32(b, uint32(len(f)))
		b = order.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func TestReadPcap(t *testing.T) {
	frame := ethernetFrame(t)
	long := append(bytes.Clone(frame), make([]byte, 200)...)
	for _, tt := range []struct {
		name  string
		order binary.AppendByteOrder
		magic uint32
		ns    int
	}{
		{"little-endian, microseconds", binary.LittleEndian, pcapMicro, 123456000},
		{"big-endian, microseconds", binary.BigEndian, pcapMicro, 123456000},
		{"little-endian, nanoseconds", binary.LittleEndian, pcapNano, 123456789},
		{"big-endian, nanoseconds", binary.BigEndian, pcapNano, 123456789},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := pcapFile(tt.order, tt.magic, uint32(LinkEthernet)|1<<26, frame, long)
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			z.Write(file)
			z.Close()
			for _, file := range [][]byte{file, zipped.Bytes()} {
				got, err := all(t, file)
				if err != nil || len(got) != 2 {
					t.Fatal(len(got), err)
				}
				f := got[1]
				if f.Number != 2 || f.Offset != int64(24+16+len(frame)) || f.Length != len(long) || f.Truncated() || f.LinkType != LinkEthernet {
					t.Errorf("%+v", f)
				}
				if want := time.Unix(stamp.Unix(), int64(tt.ns)).UTC(); f.Time != want {
					t.Errorf("time %v, want %v", f.Time, want)
				}
				if !bytes.Equal(f.Data, long) || len(f.IPv4) != 220 || f.Source.String() != "02:00:00:00:00:01" {
					t.Errorf("% x", f.Data)
				}
			}
		})
	}
}

// pcapgo would read link type 276 as 20 and 257 as Ethernet.
func TestReadPcapWideLinkType(t *testing.T) {
	sll2 := unhex(t, "0800 0000 00000003 0001 00 06 020000000001 0000"+ip)
	got, err := all(t, pcapFile(binary.LittleEndian, pcapMicro, 276, sll2))
	if err != nil || len(got) != 1 || len(got[0].IPv4) != 20 || got[0].IfIndex != 3 {
		t.Errorf("%v %v", got, err)
	}
	_, err = all(t, pcapFile(binary.LittleEndian, pcapMicro, 257, ethernetFrame(t)))
	wantError(t, err, 24, 1, "link type 257 is not supported", "tcpdump -i any")
}

func wantError(t *testing.T, err error, offset int64, packet int, parts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T)", err, err)
	}
	if e.File != "test.pcap" || e.Offset != offset || e.Packet != packet {
		t.Errorf("file %q, offset %d, packet %d, want %d, %d: %v", e.File, e.Offset, e.Packet, offset, packet, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestReadDamagedPcap(t *testing.T) {
	frame := ethernetFrame(t)
	good := pcapFile(binary.LittleEndian, pcapMicro, 1, frame, frame)
	second := int64(24 + 16 + len(frame))
	for n := range good {
		got, err := all(t, good[:n])
		switch {
		case n == 24:
			if err != nil || len(got) != 0 {
				t.Errorf("%d bytes: %d frames, %v", n, len(got), err)
			}
		case n == int(second):
			if err != nil || len(got) != 1 {
				t.Errorf("%d bytes: %d frames, %v", n, len(got), err)
			}
		case n == 0:
			wantError(t, err, 0, 0, "empty", "tcpdump -w")
		case n < 4:
			wantError(t, err, 0, 0, "too short", "tcpdump -w")
		case n < 24:
			wantError(t, err, 0, 0, "cut off", fmt.Sprint(n), "tcpdump -w")
		case n < int(second):
			wantError(t, err, 24, 1, "ends inside a packet", "editcap")
		default:
			if len(got) != 1 {
				t.Errorf("%d bytes: %d frames", n, len(got))
			}
			wantError(t, err, second, 2, "ends inside a packet", "editcap")
		}
	}
	tests := []struct {
		name   string
		change func(b []byte)
		offset int64
		packet int
		parts  []string
	}{
		{"text", func(b []byte) { copy(b, "hello") }, 0, 0, []string{"neither pcap nor pcapng", "68 65 6c 6c"}},
		{"old kind", func(b []byte) { binary.LittleEndian.PutUint32(b, pcapKuznetzov) }, 0, 0, []string{"editcap -F pcap"}},
		{"version", func(b []byte) { b[4] = 9 }, 0, 0, []string{"damaged pcap header", "version 9"}},
		{"huge packet", func(b []byte) { binary.LittleEndian.PutUint32(b[second+8:], 1<<31) }, second, 2, []string{"damaged packet header"}},
		{"more captured than there was", func(b []byte) { b[second+12] = 1 }, second, 2, []string{"damaged packet header"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bytes.Clone(good)
			tt.change(b)
			_, err := all(t, b)
			wantError(t, err, tt.offset, tt.packet, tt.parts...)
		})
	}
	t.Run("gzip", func(t *testing.T) {
		_, err := all(t, []byte{0x1f, 0x8b, 1, 2, 3})
		wantError(t, err, 0, 0, "gzip")
	})
}

func TestReadTruncatedPackets(t *testing.T) {
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(24, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	frame := ethernetFrame(t)
	if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: stamp, CaptureLength: 24, Length: len(frame)}, frame[:24]); err != nil {
		t.Fatal(err)
	}
	got, err := all(t, b.Bytes())
	if err != nil || len(got) != 1 || !got[0].Truncated() || got[0].Length != 34 || len(got[0].IPv4) != 10 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.pcap")
	if _, err := Open(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(name, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.HasPrefix(err.Error(), name+": at byte 0: neither") {
		t.Errorf("nonsense: %v", err)
	}
	if err := os.WriteFile(name, pcapFile(binary.LittleEndian, pcapMicro, 1, ethernetFrame(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := r.Next(); err != nil || f.Number != 1 {
		t.Error(f, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(); err == nil {
		t.Error("reads on after Close")
	}
}
