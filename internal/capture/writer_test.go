package capture

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/pcapgo"
)

// blockWriter keeps each write apart.
type blockWriter struct{ writes [][]byte }

func (w *blockWriter) Write(b []byte) (int, error) {
	w.writes = append(w.writes, bytes.Clone(b))
	return len(b), nil
}

func (w *blockWriter) file() []byte { return bytes.Join(w.writes, nil) }

func TestNgWriterBytes(t *testing.T) {
	var w blockWriter
	n, err := NewNgWriter(&w, "lg")
	if err != nil {
		t.Fatal(err)
	}
	id, err := n.AddInterface(InterfaceInfo{Name: "eth0", Description: "enclave", LinkType: LinkSLL2})
	if err != nil || id != 0 {
		t.Fatal(id, err)
	}
	// A long packet first: its bytes must not show up in the padding of the next.
	for _, p := range []Packet{
		{Time: stamp, Data: bytes.Repeat([]byte{0xee}, 64), Comment: strings.Repeat("x", 64)},
		{Time: time.Unix(1, 2), Data: []byte{1, 2, 3, 4, 5}, Length: 9, Comment: "drop", Direction: Outbound},
		{Data: []byte{1, 2, 3, 4}},
	} {
		if err := n.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]byte{
		unhex(t, "0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0200 6c670000 0000 0000 28000000"),
		unhex(t, "01000000 34000000 1401 0000 00000400 0200 0400 65746830 0300 0700 656e636c61766500 0900 0100 09000000 0000 0000 34000000"),
		nil, // the long one
		unhex(t, "06000000 3c000000 00000000 00000000 02ca9a3b 05000000 09000000 0102030405000000 0100 0400 64726f70 0200 0400 02000000 0000 0000 3c000000"),
		unhex(t, "06000000 28000000 00000000 00000000 00000000 04000000 04000000 01020304 0000 0000 28000000"),
	}
	if len(w.writes) != len(want) {
		t.Fatalf("%d writes", len(w.writes))
	}
	for i := range want {
		if i != 2 && !bytes.Equal(w.writes[i], want[i]) {
			t.Errorf("block %d:\ngot  % x\nwant % x", i, w.writes[i], want[i])
		}
		if len(w.writes[i])%4 != 0 {
			t.Errorf("block %d has %d bytes", i, len(w.writes[i]))
		}
	}
}

// Every size of packet and comment, read back by pcapgo and by us.
func TestNgWriterReadBack(t *testing.T) {
	var w blockWriter
	n, err := NewNgWriter(&w, "labelgate test")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 40 {
		link := LinkRaw
		if i%2 == 0 {
			link = LinkEthernet
		}
		id, err := n.AddInterface(InterfaceInfo{Name: strings.Repeat("i", i%9), LinkType: link})
		if err != nil {
			t.Fatal(err)
		}
		for j := range 10 {
			comment := strings.Repeat("ü", i%5) + strings.Repeat("c", j)
			want = append(want, comment)
			p := Packet{Interface: id, Time: stamp.Add(time.Duration(i*j) * time.Nanosecond), Data: bytes.Repeat([]byte{0x45}, i+j), Length: 50, Comment: comment, Direction: Direction(j % 3)}
			if err := n.WritePacket(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	compareWithPcapgo(t, w.file(), len(want))
	got, err := all(t, w.file())
	if err != nil {
		t.Fatal(err)
	}
	var comments []string
	for i, f := range got {
		comments = append(comments, f.Comment)
		if f.Direction != Direction(i%10%3) {
			t.Errorf("packet %d: direction %d", f.Number, f.Direction)
		}
	}
	if diff := cmp.Diff(want, comments); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(w.file()), pcapgo.DefaultNgReaderOptions)
	if err != nil || r.SectionInfo().Application != "labelgate test" {
		t.Errorf("application %q, %v", r.SectionInfo().Application, err)
	}
}

func TestNgWriterText(t *testing.T) {
	long := strings.Repeat("ü", 40000)
	for _, tt := range []struct{ name, in, want string }{
		{"not UTF-8", "a\xffb", "a\ufffdb"},
		{"zero byte", "a\x00b", "a\ufffdb"},
		{"too long", long, long[:65534]},
		{"as long as can be", long[:65534], long[:65534]},
		{"lines", "one\ntwo", "one\ntwo"},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w blockWriter
			n, _ := NewNgWriter(&w, "")
			if _, err := n.AddInterface(InterfaceInfo{LinkType: LinkRaw}); err != nil {
				t.Fatal(err)
			}
			if err := n.WritePacket(Packet{Comment: tt.in}); err != nil {
				t.Fatal(err)
			}
			got, err := all(t, w.file())
			if err != nil || len(got) != 1 || got[0].Comment != tt.want {
				t.Errorf("%v, %d frames", err, len(got))
			}
		})
	}
}

var errFull = errors.New("disk full")

type fullDisk struct{ short bool }

func (f fullDisk) Write(b []byte) (int, error) {
	if f.short {
		return len(b) - 1, nil
	}
	return 0, errFull
}

func TestNgWriterRefuses(t *testing.T) {
	var w blockWriter
	n, _ := NewNgWriter(&w, "")
	if _, err := n.AddInterface(InterfaceInfo{LinkType: LinkRaw}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Packet{{Interface: 1}, {Interface: -1}, {Data: make([]byte, maxFrame+1)}} {
		if err := n.WritePacket(p); err == nil {
			t.Error("written")
		}
	}
	if len(w.writes) != 2 {
		t.Errorf("%d writes", len(w.writes))
	}
	if _, err := NewNgWriter(fullDisk{}, ""); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if _, err := NewNgWriter(fullDisk{short: true}, ""); err == nil {
		t.Error("a short write goes unnoticed")
	}
}

func TestNgWriterTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark")
	}
	var w blockWriter
	n, _ := NewNgWriter(&w, "labelgate")
	for _, name := range []string{"eth0", "eth1"} {
		if _, err := n.AddInterface(InterfaceInfo{Name: name, LinkType: LinkRaw}); err != nil {
			t.Fatal(err)
		}
	}
	for i, comment := range []string{"deny: no-rule", "über"} {
		if err := n.WritePacket(Packet{Interface: i, Time: stamp, Data: unhex(t, ip), Comment: comment, Direction: Inbound}); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "a.pcapng")
	if err := os.WriteFile(name, w.file(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-n", "-r", name, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "frame.comment", "-e", "ip.src").CombinedOutput()
	if err != nil {
		t.Skipf("tshark: %v\n%s", err, out)
	}
	for _, line := range []string{"eth0\t1772600767.123456789\tdeny: no-rule\t10.0.0.1\n", "eth1\t1772600767.123456789\tüber\t10.0.0.1\n"} {
		if !strings.Contains(string(out), line) {
			t.Errorf("tshark does not see %q:\n%s", line, out)
		}
	}
}

func TestPcapWriter(t *testing.T) {
	packet := unhex(t, ip)
	tagged := unhex(t, "020000000002 020000000001 8100 0064 0800"+ip)
	cooked := unhex(t, "0000 0001 0006 020000000001 0000 0800"+ip)
	tests := []struct {
		name string
		link LinkType
		from LinkType
		in   []byte
		want []byte
	}{
		{"raw from Ethernet", LinkRaw, LinkEthernet, tagged, packet},
		{"Ethernet keeps its header", LinkEthernet, LinkEthernet, tagged, tagged},
		{"Ethernet from cooked", LinkEthernet, LinkSLL, cooked, unhex(t, "000000000000 000000000000 0800"+ip)},
		{"Ethernet from raw", LinkEthernet, LinkRaw, packet, unhex(t, "000000000000 000000000000 0800"+ip)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &Frame{Time: stamp, LinkType: tt.from, Data: tt.in}
			if !f.dissect() {
				t.Fatal("not supported")
			}
			var b bytes.Buffer
			w, err := NewPcapWriter(&b, tt.link)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := w.WriteFrame(f, f.IPv4); err != nil {
					t.Fatal(err)
				}
			}
			got, err := all(t, b.Bytes())
			if err != nil || len(got) != 2 {
				t.Fatal(err)
			}
			for _, g := range got {
				if !bytes.Equal(g.Data, tt.want) || g.LinkType != tt.link || g.Time != stamp || !bytes.Equal(g.IPv4, packet) {
					t.Errorf("%+v", g)
				}
			}
		})
	}
	if _, err := NewPcapWriter(&bytes.Buffer{}, LinkSLL); err == nil {
		t.Error("cooked is written")
	}
	if _, err := NewPcapWriter(fullDisk{}, LinkRaw); !errors.Is(err, errFull) {
		t.Error(err)
	}
	var b bytes.Buffer
	w, _ := NewPcapWriter(&b, LinkEthernet)
	if err := w.Write(stamp, []byte{1, 2, 3}, packet); err == nil {
		t.Error("a header of 3 bytes is written")
	}
	if err := w.Write(time.Time{}, nil, []byte{0x60}); err != nil {
		t.Fatal(err)
	}
	got, err := all(t, b.Bytes())
	if err != nil || len(got) != 1 || got[0].Time != time.Unix(0, 0).UTC() || got[0].EtherType != EtherTypeIPv6 {
		t.Errorf("%+v %v", got, err)
	}
}
