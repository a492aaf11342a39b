package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// fragTally adds up what was found in all waves.
type fragTally struct {
	seed                                         uint64
	cases, datagrams, fragments, heard, refused  int
	forbidden, missing, mixed, leaks, mislabeled int
	silent, expired, full                        int
}

func (y *fragTally) report(t *testing.T, tracked bool) {
	t.Helper()
	form := "untracked"
	if tracked {
		form = "tracked"
	}
	f := func(id string, n int, unit string) figures.Figure {
		return figures.Figure{ID: "e2e/fragments/" + form + "/" + id, Value: float64(n), Unit: unit}
	}
	report(t,
		f("seed", int(y.seed), "seed"),
		f("cases", y.cases, "cases").AtLeast(60),
		f("datagrams", y.datagrams, "datagrams").AtLeast(600),
		f("fragments", y.fragments, "packets").AtLeast(6000),
		f("heard", y.heard, "datagrams").AtLeast(300),
		f("refused", y.refused, "packets").AtLeast(500),
		f("refused-for-a-full-table", y.full, "packets").AtLeast(100),
		f("expired-in-the-kernel", y.expired, "datagrams"),
		f("forbidden-delivered", y.forbidden, "datagrams").AtMost(0),
		f("mixed-label-delivered", y.mixed, "datagrams").AtMost(0),
		f("allowed-not-delivered", y.missing, "datagrams").AtMost(0),
		f("wrong-option", y.mislabeled, "packets").AtMost(0),
		f("labels-on-unlabeled-cables", y.leaks, "packets").AtMost(0),
		f("silent-losses", y.silent, "packets").AtMost(0),
	)
}

// judge holds what was on the cables, what the receivers heard and what was
// recorded against what was sent.
func (b *fragBench) judge(t *testing.T, y *fragTally) {
	b.complete(t)
	records := map[netip.Addr][]audit.Record{}
	for _, r := range b.read(t) {
		if r.Event == audit.EventDecision {
			records[r.Saddr] = append(records[r.Saddr], r)
		}
	}
	behind := b.behind(t, y)
	entered, whole := 0, 0
	for _, s := range b.sent {
		y.datagrams++
		y.fragments += len(s.parts)
		at := func(what string, args ...any) {
			t.Helper()
			t.Errorf("%s, %s, protocol %d: %s", s.name, s.way.name, s.proto, fmt.Sprintf(what, args...))
		}
		var heard [][]byte
		for _, h := range b.ears[s.way.to].of(s.proto, s.src) {
			if s.proto == protoUDP {
				h = slices.Concat(make([]byte, 8), h)
			}
			heard = append(heard, h)
		}
		s.check(atSocket, heard, at, y)
		y.heard += len(heard)

		early, late := s.refused(records[s.src], at, y)
		y.refused += early + late
		if s.way.here() {
			entered += len(s.parts) - early
			whole += len(heard) + late
			continue
		}
		left := behind[s.src]
		arrived := s.assemble(left, at, y)
		s.check(onCable, arrived, at, y)
		if b.tracked {
			entered += len(s.parts) - early
			whole += len(arrived) + late
			continue
		}
		if n := len(s.parts) - early - late - s.passed(left); n != 0 {
			y.silent += max(n, -n)
			at("%d fragments sent, %d refused, %d on the cable", len(s.parts), early+late, s.passed(left))
		}
	}
	b.kernelAccount(t, y, entered, whole)
	if n := b.clashes(t); n > 0 {
		t.Errorf("%d datagrams were lost to others of their flow that waited at the same time", n)
	}
	if _, dropped := b.waiting(t); dropped > 0 {
		t.Errorf("the queue was full: %d packets", dropped)
	}
}

// kernelAccount holds what the gateway's kernel says of the fragments that it was
// given to put together, all where it tracks connections, else those for itself,
// against what must have been: each became a part of a datagram, or expired and was
// counted.
func (b *fragBench) kernelAccount(t *testing.T, y *fragTally, entered, whole int) {
	now := b.ipCounters(t)
	risen := func(name string) int { return now[name] - b.ipBase[name] }
	y.expired += risen("ReasmFails")
	if left := b.unfinished(t); left > 0 {
		t.Errorf("the kernel still waits for the rest of %d datagrams", left)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{{"fragments given to the kernel", risen("ReasmReqds"), entered}, {"datagrams put together by the kernel", risen("ReasmOKs"), whole}} {
		if c.got != c.want {
			y.silent += max(c.want-c.got, c.got-c.want)
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

// behind sorts what left the gateway by its source, and looks for labels where
// none may be.
func (b *fragBench) behind(t *testing.T, y *fragTally) map[netip.Addr][][]byte {
	way := map[netip.Addr]string{}
	for _, s := range b.sent {
		way[s.src] = ""
		if !s.way.here() {
			way[s.src] = b.cable(s.way.to)
		}
	}
	unlabeled := []string{b.cable("pop"), b.cable("gray"), b.cable("flood")}
	all := map[netip.Addr][][]byte{}
	n := map[string]int{}
	for _, p := range b.bench.cables[lab.GatewayName].Packets() {
		ip := p.IPv4()
		if !p.Outgoing || headerLen(ip) == 0 {
			continue
		}
		if slices.Contains(unlabeled, p.Interface) && (labelOptions(ip) > 0 || beginsLabel(p.Frame, 3, 5, 16)) {
			y.leaks++
			t.Errorf("label on %s: % x", p.Interface, ip)
		}
		src := netip.AddrFrom4([4]byte(ip[12:16]))
		cable, ours := way[src]
		if !ours {
			continue
		}
		if p.Interface != cable {
			y.forbidden++
			t.Errorf("%s is on %s", src, p.Interface)
		}
		n[cable]++
		if len(trim(ip)) != len(ip) || sum(ip[:headerLen(ip)]) != 0xffff {
			t.Errorf("header or length is wrong: % x", ip)
		}
		all[src] = append(all[src], ip)
	}
	for _, h := range []string{"pop", "carol"} {
		reached := 0
		for _, p := range b.bench.cables[h].Packets() {
			ip := p.IPv4()
			if _, ours := way[netip.AddrFrom4([4]byte(append(ip, make([]byte, 20)...)[12:16]))]; ours && !p.Outgoing {
				reached++
			}
		}
		if reached != n[b.cable(h)] {
			t.Errorf("%d packets left toward %s, %d reached it", n[b.cable(h)], h, reached)
		}
	}
	return all
}

// refused counts the fragments that the gateway dropped as they came, and what it
// dropped after the kernel had put fragments together.
func (s *fragSending) refused(records []audit.Record, at func(string, ...any), y *fragTally) (early, late int) {
	for _, r := range records {
		if r.Proto != s.proto || r.Action != audit.Denied {
			continue
		}
		if r.Reason == "fragment-table-full" {
			y.full++
		}
		if s.late(&r) {
			late++
		} else {
			early++
		}
		if !slices.Contains(strings.Fields(s.why), r.Reason) {
			at("dropped for %q, of which nothing was said", r.Reason)
		}
	}
	return early, late
}

// late reports whether what was dropped had been put together before. A record does
// not say so; but it says which way the packet was going to leave, which is known
// only then, and what is for the gateway itself is longer then.
func (s *fragSending) late(r *audit.Record) bool {
	if !s.way.here() {
		return r.OutNetif != ""
	}
	if r.Reason == "truncated" {
		return true
	}
	size := int(r.LengthIn) - minHeader
	return len(r.OptionIn.Bytes()) == 0 && size == len(s.whole[0]) && !slices.ContainsFunc(s.parts, func(p fragPart) bool { return p.to-p.from == size })
}

// passed counts the fragments on the cable that begin where a fragment began that
// was sent; the others are parts of one that had to be cut again.
func (s *fragSending) passed(left [][]byte) (n int) {
	for _, ip := range left {
		offset := int(binary.BigEndian.Uint16(ip[6:])&0x1fff) * 8
		if slices.ContainsFunc(s.parts, func(p fragPart) bool { return p.from == offset }) {
			n++
		}
	}
	return n
}

// Where datagrams came through whole.
const (
	onCable  = "on the cable"
	atSocket = "heard"
)

// check holds datagrams that came through whole against those that were to.
func (s *fragSending) check(where string, got [][]byte, at func(string, ...any), y *fragTally) {
	left := slices.Clone(got)
	for _, digit := range s.heard {
		want := s.whole[digit-'0']
		i := slices.IndexFunc(left, func(b []byte) bool { return s.same(b, want) })
		if i < 0 {
			y.missing++
			at("datagram %c is not %s", digit, where)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if s.forgets && where != atSocket {
		return
	}
	if len(left) > 0 {
		y.forbidden += len(left)
		if s.mixed(s.way.labeled) {
			y.mixed += len(left)
		}
		at("%s is what must not be: %d datagrams, the first of %d bytes", where, len(left), len(left[0]))
	}
}

// same compares datagrams; sockets do not tell the header of UDP.
func (s *fragSending) same(a, b []byte) bool {
	if s.proto == protoUDP {
		return len(a) == len(b) && bytes.Equal(a[8:], b[8:])
	}
	return bytes.Equal(a, b)
}

// puzzle puts the fragments of a datagram together as the most trusting receiver
// would: whatever came last counts.
type puzzle struct {
	data   [1 << 16]byte
	seen   [1 << 16]bool
	n, end int
	option []byte
	mixed  bool // its fragments have different options
}

// assemble returns the datagrams that a receiver could put together from what was on
// its cable. Each packet is held against what its header must say.
func (s *fragSending) assemble(left [][]byte, at func(string, ...any), y *fragTally) (whole [][]byte) {
	open := map[uint16]*puzzle{}
	for _, ip := range left {
		n := headerLen(ip)
		if ip[9] != s.proto {
			at("protocol %d on the cable", ip[9])
			continue
		}
		id, field := binary.BigEndian.Uint16(ip[4:]), binary.BigEndian.Uint16(ip[6:])
		offset, body := int(field&0x1fff)*8, ip[n:]
		option, ok := s.option(ip)
		if !ok {
			y.mislabeled++
			at("option area % x before %d bytes at %d", optionArea(ip), len(body), offset)
		}
		z := open[id]
		if z == nil {
			z = &puzzle{end: -1, option: option}
			open[id] = z
		}
		z.mixed = z.mixed || !bytes.Equal(option, z.option)
		for i, c := range body {
			if p := offset + i; p < len(z.data) {
				if !z.seen[p] {
					z.seen[p] = true
					z.n++
				}
				z.data[p] = c
			}
		}
		if field&0x2000 == 0 {
			z.end = offset + len(body)
		}
		if z.end >= 0 && z.n >= z.end && !slices.Contains(z.seen[:min(z.end, len(z.seen))], false) {
			if z.mixed {
				y.mixed++
				at("fragments with different options make a datagram")
			}
			whole = append(whole, bytes.Clone(z.data[:min(z.end, len(z.data))]))
			delete(open, id)
		}
	}
	return whole
}

// option returns the CIPSO option of a packet behind the gateway, and whether it and
// what stands beside it is what may be there.
func (s *fragSending) option(ip []byte) (option []byte, ok bool) {
	area := optionArea(ip)
	rest := bytes.Replace(area, []byte(routerAlert), nil, 1)
	alert := len(rest) != len(area)
	if s.way.leaves == nil {
		// A short fragment keeps the length of its header: the kernel takes back
		// no packet that is shorter than that.
		short := len(ip)-headerLen(ip) < len(area)
		sent := !s.way.labeled && slices.ContainsFunc(s.parts, func(p fragPart) bool { return p.says >= nopsBefore })
		return nil, len(bytes.Trim(rest, "\x00\x01")) == 0 && (len(area) == 0 || alert || short || sent)
	}
	for _, o := range [][]byte{s.way.leaves, s.way.otherLabel()} {
		if o != nil && bytes.HasPrefix(area, o) && len(bytes.Trim(rest[len(o):], "\x00")) == 0 {
			return o, true
		}
	}
	return nil, false
}
