package cipso

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// set is the slow twin of Categories.
type set map[uint16]bool

func (s set) sorted() []uint16 {
	var out []uint16
	for c, ok := range s {
		if ok {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

func (s set) ranges() []Range {
	var out []Range
	for _, c := range s.sorted() {
		if n := len(out); n > 0 && out[n-1].High+1 == c {
			out[n-1].High = c
			continue
		}
		out = append(out, Range{c, c})
	}
	return out
}

func (s set) text() string {
	var parts []string
	for _, r := range s.ranges() {
		part := strconv.Itoa(int(r.Low))
		if r.Low != r.High {
			part += "-" + strconv.Itoa(int(r.High))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// same fails unless c is the canonical form of s in all its aspects.
func (s set) same(t testing.TB, c *Categories) {
	t.Helper()
	if got, want := c.Ranges(), s.ranges(); !slices.Equal(got, want) {
		t.Fatalf("ranges %v, want %v", got, want)
	}
	if got, want := c.Count(), len(s.sorted()); got != want || c.Empty() != (want == 0) {
		t.Fatalf("count %d, empty %v; want %d", got, c.Empty(), want)
	}
	if got, want := c.String(), s.text(); got != want {
		t.Fatalf("text %q, want %q", got, want)
	}
	back, err := ParseCategories(c.String())
	if err != nil || back != *c || !back.Equal(c) {
		t.Fatalf("%q reads back as %q, %v", c.String(), back.String(), err)
	}
	for _, category := range []uint16{0, 1, 239, 240, 65534, 65535} {
		if c.Contains(category) != s[category] {
			t.Fatalf("%s contains %d: %v", c.String(), category, c.Contains(category))
		}
	}
	for _, r := range c.Ranges() {
		if !c.Contains(r.Low) || !c.Contains(r.High) || c.Contains(r.High+1) || r.Low > 0 && c.Contains(r.Low-1) {
			t.Fatalf("%s: wrong around %v", c.String(), r)
		}
	}
}

// options are the encodings of a label as the definitions of the tags say,
// nil where the tag cannot carry it.
func (s set) options(level uint8) map[TagType][]byte {
	out := make(map[TagType][]byte)
	add := func(tag TagType, data []byte) {
		if len(data) <= 30 {
			out[tag] = slices.Concat([]byte{134, byte(10 + len(data)), 0, 0, 0, 3, byte(tag), byte(4 + len(data)), 0, level}, data)
		}
	}
	sorted := s.sorted()
	var bitmap []byte
	if n := len(sorted); n == 0 || sorted[n-1] < 240 {
		for _, c := range sorted {
			for len(bitmap) <= int(c)/8 {
				bitmap = append(bitmap, 0)
			}
			bitmap[c/8] |= 1 << (7 - c%8)
		}
		add(TagRestricted, bitmap)
	}
	var list []byte
	for _, c := range sorted {
		list = append(list, byte(c>>8), byte(c))
	}
	add(TagEnumerated, list)
	var pairs []byte
	for _, r := range slices.Backward(s.ranges()) {
		pairs = append(pairs, byte(r.High>>8), byte(r.High))
		if r.Low != 0 {
			pairs = append(pairs, byte(r.Low>>8), byte(r.Low))
		}
	}
	add(TagRanges, pairs)
	return out
}

// randomSet draws sets of all the shapes that tags carry, and some that none
// does.
func randomSet(r *rand.Rand) (set, Categories) {
	s := make(set)
	var c Categories
	limit := []int{8, 184, 240, 300, MaxCategory + 1}[r.IntN(5)]
	for range r.IntN([]int{2, 5, 10, 20, 60}[r.IntN(5)]) {
		low := r.IntN(limit)
		high := min(low+r.IntN(1+r.IntN(20)), limit-1)
		if r.IntN(3) > 0 {
			high = low
		}
		if !c.Add(uint16(low), uint16(high)) {
			break
		}
		for i := low; i <= high; i++ {
			s[uint16(i)] = true
		}
	}
	return s, c
}

func TestAgainstSlowTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	carried := make(map[TagType]int)
	n := 50000
	if testing.Short() {
		n = 5000
	}
	for range n {
		s, c := randomSet(r)
		s.same(t, &c)
		label := Label{Level: uint8(r.Uint32()), Categories: c}
		want := s.options(label.Level)
		for _, tag := range []TagType{TagRestricted, TagEnumerated, TagRanges} {
			o := Option{DOI: 3, Tag: tag, Label: label}
			got, ok := AppendOption(nil, &o)
			if ok != (want[tag] != nil) || !slices.Equal(got, want[tag]) {
				t.Fatalf("tag %d, %s: %x, want %x", tag, c.String(), got, want[tag])
			}
			if !ok {
				continue
			}
			carried[tag]++
			var back Option
			if _, f := anyStrict.Decode(got, &back); f.Code != NoFault || back != o || !back.Label.Equal(&label) || back.Label.Hash() != label.Hash() {
				t.Fatalf("tag %d, %s: decoded as %+v, %v", tag, c.String(), back, f)
			}
		}
		// The first tag in the order of preference that can carry it is taken.
		order := []TagType{TagRestricted, TagEnumerated, TagRanges, TagFreeForm}
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		definition := Definition{DOI: 3, Tags: order}
		var dst [MaxOptionLen]byte
		for i := range dst {
			dst[i] = 0xa5
		}
		length, tag := definition.Encode(&dst, &label)
		var first TagType
		for _, tag := range slices.Backward(order) {
			if want[tag] != nil {
				first = tag
			}
		}
		if tag != first || !slices.Equal(dst[:length], want[first]) {
			t.Fatalf("%v, %s: tag %d, %x; want tag %d", order, c.String(), tag, dst[:length], first)
		}
		if slices.ContainsFunc(dst[length:], func(b byte) bool { return b != 0 }) {
			t.Fatalf("%x behind the option", dst[length:])
		}
	}
	t.Logf("%d sets; carried by tag: %v", n, carried)
}

// What a tag can just carry and just not carry.
func TestCapacity(t *testing.T) {
	for _, tt := range []struct {
		name       string
		categories string
		want       map[TagType]int // option length; 0: does not fit
	}{
		{"none", "", map[TagType]int{1: 10, 2: 10, 5: 10}},
		{"0", "0", map[TagType]int{1: 11, 2: 12, 5: 12}},
		{"239", "239", map[TagType]int{1: 40, 2: 12, 5: 14}},
		{"240", "240", map[TagType]int{1: 0, 2: 12, 5: 14}},
		{"65534", "65534", map[TagType]int{1: 0, 2: 12, 5: 14}},
		{"all", "0-65534", map[TagType]int{1: 0, 2: 0, 5: 12}},
		{"0-239", "0-239", map[TagType]int{1: 40, 2: 0, 5: 12}},
		{"15", "1-15", map[TagType]int{1: 12, 2: 40, 5: 14}},
		{"16", "1-16", map[TagType]int{1: 13, 2: 0, 5: 14}},
		{"7 ranges", "1,3,5,7,9,11,13", map[TagType]int{1: 12, 2: 24, 5: 38}},
		{"8 ranges", "1,3,5,7,9,11,13,15", map[TagType]int{1: 12, 2: 26, 5: 0}},
		{"8 ranges from 0", "0,3,5,7,9,11,13,15", map[TagType]int{1: 12, 2: 26, 5: 40}},
		{"9 ranges from 0", "0,2,4,6,8,10,12,14,16", map[TagType]int{1: 13, 2: 28, 5: 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Option{DOI: 1, Label: Label{Level: 255, Categories: categories(t, tt.categories)}}
			for tag, want := range tt.want {
				o.Tag = tag
				before := []byte{1, 2}
				got, ok := AppendOption(before, &o)
				if len(got)-len(before) != want || ok != (want != 0) {
					t.Errorf("tag %d: %x, %v; want %d bytes", tag, got, ok, want)
				}
			}
		})
	}
	for _, tt := range []struct {
		name string
		o    Option
	}{
		{"DOI 0", Option{Tag: TagRestricted}},
		{"tag 0", Option{DOI: 3}},
		{"tag 6", Option{DOI: 3, Tag: TagPermissive}},
		{"tag 128", Option{DOI: 3, Tag: TagLocal}},
		{"unrepresentable", Option{DOI: 3, Tag: TagEnumerated, Unrepresentable: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := AppendOption(nil, &tt.o); ok || got != nil {
				t.Errorf("%x, %v", got, ok)
			}
		})
	}
}
