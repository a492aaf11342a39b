package ipv4

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// tagged is a byte of a quoted header that remembers at which offset it stood, -1
// for one that is new.
type tagged struct {
	value byte
	from  int
}

// splitQuoted takes an option area apart, NOPs included. ok is false when it
// contradicts itself. tail is what stands behind the end of the list, that included.
func splitQuoted(area []tagged) (list [][]tagged, tail []tagged, ok bool) {
	for len(area) > 0 {
		n := 1
		switch {
		case area[0].value == 0:
			return list, area, true
		case area[0].value == 1:
		case len(area) < 2 || area[1].value < 2 || int(area[1].value) > len(area):
			return nil, nil, false
		default:
			n = int(area[1].value)
		}
		list = append(list, area[:n])
		area = area[n:]
	}
	return list, nil, true
}

// wantQuoted is what the header quoted in q has to become; nil if it stays. from is
// how many bytes of q it replaces, claimed how many it said it had.
func wantQuoted(q, option []byte) (header []tagged, from, claimed int, r Repair) {
	claimed = int(q[0]&15) * 4
	if q[0]>>4 != 4 || claimed < 20 {
		return nil, 0, 0, QuoteNotIPv4
	}
	if q[9] == 1 && len(q) > claimed {
		later := q[6]&0x1f != 0 || q[7] != 0
		if later || bytes.Contains([]byte{3, 4, 5, 11, 12}, q[claimed:claimed+1]) {
			return nil, 0, 0, QuoteNested
		}
	}
	from = min(claimed, len(q))
	var old []tagged
	for i, b := range q[:from] {
		old = append(old, tagged{b, i})
	}

	list, tail, ok := splitQuoted(old[20:])
	labels, dirty := 0, false
	var others []tagged
	for _, o := range list {
		switch o[0].value {
		case 1:
		case 134:
			labels++
		default:
			others = append(others, o...)
		}
	}
	for _, b := range others {
		dirty = dirty || b.value == 134
	}
	if !ok || labels > 1 || from < claimed || dirty {
		others, dirty = nil, true
	}
	for _, b := range tail {
		dirty = dirty || b.value != 0
	}
	if len(option)+len(others) > 40 {
		return nil, 0, 0, QuoteNoRoom
	}
	if option == nil && labels == 0 && !dirty {
		return nil, 0, 0, QuoteUnchanged
	}

	header = append(header, old[:20]...)
	for _, b := range option {
		header = append(header, tagged{b, -1})
	}
	header = append(header, others...)
	for len(header)%4 != 0 {
		header = append(header, tagged{0, -1})
	}
	if from == claimed && bytes.Equal(values(header)[20:], q[20:from]) {
		return nil, 0, 0, QuoteUnchanged
	}
	header[0].value = 0x40 | byte(len(header)/4)
	total := int(q[2])*256 + int(q[3]) + len(header) - claimed
	if total < 0 {
		total = 0
	}
	if total > 65535 {
		total = 65535
	}
	header[2].value, header[3].value = byte(total/256), byte(total%256)

	// The sum over the header is what it was, with the checksum counted in; over one
	// that was cut it is right.
	header[10].value, header[11].value = 0, 0
	was := 0
	if from == claimed {
		was = words(q[:from])
	}
	check := ((was-words(values(header)))%65535 + 65535) % 65535
	header[10].value, header[11].value = byte(check/256), byte(check%256)
	return header, from, claimed, QuoteRepaired
}

func values(b []tagged) (v []byte) {
	for _, t := range b {
		v = append(v, t.value)
	}
	return v
}

// words is the plain sum of the 16-bit words of b, an even number of bytes.
func words(b []byte) (s int) {
	for i := 0; i < len(b); i += 2 {
		s += int(b[i])*256 + int(b[i+1])
	}
	return s
}

// wantRepair is the slow twin of RepairQuote for a packet p that is one sound, whole
// ICMP error but for its ICMP checksum. It returns nil when it refuses.
func wantRepair(p, option []byte, less int) ([]byte, Repair) {
	hl := int(p[0]&15) * 4
	outer, icmp, q := bytes.Clone(p[:hl]), bytes.Clone(p[hl:hl+8]), bytes.Clone(p[hl+8:])
	if naiveChecksum(p[hl:]) != 0 {
		return nil, QuoteBadChecksum
	}
	r := QuoteUnchanged
	if len(q) >= 20 {
		header, from, claimed, repair := wantQuoted(q, option)
		if r = repair; r != QuoteUnchanged && r != QuoteRepaired {
			return nil, r
		}
		if r == QuoteRepaired {
			end := len(q)
			if t := icmp[0]; (t == 3 || t == 11 || t == 12) && icmp[5] != 0 && len(header) != from {
				if n := int(icmp[5]) * 4; n > from+8 {
					end = min(end, n)
				} else {
					end = min(end, from+8)
				}
				icmp[5] = 0
			}
			if pointer := int(icmp[4]); icmp[0] == 12 && icmp[1] != 1 && pointer >= 20 {
				icmp[4] = 0
				if pointer >= claimed {
					icmp[4] = byte(min(255, pointer+len(header)-claimed))
				} else {
					if option != nil {
						icmp[4] = 20
					}
					for i, b := range header {
						if b.from == pointer {
							icmp[4] = byte(i)
						}
					}
				}
			}
			q = append(values(header), q[from:end]...)
			for hl+8+len(q) > 576 && hl+8+len(q) > len(p) {
				q = q[:len(q)-1]
			}
		}
	}
	if mtu := int(icmp[6])*256 + int(icmp[7]); icmp[0] == 3 && icmp[1] == 4 {
		for range min(max(less, 0), 65535) {
			if mtu > 68 {
				mtu--
				r = QuoteRepaired
			}
		}
		icmp[6], icmp[7] = byte(mtu/256), byte(mtu%256)
	}
	if r == QuoteUnchanged {
		return bytes.Clone(p), r
	}
	m := append(icmp, q...)
	fixICMPChecksum(m)
	out := append(outer, m...)
	out[2], out[3] = byte(len(out)/256), byte(len(out)%256)
	fixChecksum(out)
	return out, r
}

// checkRepair runs RepairQuote over p, one sound, whole ICMP error but for its ICMP
// checksum, and holds the result against the slow twin and against what must be true
// of it whatever the twin says.
func checkRepair(t testing.TB, p, option []byte, less int) ([]byte, Repair) {
	t.Helper()
	fail := func(what string, got []byte) {
		t.Helper()
		t.Fatalf("%s\nfrom   % x\noption % x, less %d\ngot    % x", what, p, option, less, got)
	}
	// Room for the second time, too.
	var space [2048]byte
	all := space[:]
	if need := len(p) + 2*MaxOptionsLen; need > len(all) {
		all = make([]byte, need)
	}
	fill(all[copy(all, p):])
	buf := all[:len(p)+MaxOptionsLen]
	m, r := RepairQuote(buf, len(p), option, less)

	want, wantR := wantRepair(p, option, less)
	if r != wantR {
		fail(r.String()+" instead of "+wantR.String(), buf[:m])
	}
	if want == nil {
		if m != 0 || !bytes.Equal(buf[:len(p)], p) {
			fail("a refusal changed the packet", buf[:len(p)])
		}
		return nil, r
	}
	got := buf[:m]
	if !bytes.Equal(got, want) {
		t.Logf("want   % x", want)
		fail("differs", got)
	}
	if r == QuoteUnchanged && !bytes.Equal(got, p) {
		fail("unchanged, it said", got)
	}
	if m > 576 && m > len(p) {
		fail("too long", got)
	}
	hl := int(got[0]&15) * 4
	if int(binary.BigEndian.Uint16(got[2:])) != m || naiveChecksum(got[:hl]) != 0 || naiveChecksum(got[hl:]) != 0 {
		fail("length or checksum", got)
	}
	checkQuotedArea(t, got[hl+8:], option, fail, got)
	if again, r := RepairQuote(all, m, option, 0); again != m || r != QuoteUnchanged || !bytes.Equal(all[:m], want) {
		fail("not the same a second time: "+r.String(), all[:again])
	}
	return bytes.Clone(got), r
}

// checkQuotedArea looks for labels in the header that q begins with in two ways: along
// the option list, and byte for byte. It also has gopacket decode it.
func checkQuotedArea(t testing.TB, q, option []byte, fail func(string, []byte), got []byte) {
	t.Helper()
	if len(q) < 20 {
		return
	}
	n := int(q[0]&15) * 4
	if n > len(q) {
		fail("the header is cut", got)
	}
	for i := 20; i < n && q[i] != 0; {
		if q[i] == 1 {
			i++
			continue
		}
		if q[i] == 134 && (i != 20 || option == nil) {
			fail("a label in the list", got)
		}
		i += int(q[i+1])
	}
	if !bytes.HasPrefix(q[20:n], option) {
		fail("the option is not in its place", got)
	}
	if bytes.IndexByte(q[20+len(option):n], 134) >= 0 {
		fail("a byte that could be a label", got)
	}
	for _, o := range splitOptions(q) {
		if len(o) == 2 {
			return // gopacket refuses options without data
		}
	}
	if int(binary.BigEndian.Uint16(q[2:])) < n {
		return // so it does a total length that cannot be
	}
	var ip layers.IPv4
	if err := ip.DecodeFromBytes(q, gopacket.NilDecodeFeedback); err != nil {
		fail("gopacket: "+err.Error(), got)
	}
	for i, o := range ip.Options {
		if o.OptionType == 134 && (i != 0 || int(o.OptionLength) != len(option)) {
			fail("gopacket sees a label", got)
		}
	}
}
