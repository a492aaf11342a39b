package cipso

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Where what was recorded is not what the columns say, what it is, and why. An
// entry that does not differ any more is an error.
var wireDifferences = []struct{ group, test, label, wire, why string }{
	{"multi", "before_map", "latemap", "250/2-3,5-6,10-11,16,18-20,22,26-27,30,32,34-35,37-38,40,42-43,48,50-52",
		"sent before the label was mapped; the row shows the mapping read afterwards"},
	{"multi", "existing_socket_after_remap", "lm2", "45/6", "a socket keeps the option of the mapping it was made under; the row shows the new mapping"},
	{"useropts", "rr uid0", "Label", "none", "a process may replace the option of its own socket"},
	{"useropts", "rr uid1000", "Label", "none", "it may do so without privilege too"},
	{"useropts", "rr39 uid1000", "Label", "none", "the same, with an option that leaves no room for a label"},
	{"useropts", "own_cipso uid0", "Label", "5/1", "root may supply an option 134 of its own"},
	{"useropts", "nop_own_cipso uid0", "Label", "5/1", "the same, and not as the first option"},
	{"multi", "multi109", "multi109", notDirect, "mapped explicitly to the level of direct labels"},
	{"autolevel", "direct=100 mapped=101", "Exp250", notDirect, "the same; it moved when that level was changed"},
	{"autolevel", "direct=250 mapped=250", "Exp250", notDirect, "the same; it moved back"},
}

// notDirect marks a label that is short, and at the level of direct labels, but
// is not spelt by its categories. Its option is that of its columns.
const notDirect = "not direct"

// Every option that a Smack kernel put on a packet is, byte for byte, the one
// that its label has here, and is decoded to it.
func TestKernelWire(t *testing.T) {
	differing := make(map[[3]string]string)
	for _, d := range wireDifferences {
		differing[[3]string{d.group, d.test, d.label}] = d.wire
	}
	seen := make(map[[3]string]bool)
	ids := make(map[[3]string]uint32) // numbers of long labels
	rows, direct, mapped := 0, 0, 0
	for _, r := range table(t, "wire/cipso_wire.tsv") {
		if r["ip_options_hex"] == "" {
			continue
		}
		rows++
		name := r["label"]
		key := [3]string{r["group"], r["case"], name}
		where := strings.Join(key[:], "/") + "/" + r["packet"]
		area := r.options(t)
		doi := noteDOI(r)
		level, err := strconv.ParseUint(r["level"], 10, 8)
		if err != nil {
			t.Fatalf("%s: level %v", where, err)
		}
		label := Label{Level: uint8(level), Categories: categories(t, r["cats"])}
		difference, differs := differing[key]
		seen[key] = differs
		if differs && difference != notDirect {
			if got := onWire(area, doi); got != difference {
				t.Errorf("%s: %s on the wire, the table of differences says %s", where, got, difference)
			} else if got == labelText(&label) {
				t.Errorf("%s: is in the table of differences, but does not differ", where)
			}
			continue
		}

		definition := Definition{DOI: doi, Tags: []TagType{TagRestricted}}
		var dst [MaxOptionLen]byte
		n, _ := definition.Encode(&dst, &label)
		if !bytes.Equal(padded(dst[:n:n]), area) {
			t.Errorf("%s: %x, the kernel sent %x", where, dst[:n], area)
		}
		want := Option{DOI: doi, Tag: TagRestricted, Label: label}
		for _, compat := range []bool{false, true} {
			d := Decoder{Definitions: []Definition{definition}, Compat: compat}
			var o Option
			if _, f := d.Decode(area, &o); f.Code != NoFault || o != want {
				t.Errorf("%s: %x decodes as %s, %v; want %s", where, area, labelText(&o.Label), f, labelText(&label))
			}
		}

		directLevel, mappedLevel := levels(r)
		switch {
		case label.Level == directLevel && len(name) <= MaxDirectLen:
			var c Categories
			if !DirectCategories(name, &c) || c != label.Categories != differs {
				t.Errorf("%s: categories %s, the kernel has %s; expected to differ: %v", where, c.String(), label.Categories.String(), differs)
			}
			if text, ok := DirectText(&label.Categories, nil); (ok && string(text) == name) == differs {
				t.Errorf("%s: spells %q; expected to differ: %v", where, text, differs)
			}
			direct++
		case differs:
			t.Errorf("%s: is in the table of differences, but is not at the direct level", where)
		case label.Level == mappedLevel && len(name) > MaxDirectLen:
			// User-Mode Linux ran on a little-endian machine. Numbers up to 9
			// are the system's.
			id, ok := MappedID(&label.Categories, binary.LittleEndian)
			if !ok || id < 10 {
				t.Errorf("%s: %s is no label number", where, label.Categories.String())
			}
			if earlier, ok := ids[key]; ok && earlier != id {
				t.Errorf("%s: number %d, before %d", where, id, earlier)
			}
			ids[key] = id
			mapped++
		}
	}
	for key := range differing {
		if !seen[key] {
			t.Errorf("%v: is in the table of differences, but in no row", key)
		}
	}
	if rows != 874 || direct != 340 || mapped != 131 {
		t.Errorf("%d options, %d direct, %d mapped: the recorded table has 874, 340 and 131", rows, direct, mapped)
	}
	t.Logf("%d options: %d direct labels, %d long ones, %d cases that differ", rows, direct, mapped, len(differing))
}

// noteDOI returns the DOI that the host was set to.
func noteDOI(r row) DOI {
	if text, ok := strings.CutPrefix(r["note"], "doi="); ok {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return DOI(n)
		}
	}
	return 3
}

// levels returns the levels of direct and of mapped labels on the host.
func levels(r row) (direct, mapped uint8) {
	if n, _ := fmt.Sscanf(r["case"], "direct=%d mapped=%d", &direct, &mapped); n == 2 {
		return direct, mapped
	}
	return DirectLevel, MappedLevel
}

func labelText(l *Label) string { return fmt.Sprintf("%d/%s", l.Level, l.Categories.String()) }

// onWire says what an option area carries.
func onWire(area []byte, doi DOI) string {
	for i := 0; i < len(area) && area[i] != 0; {
		switch {
		case area[i] == OptionType:
			d := smackHost(doi)
			var o Option
			if _, f := d.Decode(area[i:], &o); f.Code != NoFault {
				return f.Code.String()
			}
			return labelText(&o.Label)
		case area[i] == 1:
			i++
		default:
			i += int(area[i+1])
		}
	}
	return "none"
}

// The same options read by another decoder of IPv4 from the captures: each is
// decoded and comes out of the encoder as it went in.
func TestKernelCaptures(t *testing.T) {
	files, err := filepath.Glob("../test/vectors/wire/*.pcap")
	if err != nil || len(files) != 5 {
		t.Fatalf("%v, %v: want the 5 captures", files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			capture, err := pcapgo.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			source := gopacket.NewPacketSource(capture, capture.LinkType())
			packets, options := 0, 0
			for packet := range source.Packets() {
				ip, ok := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
				if !ok {
					continue
				}
				packets++
				for _, option := range ip.Options {
					if option.OptionType != OptionType {
						continue
					}
					options++
					raw := append([]byte{option.OptionType, option.OptionLength}, option.OptionData...)
					var o Option
					if _, f := anyStrict.Decode(raw, &o); f.Code != NoFault {
						t.Errorf("packet %d: %x: %v", packets, raw, f)
						continue
					}
					again, ok := AppendOption(nil, &o)
					if !ok || !bytes.Equal(again, raw) {
						t.Errorf("packet %d: %x encodes as %x", packets, raw, again)
					}
					// The label comes first, and nothing but padding follows it.
					if !bytes.Equal(padded(again), ip.Contents[20:int(ip.IHL)*4]) {
						t.Errorf("packet %d: option area %x", packets, ip.Contents[20:int(ip.IHL)*4])
					}
				}
			}
			if options == 0 {
				t.Errorf("no option in %d packets", packets)
			}
			t.Logf("%d options in %d packets", options, packets)
		})
	}
}
