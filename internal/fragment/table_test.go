package fragment

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// play plays a story to a table: steps, separated by ";". A step names a piece by
// its bytes ("0-1480+" has more behind it), or says "condemn"; then, if they are
// not those of the step before, second, identification, zone, label (A, B or -,
// which is none) and header length (@60 #7 z2 A h24), at last what is to come of
// it. "held 2" is how many datagrams are remembered.
func play(t *testing.T, tbl *Table, story string) {
	t.Helper()
	k := Key{Src: [4]byte{10, 1, 0, 1}, Dst: [4]byte{10, 2, 0, 2}, Proto: 17, ID: 1, Zone: 1}
	now := uint32(0)
	p := Piece{HeaderLen: 20}
	for step := range strings.SplitSeq(story, ";") {
		words := strings.Fields(step)
		for _, w := range words[1 : len(words)-1] {
			n, _ := strconv.Atoi(w[1:])
			switch w[0] {
			case '@':
				now = uint32(n)
			case '#':
				k.ID = uint16(n)
			case 'z':
				k.Zone = uint8(n)
			case 'h':
				p.HeaderLen = n
			case 'A', 'B':
				p.Labeled, p.Label = true, uint32(w[0])
			case '-':
				p.Labeled, p.Label = false, 0
			default:
				t.Fatalf("%q", step)
			}
		}
		var got string
		switch what := words[0]; what {
		case "held":
			got = fmt.Sprint(tbl.held())
		case "condemn":
			got = fmt.Sprint(tbl.Condemn(now, k))
		default:
			from, to, _ := strings.Cut(strings.TrimSuffix(what, "+"), "-")
			p.Offset, _ = strconv.Atoi(from)
			end, _ := strconv.Atoi(to)
			p.Length, p.More = end-p.Offset, strings.HasSuffix(what, "+")
			got = tbl.Add(now, k, p).String()
		}
		if want := words[len(words)-1]; got != want {
			t.Fatalf("%q: %s, want %s", strings.TrimSpace(step), got, want)
		}
	}
}

// held is the number of datagrams in the ring.
func (t *Table) held() (n int) {
	for i := t.m.oldest(); i != 0; i = t.m.entries[i].newer {
		n++
	}
	return n
}

// eachOf repeats a step for many pieces, %d being what f makes of 0..n-1.
func eachOf(n int, step string, f func(i int) []any) string {
	steps := make([]string, n)
	for i := range steps {
		steps[i] = fmt.Sprintf(step, f(i)...)
	}
	return strings.Join(steps, ";")
}

func TestAdd(t *testing.T) {
	tests := []struct{ name, story string }{
		// What honest senders and networks do.
		{"two in order", "0-1480+ A fits; held 1; 1480-2000 fits; held 0"},
		{"three in order", "0-1480+ fits; 1480-2960+ fits; 2960-3000 fits; held 0"},
		{"reversed", "2960-3000 fits; 1480-2960+ fits; 0-1480+ fits; held 0"},
		{"last first", "1480-2000 fits; 0-1480+ fits; held 0"},
		{"the middle last", "0-1480+ fits; 2960-3000 fits; 1480-2960+ fits; held 0"},
		{"the middle first", "1480-2960+ fits; 0-1480+ fits; 2960-3000 fits; held 0"},
		{"odds, then evens", "8-16+ fits; 24-32+ fits; 40-48 fits; 0-8+ fits; 16-24+ fits; held 1; 32-40+ fits; held 0"},
		{"unlabeled all", "0-8+ - fits; 8-16 - fits; held 0"},
		{"labeled all", "0-8+ A fits; 16-20 A fits; 8-16+ A fits; held 0"},
		{"a gap", "0-8+ fits; 16-24 fits; held 1"},
		{"the last is missing", "0-8+ fits; 8-16+ fits; held 1"},
		{"the first is missing", "8-16+ fits; 16-24 fits; held 1"},
		{"an end that is odd", "0-8+ fits; 8-9 fits; held 0"},
		{"the longest", "0-65504+ fits; 65504-65515 fits; held 0"},
		{"the longest with options", "0-65472+ h60 fits; 65472-65475 fits; held 0"},
		{"headers of several lengths", "0-1440+ h60 fits; 1440-2000 h24 fits; held 0"},
		{"in order, eight bytes each", eachOf(8000, "%d-%d+ fits", func(i int) []any { return []any{8 * i, 8*i + 8} }) + "; 64000-64001 fits; held 0"},
		{"reversed, eight bytes each", "8000-8001 fits;" + eachOf(1000, "%d-%d+ fits", func(i int) []any { return []any{8 * (999 - i), 8 * (1000 - i)} }) + "; held 0"},
		{"sixteen ranges, then between them", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16 * i, 16*i + 8} }) + ";" +
			eachOf(15, "%d-%d+ fits", func(i int) []any { return []any{16*i + 8, 16*i + 16} }) + "; 248-250 fits; held 0"},
		{"sixteen ranges from behind", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16 * (15 - i), 16*(15-i) + 8} }) + ";" +
			eachOf(15, "%d-%d+ fits", func(i int) []any { return []any{16*i + 8, 16*i + 16} }) + "; 248-250 fits; held 0"},
		{"a whole datagram", "0-100 fits; held 0"},

		// Duplicates.
		{"the first twice", "0-8+ fits; 0-8+ duplicate; 8-16 fits; held 0"},
		{"the last twice", "8-16 fits; 8-16 duplicate; 0-8+ fits; held 0"},
		{"the middle thrice", "8-16+ fits; 8-16+ duplicate; 8-16+ duplicate; 16-17 fits; 0-8+ fits; held 0"},
		{"a piece among merged ones", "0-8+ fits; 8-16+ fits; 16-24+ fits; 8-16+ duplicate; 24-25 fits; held 0"},
		{"all of what was merged", "0-8+ fits; 8-16+ fits; 0-16+ duplicate; 16-17 fits; held 0"},
		{"a part of a piece", "0-24+ fits; 8-16+ duplicate; 24-25 fits; held 0"},
		{"the end of the last", "8-24 fits; 16-24 duplicate; 0-8+ fits; held 0"},
		{"a duplicate with another label", "0-8+ A fits; 0-8+ B label-mismatch; 8-16 A condemned"},
		{"a duplicate without the label", "0-8+ A fits; 0-8+ - label-mismatch; 8-16 A condemned"},

		// Labels.
		{"two labels", "0-8+ A fits; 8-16 B label-mismatch; 8-16 A condemned; 16-24 A condemned; held 1"},
		{"two labels, reversed", "8-16 A fits; 0-8+ B label-mismatch; 0-8+ A condemned"},
		{"first labeled, second not", "0-8+ A fits; 8-16 - label-mismatch; 8-16 A condemned"},
		{"first not labeled, second is", "0-8+ - fits; 8-16 A label-mismatch; 8-16 - condemned"},
		{"the third differs", "0-8+ A fits; 8-16+ A fits; 16-24 B label-mismatch; 16-24 A condemned"},
		{"another label behind a gap", "0-8+ A fits; 800-808 B label-mismatch; 8-800+ A condemned"},
		{"another label, and overlapping", "0-16+ A fits; 8-24+ B label-mismatch"},
		{"another label, and misaligned", "0-16+ A fits; 16-17+ B label-mismatch"},
		{"two labels in two datagrams", "0-8+ #1 A fits; 0-8+ #2 B fits; 8-16 #1 A fits; 8-16 #2 B fits; held 0"},

		// Overlaps.
		{"overlaps the front", "8-24+ fits; 0-16+ overlap; 0-8+ condemned; held 1"},
		{"overlaps the back", "0-16+ fits; 8-24+ overlap; 16-24+ condemned"},
		{"holds a piece", "8-16+ fits; 0-24+ overlap"},
		{"holds a piece, from its beginning", "8-16+ fits; 8-24+ overlap"},
		{"holds a piece, to its end", "8-16+ fits; 0-16+ overlap"},
		{"the last overlaps", "0-16+ fits; 8-24 overlap; 16-24 condemned"},
		{"bridges a gap and takes some of both", "0-16+ fits; 24-40+ fits; 8-32+ overlap"},
		{"bridges a gap and takes of the second", "0-16+ fits; 24-40+ fits; 16-32+ overlap"},
		{"bridges a gap and takes of the first", "0-16+ fits; 24-40+ fits; 8-24+ overlap"},
		{"over two ranges", "8-16+ fits; 24-32+ fits; 0-40+ overlap"},
		{"a tiny first piece, then one over the ports", "0-8+ fits; 0-24+ overlap; 8-24 condemned"},
		{"a tiny first piece, then the flags again", "0-16+ fits; 16-40+ fits; 8-48 overlap"},

		// Lengths.
		{"tiny", "0-8+ fits; 8-16+ fits; 16-24 fits; held 0"},
		{"past 65535", "0-65504+ fits; 65504-65516 too-long; 65504-65515 condemned"},
		{"past 65535 at once", "65528-65600 too-long; 0-8+ condemned"},
		{"past 65535, more to come", "65528-65536+ too-long"},
		{"past 65535 by its own options", "0-65472+ fits; 65472-65500 h60 too-long"},
		{"past 65535 by the first one's options", "0-8+ h60 fits; 65504-65510 h20 too-long"},
		{"past 65535 by the first one's options, which comes last", "65504-65510 h20 fits; 0-8+ h60 too-long"},
		{"a last piece, then one past it", "8-16 fits; 16-24+ too-long; 0-8+ condemned"},
		{"a last piece, then one up to its end that is not the last", "8-16 fits; 8-16+ too-long"},
		{"a last piece, then one across its end", "8-16 fits; 0-24+ too-long"},
		{"a last piece before what was seen", "16-24+ fits; 0-8 too-long; 8-16+ condemned"},
		{"a last piece where something follows", "0-16+ fits; 8-16 too-long"},
		{"a second end, later", "8-16 fits; 16-24 too-long"},
		{"a second end, by a piece that overlaps", "8-17 fits; 16-24 too-long"},
		{"a second end, earlier", "8-24 fits; 0-8 too-long"},
		{"a second end, within the last piece", "8-24 fits; 8-16 too-long"},
		{"no bytes", "0-0+ misaligned; 0-8+ condemned"},
		{"no bytes at the end", "0-8+ fits; 8-8 misaligned; 8-16 condemned"},
		{"no bytes where all was seen", "0-8+ fits; 0-0+ misaligned"},
		{"odd length with more to come", "0-9+ misaligned; 0-8+ condemned; held 1"},
		{"seven bytes with more to come", "0-8+ fits; 8-15+ misaligned"},
		{"odd offset", "4-8+ misaligned"},
		{"negative length", "8-0+ misaligned"},
		{"seventeen ranges", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16 * i, 16*i + 8} }) + "; 256-264+ scattered; 8-16+ condemned"},
		{"seventeen ranges, the last between", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{32 * i, 32*i + 8} }) + "; 48-56+ scattered"},
		{"seventeen ranges, the last in front", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16*i + 16, 16*i + 24} }) + "; 0-8+ scattered"},
		{"seventeen ranges, the last is the end", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16 * i, 16*i + 8} }) + "; 256-257 scattered"},
		{"duplicates of sixteen ranges", eachOf(16, "%d-%d+ fits", func(i int) []any { return []any{16 * i, 16*i + 8} }) + ";" +
			eachOf(16, "%d-%d+ duplicate", func(i int) []any { return []any{16 * i, 16*i + 8} })},

		// Identifications.
		{"used again when whole", "0-8+ A fits; 8-16 A fits; 0-8+ A fits; 8-16 A fits; held 0"},
		{"used again when whole, for another label", "0-8+ A fits; 8-16 A fits; 0-8+ B label-mismatch; 8-16 B condemned; 0-8+ A condemned"},
		{"used again when whole, without a label", "0-8+ A fits; 8-16 A fits; 8-16 - label-mismatch"},
		{"used again for another label a minute after it was whole", "0-8+ A fits; 8-16 A fits; 0-8+ @61 B fits; 8-16 B fits; held 0"},
		{"used again at high rate", strings.Repeat("0-8+ A fits; 8-16 A fits; ", 500) + "held 0"},
		{"used again while waiting", "0-8+ A fits; 0-8+ @60 B label-mismatch"},
		{"used again after expiry", "0-8+ A fits; 0-8+ @61 B fits; 8-16 B fits; held 0"},
		{"late but in time", "0-8+ fits; 8-16 @60 fits; held 0"},
		{"too late", "0-8+ fits; 8-16 @61 fits; held 1"},
		{"condemned, and time passes", "0-8+ A fits; 8-16 B label-mismatch; 8-16 @60 A condemned; 8-16 @61 A fits"},
		{"condemned, asked for again and again", "0-8+ A fits; 0-8+ @1 B label-mismatch; 0-8+ @40 A condemned; 0-8+ @61 A fits"},
		{"a trickle outlives no receiver", "0-8+ A fits; 8-16+ @59 A fits; 0-8+ @61 B label-mismatch; 16-24 @62 A condemned"},
		{"duplicates do not keep it alive", "0-8+ A fits; 0-8+ @59 A duplicate; 0-8+ @61 B fits"},
		{"another zone's is another datagram", "0-8+ z1 A fits; 0-8+ z2 B fits; 8-16 z1 A fits; 8-16 z2 B fits; held 0"},

		// Dropped by others.
		{"condemned from outside", "0-8+ fits; condemn true; 8-16 condemned; held 1"},
		{"condemned before anything was seen", "condemn true; 0-8+ condemned; 8-16 condemned; held 1"},
		{"condemned twice", "condemn true; condemn true; held 1"},
		{"condemned when whole", "0-8+ fits; 8-16 fits; condemn true; 0-8+ condemned; held 1"},
		{"condemned in another zone", "condemn z2 true; 0-8+ z1 fits; 8-16 fits; held 1"},
		{"condemned, and time passes again", "condemn @5 true; 0-8+ @65 condemned; 0-8+ @66 fits"},
		{"condemned after expiry", "0-8+ fits; condemn @100 true; 0-8+ @160 condemned; 0-8+ @161 fits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, New(64, 2), tt.story)
		})
	}
	t.Logf("%d stories", len(tests))
}

// TestKeys: each part of the key tells datagrams apart.
func TestKeys(t *testing.T) {
	k := Key{Src: [4]byte{10, 1, 0, 1}, Dst: [4]byte{10, 2, 0, 2}, Proto: 17, ID: 1, Zone: 1}
	tests := []struct {
		name   string
		change func(k *Key)
		want   Result
	}{
		{"none", func(*Key) {}, Duplicate},
		{"source", func(k *Key) { k.Src[0]++ }, Fits},
		{"source's last byte", func(k *Key) { k.Src[3]++ }, Fits},
		{"destination", func(k *Key) { k.Dst[3]++ }, Fits},
		{"the way back", func(k *Key) { k.Src, k.Dst = k.Dst, k.Src }, Fits},
		{"protocol", func(k *Key) { k.Proto++ }, Fits},
		{"identification", func(k *Key) { k.ID++ }, Fits},
		{"identification's upper byte", func(k *Key) { k.ID += 256 }, Fits},
		{"zone", func(k *Key) { k.Zone++ }, Fits},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := New(64, 2)
			p := Piece{Length: 8, More: true, HeaderLen: 20}
			tbl.Add(0, k, p)
			other := k
			tt.change(&other)
			if got := tbl.Add(0, other, p); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestNonsense: numbers that no header can hold are refused, not cut off.
func TestNonsense(t *testing.T) {
	const big = 1<<63 - 1
	tests := []struct {
		name string
		p    Piece
		want Result
	}{
		{"negative offset", Piece{Offset: -8, Length: 16, HeaderLen: 20}, Misaligned},
		{"negative length", Piece{Offset: 8, Length: -8, HeaderLen: 20}, Misaligned},
		{"offset and length overflow", Piece{Offset: big &^ 7, Length: big &^ 7, HeaderLen: 20}, TooLong},
		{"offset and length overflow, more to come", Piece{Offset: big &^ 7, Length: big &^ 7, More: true, HeaderLen: 20}, TooLong},
		{"offset past all", Piece{Offset: 1 << 32, Length: 8, HeaderLen: 20}, TooLong},
		{"length past all", Piece{Offset: 8, Length: 1<<16 + 8, HeaderLen: 20}, TooLong},
		{"header past all", Piece{Offset: 8, Length: 8, HeaderLen: 1 << 16}, TooLong},
		{"header negative", Piece{Offset: 8, Length: 8, HeaderLen: -1 << 16}, Fits},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := New(16, 1).Add(0, Key{}, tt.p); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestClockWraps: a datagram that came before the wrap is known after it.
func TestClockWraps(t *testing.T) {
	tests := []struct {
		name       string
		first, now uint32
		want       Result
	}{
		{"at once", 1<<32 - 1, 0, LabelMismatch},
		{"in time", 1<<32 - 30, 30, LabelMismatch},
		{"too late", 1<<32 - 30, 31, Fits},
		{"from half the range on", 1 << 31, 1<<31 + Lifetime, LabelMismatch},
		{"a second back", 100, 99, LabelMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := New(16, 1)
			tbl.Add(tt.first, Key{}, Piece{Length: 8, More: true, HeaderLen: 20})
			if got := tbl.Add(tt.now, Key{}, Piece{Offset: 8, Length: 8, HeaderLen: 20, Labeled: true}); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestResultString(t *testing.T) {
	seen := map[string]bool{"": true, "unknown": true}
	for r := range results {
		if s := r.String(); seen[s] {
			t.Errorf("%d is called %q", r, s)
		} else {
			seen[s] = true
		}
	}
	if s := results.String(); s != "unknown" {
		t.Errorf("%q", s)
	}
	if Result(0) == Fits {
		t.Error("the zero value lets pass")
	}
}

func TestMemory(t *testing.T) {
	if n := reflect.TypeFor[entry]().Size(); n != 112 {
		t.Errorf("a datagram takes %d bytes, the comment of New says 112", n)
	}
	tbl := New(4096, 63)
	if n := (112*len(tbl.m.entries) + 4*len(tbl.m.chains)) / 1024; n != 464 {
		t.Errorf("4096 datagrams take %d KiB, the comment of New says 464", n)
	}
	for _, tt := range []struct{ datagrams, zones, share, room int }{
		{4096, 3, 512, 4096},
		{4096, 1, 1024, 4096},
		{4096, 63, 32, 4096},
		{100, 2, 16, 100},
		{0, 0, 16, 16},
		{-5, -5, 16, 16},
		{100, 63, 16, 1024},
		{10, 1000, 16, 4096},
	} {
		s := New(tt.datagrams, tt.zones).m.shares
		if s.share != tt.share || s.free != tt.room {
			t.Errorf("New(%d, %d): share %d of %d, want %d of %d", tt.datagrams, tt.zones, s.share, s.free, tt.share, tt.room)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	tbl := New(64, 2)
	k := Key{ID: 1}
	piece := func(from, to int) Piece { return Piece{Offset: from, Length: to - from, More: true, HeaderLen: 20} }
	i := uint32(0)
	tests := []struct {
		name string
		f    func()
	}{
		{"two that are whole", func() { tbl.Add(i, k, piece(0, 8)); tbl.Add(i, k, Piece{Offset: 8, Length: 8, HeaderLen: 20}) }},
		{"duplicate", func() { tbl.Add(i, k, piece(0, 8)) }},
		{"new ones until full, and expiry", func() {
			i++
			for id := range uint16(100) {
				tbl.Add(i*Lifetime*2, Key{ID: id, Zone: uint8(id & 3)}, piece(int(id)*8, int(id)*8+8))
			}
		}},
		{"out of order", func() {
			i++
			for n := range 17 {
				tbl.Add(i*Lifetime*2, k, piece((17-n)*16, (17-n)*16+8))
			}
		}},
		{"condemn", func() { i++; tbl.Condemn(i*Lifetime*2, k) }},
		{"String", func() { _ = Overlap.String() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tt.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
