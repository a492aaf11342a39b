package gate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"labelgate/internal/audit"
)

// TestFrames has gopacket read what is sent.
func TestFrames(t *testing.T) {
	src, dst := netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("10.4.0.2")
	foo := Bitmap(3, DirectLevel, Direct("Foo")...)
	for _, tt := range []struct {
		name     string
		kind     *Kind
		frame    int
		options  int
		fragment uint16 // offset in 8 bytes
	}{
		{"plain", Datagram("", "", src, dst, nil), 0, 0, 0},
		{"labeled", Datagram("", "", src, dst, foo), 0, 1, 0},
		{"first", Halves("", "", src, dst, foo, foo), 0, 1, 0},
		{"last", Halves("", "", src, dst, foo, foo), 1, 1, 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.kind.Frames[tt.frame]
			tag{kind: 7, frame: tt.frame, number: 1 << 40, sent: -5}.put(b)
			if tt.kind.Shape != nil {
				tt.kind.Shape(b, 0x12345)
			}
			p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
			ip, ok := p.NetworkLayer().(*layers.IPv4)
			if !ok || int(ip.Length) != len(b)-ethernetLen || sum(b[ethernetLen:ethernetLen+int(ip.IHL)*4]) != 0xffff {
				t.Fatalf("%v", p)
			}
			labels := slices.DeleteFunc(slices.Clone(ip.Options), func(o layers.IPv4Option) bool { return o.OptionType != typeCIPSO })
			if len(labels) != tt.options || ip.FragOffset != tt.fragment || ip.SrcIP.String() != src.String() {
				t.Errorf("%v", ip)
			}
			if tt.kind.Shape != nil && ip.Id != 0x2345 {
				t.Errorf("identification %#x", ip.Id)
			}
			if got, ok := readTag(b); !ok || got != (tag{7, tt.frame, 1 << 40, -5}) {
				t.Errorf("tag %+v", got)
			}
			if tt.options > 0 && !beginsLabel(b, []uint32{16, 3}) || beginsLabel(b, []uint32{16}) {
				t.Error("the label is not found, or another one is")
			}
		})
	}
	if want := []byte{0x86, 0x0e, 0, 0, 0, 3, 1, 8, 0, 250, 0x23, 0x37, 0xb7, 0x80}; !bytes.Equal(foo, want) {
		t.Errorf("% x, want % x", foo, want)
	}
}

func TestBits(t *testing.T) {
	var b Bits
	slow := map[uint64]bool{}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		n := random.Uint64N(30_000)
		if b.Has(n) != slow[n] || b.Set(n) == slow[n] {
			t.Fatalf("number %d", n)
		}
		slow[n] = true
	}
	if b.Set(maxNumber) || b.Has(maxNumber) {
		t.Error("a number beyond all was taken")
	}
}

func TestHistogram(t *testing.T) {
	var h, part Histogram
	var all []int64
	random := rand.New(rand.NewPCG(2, 2))
	for i := range 10_000 {
		v := random.Int64N(1 << random.Int64N(40))
		all = append(all, v)
		if i%2 == 0 {
			h.Add(v)
		} else {
			part.Add(v)
		}
	}
	h.Merge(&part)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
		want := all[max(int(q*float64(len(all))), 1)-1]
		if got := int64(h.Quantile(q)); got < want || got > want+want/8+1 {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if h.Total() != 10_000 || int64(h.Longest()) != all[len(all)-1] {
		t.Errorf("%d, longest %v", h.Total(), h.Longest())
	}
}

func TestTimeline(t *testing.T) {
	l, sent := NewTimeline(), NewTimeline()
	start := time.UnixMilli(l.epoch)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for ms := range 100 {
		if ms < 40 || ms >= 60 {
			sent.Add(at(ms).UnixNano(), 2)
		}
		if ms < 10 || ms >= 70 {
			l.Add(at(ms).UnixNano(), 3)
		}
	}
	if n := l.Between(at(-5), at(12)); n != 30 {
		t.Errorf("%d at the beginning", n)
	}
	if n := l.Between(at(12), at(68)); n != 0 {
		t.Errorf("%d in the pause", n)
	}
	// 10 to 39 and 60 to 69; meanwhile nothing was sent.
	if p := l.Pause(at(0), at(100), sent); p != 40*time.Millisecond {
		t.Errorf("pause of %v", p)
	}
	if first, ok := l.First(at(20)); !ok || !first.Equal(at(70)) {
		t.Errorf("first after the pause is %v", first.Sub(start))
	}
	if when := l.When(29); !when.Equal(at(9)) || !l.When(30).Equal(at(70)) || l.When(1e6).Before(at(100)) {
		t.Errorf("packet 29 was at %v", when.Sub(start))
	}
	if _, ok := l.First(at(500)); ok {
		t.Error("something came after all was over")
	}
}

// TestRecords: a record that is read in a hurry says the same as one that is not.
func TestRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.json")
	a, b := netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("10.4.0.2")
	var text []byte
	for i := range 1000 {
		for _, r := range []audit.Record{
			{Event: audit.EventDecision, Action: audit.Denied, Saddr: a, Reason: "no-rule", Verdict: "drop", Subject: "a\"b"},
			{Event: audit.EventDecision, Action: audit.Granted, Saddr: b, Verdict: "pass"},
			{Event: audit.EventDecision, Action: audit.Denied, Reason: "malformed-header", Verdict: "drop"},
			{Event: audit.EventQueueOverflow, Action: audit.Denied, Reason: audit.ReasonQueueFull, Verdict: "drop", Count: 3},
			{Event: audit.EventSuppressed, Reason: "no-rule", Count: 5},
			{Event: audit.EventAuditRecovered, Reason: audit.FullHalt, Count: 7},
			{Event: audit.EventAuditRecovered, Reason: audit.FullDegrade, Count: 11},
		} {
			r.Seq = uint64(i)
			text = append(r.AppendJSON(text), '\n')
		}
	}
	whole, half := text, len(text)/2
	r := NewRecords(path)
	r.Read(t)
	for _, part := range [][]byte{whole[:half], whole, nil} { // the first ends inside a line
		if part == nil { // a new file is begun
			if err := os.Rename(path, path+".000001"); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, part, 0o600); err != nil {
			t.Fatal(err)
		}
		r.Read(t)
	}
	want := map[netip.Addr]uint64{a: 1000, {}: 1000}
	if diff := cmp.Diff(want, r.Denied, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if r.Total != 7000 || r.Granted != 1000 || r.Suppressed != 5000 || r.Unrecorded != 11_000 || r.Dropped() != 2000+3000+7000 {
		t.Errorf("%+v", r)
	}
}

// TestLoad counts what leaves a host and what comes to another, with a router in
// between that knows no labels.
func TestLoad(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	s := NewSite(t, fmt.Sprintf("g%d-", os.Getpid()), t.TempDir(), map[string]string{"left": "10.1.0.2/24", "right": "10.2.0.2/24"})
	src, dst := netip.MustParseAddr("10.1.0.9"), netip.MustParseAddr("10.2.0.2")
	good := Datagram("good", "left", src, dst, nil).Passing("right", nil).Shared(3)
	odd := Datagram("odd", "left", src.Next(), dst, nil)
	parts := Halves("parts", "left", src.Next().Next(), dst, nil, nil).Passing("right", nil)
	l := NewLoad(t, s, 1, good, odd, parts)
	n := NewSniffer(t, s, l, "right", 3)
	before := s.Kernel(t)
	l.Send(30_000, 30_000)
	n.Sync()
	got := n.Tally()
	if got.Lost > 0 {
		t.Fatalf("the sniffer missed %d", got.Lost)
	}
	for _, k := range l.Kinds() {
		lost := s.Kernel(t).Cables - before.Cables
		if d := got.Delivered[k.number]; d > l.Sent(k) || d+lost < l.Sent(k) || d == 0 {
			t.Errorf("%s: %d sent, %d delivered, %d lost on cables", k.Name, l.Sent(k), d, lost)
		}
	}
	if got.Wrong.Count != got.Delivered[odd.number] || got.Twice.Count+got.Leaked.Count+got.Strange.Count != 0 {
		t.Errorf("wrong %d, twice %d, leaked %d, strange %d", got.Wrong.Count, got.Twice.Count, got.Leaked.Count, got.Strange.Count)
	}
	if l.Total() < 30_000 || n.Host() != "right" || got.Latency.Total() != got.Delivered[0]+got.Delivered[1]+got.Delivered[2] {
		t.Errorf("%d sent, %d timed", l.Total(), got.Latency.Total())
	}
	if n.Times().Between(time.Now().Add(-time.Minute), time.Now()) == 0 || l.Busy().Between(time.Now().Add(-time.Minute), time.Now()) == 0 {
		t.Error("nobody knows when")
	}
}
