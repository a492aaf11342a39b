package hostile

import (
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"labelgate/test/naive"
)

// sampler keeps some of the packets that leave until nothing is measured.
type sampler struct {
	seen, read, n int
	kept          [64][2048]byte
	length        [64]int
}

// take keeps one packet of many.
func (s *sampler) take(p []byte) {
	const every = 127
	if s.seen++; s.seen%every == 0 && s.n < len(s.kept) && len(p) <= len(s.kept[0]) {
		s.length[s.n] = copy(s.kept[s.n][:], p)
		s.n++
	}
}

// decode has gopacket read what was kept.
func (s *sampler) decode(t *testing.T) {
	t.Helper()
	for i := range s.n {
		p := s.kept[i][:s.length[i]]
		var h naive.Packet
		h.Read(p)
		if empty(&h) {
			continue
		}
		var ip layers.IPv4
		if err := ip.DecodeFromBytes(p, gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("gopacket: %v: %x", err, p)
		}
		s.read++
		if int(ip.IHL)*4 != h.HeaderLen || int(ip.Length) != len(p) || ip.Checksum != binary.BigEndian.Uint16(p[10:]) || len(ip.Payload) != len(p)-h.HeaderLen {
			t.Fatalf("gopacket reads header length %d, total length %d, payload %d: %x", ip.IHL*4, ip.Length, len(ip.Payload), p)
		}
		k := 0
		for _, o := range ip.Options {
			if o.OptionType < 2 {
				continue
			}
			if k == h.Count || h.Options[k].Type != o.OptionType || h.Options[k].Len != int(o.OptionLength) {
				t.Fatalf("gopacket reads options %v: %x", ip.Options, p)
			}
			k++
		}
		if k != h.Count {
			t.Fatalf("gopacket reads %d options, want %d: %x", k, h.Count, p)
		}
	}
	s.n = 0
}

// empty reports whether an option has no data, which gopacket does not read.
func empty(h *naive.Packet) bool {
	for _, o := range h.Options[:h.Count] {
		if o.Len == 2 {
			return true
		}
	}
	return false
}
