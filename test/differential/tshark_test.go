package differential

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"labelgate/cipso"
	"labelgate/test/long"
	"labelgate/test/naive"
)

// written is a label as the gateway puts it on a packet.
type written struct {
	doi    cipso.DOI
	tag    cipso.TagType
	label  cipso.Label
	option []byte
}

// text is a label in the words that tshark is asked for.
func (w *written) text() string {
	set := make(map[int]bool)
	for _, r := range w.label.Categories.Ranges() {
		for c := int(r.Low); c <= int(r.High); c++ {
			set[c] = true
		}
	}
	return fmt.Sprintf("%d %d %d %s", w.doi, w.tag, w.label.Level, listed(set))
}

func listed(set map[int]bool) string {
	var all []int
	for c := range set {
		all = append(all, c)
	}
	slices.Sort(all)
	return strings.Trim(fmt.Sprint(all), "[]")
}

// TestTsharkReads: another decoder sees the domain, tag, level and categories
// that went into an option, whatever they are.
func TestTsharkReads(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("needs tshark, the independent decoder of CIPSO options")
	}
	seed := long.Seed(t, 5)
	r := rand.New(rand.NewPCG(seed, 0))
	var all []*written
	byTag := map[cipso.TagType]int{}
	for len(all) < long.Count(5_000, 100_000) {
		if w := draw(r); w != nil {
			byTag[w.tag]++
			all = append(all, w)
		}
	}
	path := filepath.Join(t.TempDir(), "written.pcap")
	if err := os.WriteFile(path, capture(t, all), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "ip.cipso.doi", "-e", "ip.cipso.tag_type",
		"-e", "ip.cipso.sensitivity_level", "-e", "ip.cipso.categories").Output()
	if err != nil {
		t.Fatal("tshark: ", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d packets", len(lines), len(all))
	}
	wrong := 0
	for i, w := range all {
		got, err := shown(lines[i])
		if want := w.text(); err != nil || got != want {
			if wrong++; wrong <= most {
				t.Errorf("%x: tshark reads %q (%v), want %q", w.option, got, err, want)
			}
		}
	}
	t.Logf("%d options, by tag type: %v", len(all), byTag)
	for _, tag := range []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges} {
		long.Report(t, figure(fmt.Sprintf("tshark/options/%s", tag), byTag[tag], "options").AtLeast(500))
	}
	long.Report(t, figure("tshark/seed", int(seed), "seed"), figure("tshark/differences", wrong, "options").AtMost(0))
}

// draw makes a label, and writes it in the first of the three tag types, in any
// order, that can carry it; nil when none can.
func draw(r *rand.Rand) *written {
	w := &written{doi: cipso.DOI(1 + r.Uint32N(1<<32-1))}
	w.label.Level = uint8(r.Uint32())
	limit := []int{8, 184, 240, 300, cipso.MaxCategory + 1}[r.IntN(5)]
	for range r.IntN([]int{1, 2, 5, 16, 60}[r.IntN(5)]) {
		low := r.IntN(limit)
		high := low
		if r.IntN(3) == 0 {
			high = min(low+r.IntN(1+r.IntN(200)), limit-1)
		}
		if !w.label.Categories.Add(uint16(low), uint16(high)) {
			return nil
		}
	}
	tags := []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges}
	r.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	definition := cipso.Definition{DOI: w.doi, Tags: tags}
	var b [cipso.MaxOptionLen]byte
	n, tag := definition.Encode(&b, &w.label)
	if n == 0 {
		return nil
	}
	w.tag, w.option = tag, b[:n]
	return w
}

// capture is a capture of one packet for each option.
func capture(t *testing.T, all []*written) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<16, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for _, option := range all {
		hl := 20 + (len(option.option)+3)&^3
		p := make([]byte, hl+8)
		p[0] = 0x40 | byte(hl/4)
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		p[8], p[9] = 64, 17
		copy(p[12:], []byte{192, 0, 2, 1, 198, 51, 100, 2})
		copy(p[20:], option.option)
		binary.BigEndian.PutUint16(p[hl+4:], 8) // a datagram of nothing
		naive.Seal(p)
		info := gopacket.CaptureInfo{Timestamp: time.Unix(0, 0), CaptureLength: len(p), Length: len(p)}
		if err := w.WritePacket(info, p); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// shown puts a line of tshark's into the words of a label.
func shown(line string) (string, error) {
	fields := strings.Split(line+"\t\t\t", "\t")
	set := make(map[int]bool)
	for _, item := range strings.FieldsFunc(fields[3], func(r rune) bool { return r == ',' || r == ' ' }) {
		a, b, isRange := strings.Cut(item, "-")
		if !isRange {
			b = a
		}
		low, err := strconv.Atoi(a)
		if err != nil {
			return line, err
		}
		high, err := strconv.Atoi(b)
		if err != nil {
			return line, err
		}
		for c := min(low, high); c <= max(low, high); c++ {
			set[c] = true
		}
	}
	return strings.Join(fields[:3], " ") + " " + listed(set), nil
}
