package ipv4

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// icmpError returns a packet with an ICMP message of a type that quotes b, its
// checksums right.
func icmpError(kind byte, b []byte) []byte {
	m := append([]byte{kind, 3, 0, 0, 0, 0, 0, 0}, b...)
	binary.BigEndian.PutUint16(m[2:], naiveChecksum(m))
	return makePacket(nil, 1, m)
}

func TestBlankQuoted(t *testing.T) {
	label := cipsoOption(16)
	labeled := makePacket(label, 17, counting(40))
	blanked := bytes.Clone(labeled)
	copy(blanked[MinHeaderLen:], bytes.Repeat([]byte{1}, 16))
	fixChecksum(blanked)
	beside := makePacket(append([]byte{148, 4, 0, 0}, label...), 17, counting(8))
	besideBlanked := bytes.Clone(beside)
	copy(besideBlanked[MinHeaderLen:], bytes.Repeat([]byte{1}, 20))
	fixChecksum(besideBlanked)
	hidden := makePacket(append([]byte{0, 0, 0}, label[:13]...), 17, counting(8))
	hiddenBlanked := bytes.Clone(hidden)
	copy(hiddenBlanked[MinHeaderLen:], bytes.Repeat([]byte{1}, 16))
	fixChecksum(hiddenBlanked)
	later := icmpError(3, labeled)
	later[7] = 1
	fixChecksum(later)
	tests := []struct {
		name         string
		packet, want []byte // nil: unchanged
	}{
		{"unreachable", icmpError(3, labeled), icmpError(3, blanked)},
		{"source quench", icmpError(4, labeled), icmpError(4, blanked)},
		{"redirect", icmpError(5, labeled), icmpError(5, blanked)},
		{"time exceeded", icmpError(11, labeled), icmpError(11, blanked)},
		{"parameter problem", icmpError(12, labeled), icmpError(12, blanked)},
		{"beside another option", icmpError(3, beside), icmpError(3, besideBlanked)},
		{"behind the end of the options", icmpError(3, hidden), icmpError(3, hiddenBlanked)},
		{"echo", icmpError(8, labeled), nil},
		{"no label", icmpError(3, makePacket([]byte{148, 4, 0, 0}, 17, counting(200))), nil},
		{"no options", icmpError(3, makePacket(nil, 17, bytes.Repeat([]byte{134}, 20))), nil},
		{"blanked already", icmpError(3, blanked), nil},
		{"later fragment", later, nil},
		{"not ICMP", makePacket(nil, 17, append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, labeled...)), nil},
		{"nothing quoted", icmpError(3, nil), nil},
		{"short quote", icmpError(3, labeled[:MinHeaderLen]), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := bytes.Clone(tt.packet)
			if got := BlankQuoted(p); got != (tt.want != nil) {
				t.Errorf("changed %v", got)
			}
			want := tt.want
			if want == nil {
				want = tt.packet
			}
			wantPacket(t, p, want)
		})
	}
}

// However a quote is cut, no byte of a label is left of it, and the sum over the
// message stays right.
func TestBlankQuotedCut(t *testing.T) {
	labeled := makePacket(cipsoOption(36), 17, counting(8))
	for n := range len(labeled) + 1 {
		p := icmpError(3, labeled[:n])
		changed := BlankQuoted(p)
		if want := n > MinHeaderLen; changed != want {
			t.Errorf("quote of %d bytes: changed %v", n, changed)
		}
		m := p[MinHeaderLen:]
		if naiveChecksum(m) != 0 {
			t.Errorf("quote of %d bytes: the ICMP checksum is wrong", n)
		}
		for i, b := range m[min(len(m), icmpHeaderLen+MinHeaderLen):min(len(m), icmpHeaderLen+MinHeaderLen+36)] {
			if b != 1 {
				t.Errorf("quote of %d bytes: byte %d of the options is %#x", n, i, b)
			}
		}
	}
}

func FuzzBlankQuoted(f *testing.F) {
	f.Add(icmpError(3, makePacket(cipsoOption(16), 17, counting(40))))
	f.Add(icmpError(12, makePacket(cipsoOption(36), 17, nil))[:70])
	f.Fuzz(func(t *testing.T, b []byte) {
		p := bytes.Clone(b)
		changed := BlankQuoted(p)
		if changed == bytes.Equal(p, b) {
			t.Fatalf("changed %v", changed)
		}
		if !changed {
			return
		}
		h := int(b[0]&15) * 4
		if !bytes.Equal(p[:h+icmpHeaderLen+offHeaderSum], b[:h+icmpHeaderLen+offHeaderSum]) {
			t.Error("more than the quoted header was changed")
		}
		if end := h + icmpHeaderLen + int(b[h+icmpHeaderLen]&15)*4; end < len(b) && !bytes.Equal(p[end:], b[end:]) {
			t.Error("what stands behind the quoted header was changed")
		}
		if BlankQuoted(p) {
			t.Error("changed again")
		}
	})
}
