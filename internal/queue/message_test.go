package queue

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePacket(t *testing.T) {
	full := Packet{ID: 0x01020304, Hook: Forward, Protocol: 0x0800, In: 3, Out: 4, Mark: 0xc0040001, Payload: []byte("abcde")}
	tests := []struct {
		name   string
		body   []byte
		want   Packet
		extent extent
	}{
		{"as the kernel sends it", packetMessage(0x01020304, []byte("abcde"))[16:], full, extent{true, true, 0}},
		{"header only", packetBody(packetHeader(9, Prerouting)), Packet{ID: 9, Protocol: 0x0800}, extent{true, true, 0}},
		{"skb information", packetBody(packetHeader(9, Input), attr(attrSkbInfo, be32(3))), Packet{ID: 9, Protocol: 0x0800, Hook: Input, ChecksumNotReady: true, GSO: true}, extent{true, true, 0}},
		{"part of the packet", packetBody(packetHeader(9, Input), attr(attrPayload, []byte("abcd")), attr(attrCapLen, be32(5))), Packet{ID: 9, Protocol: 0x0800, Hook: Input, Truncated: true, Payload: []byte("abcd")}, extent{true, true, 0}},
		{"all of the packet", packetBody(packetHeader(9, Input), attr(attrCapLen, be32(4)), attr(attrPayload, []byte("abcd"))), Packet{ID: 9, Protocol: 0x0800, Hook: Input, Payload: []byte("abcd")}, extent{true, true, 0}},
		{"unknown attributes", packetBody(attr(99, []byte("x")), packetHeader(9, Input), attr(0x3fff, nil), attr(19, []byte("vlan"))), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{true, true, 2}},
		{"nested flag", packetBody(attr(attrPacketHeader|0x8000, append(be32(9), 8, 0, 1))), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{true, true, 0}},
		{"no padding at the end", packetBody(packetHeader(9, Input))[:4+4+7], Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{true, true, 0}},
		{"no packet header", packetBody(attr(attrMark, be32(1))), Packet{Mark: 1}, extent{}},
		{"empty", nil, Packet{}, extent{}},
		{"short header", packetBody(attr(attrPacketHeader, make([]byte, 6))), Packet{}, extent{}},
		{"short mark", packetBody(packetHeader(9, Input), attr(attrMark, []byte{1})), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{hasID: true}},
		{"attribute of length 0", packetBody(packetHeader(9, Input), []byte{0, 0, 1, 0}), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{hasID: true}},
		{"attribute of length 3", packetBody(packetHeader(9, Input), []byte{3, 0, 1, 0}), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{hasID: true}},
		{"attribute beyond the end", packetBody(packetHeader(9, Input), []byte{9, 0, 10, 0, 1, 2, 3, 4}), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{hasID: true}},
		{"half an attribute header", packetBody(packetHeader(9, Input), []byte{4, 0}), Packet{ID: 9, Protocol: 0x0800, Hook: Input}, extent{hasID: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Packet{ID: 77, Mark: 77, Payload: []byte("of an earlier packet"), Truncated: true}
			e := parsePacket(tt.body, &p)
			if d := cmp.Diff(tt.want, p); d != "" {
				t.Errorf("packet (-want +got):\n%s", d)
			}
			if e != tt.extent {
				t.Errorf("extent = %+v, want %+v", e, tt.extent)
			}
		})
	}
}

func TestNextMessage(t *testing.T) {
	two := append(nlMessage(typePacket, 1, []byte("abc")), nlMessage(typeError, 2, []byte("defg"))...)
	tests := []struct {
		name string
		b    []byte
		want []string
		ok   bool // nothing but messages
	}{
		{"nothing", nil, nil, true},
		{"two", two, []string{"abc", "defg"}, true},
		{"last without padding", nlMessage(typePacket, 1, []byte("abc"))[:19], []string{"abc"}, true},
		{"short header", two[:15], nil, false},
		{"length of 15", append([]byte{15, 0, 0, 0}, two[4:]...), nil, false},
		{"length beyond the end", append([]byte{255, 0, 0, 0}, two[4:]...), nil, false},
		{"length of all ones", append([]byte{255, 255, 255, 255}, two[4:]...), nil, false},
		{"rest of three bytes", append(two, 1, 2, 3), []string{"abc", "defg"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			b := tt.b
			for {
				m, rest, ok := nextMessage(b)
				if !ok {
					break
				}
				got, b = append(got, string(m.body)), rest
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("bodies (-want +got):\n%s", d)
			}
			if ok := len(b) == 0; ok != tt.ok {
				t.Errorf("read all = %v, want %v", ok, tt.ok)
			}
		})
	}
}

func TestAppendVerdict(t *testing.T) {
	tests := []struct {
		name string
		v    Verdict
		want answer
	}{
		{"zero value drops", Verdict{}, answer{ID: 5}},
		{"accept", Verdict{Accept: true}, answer{ID: 5, Verdict: 1}},
		{"mark", Verdict{Accept: true, SetMark: true, Mark: 0x80040000}, answer{ID: 5, Verdict: 1, HasMark: true, Mark: 0x80040000}},
		{"mark of zero", Verdict{Accept: true, SetMark: true}, answer{ID: 5, Verdict: 1, HasMark: true}},
		{"odd payload", Verdict{Accept: true, Payload: []byte("abcde")}, answer{ID: 5, Verdict: 1, Payload: "abcde"}},
		{"drop carries nothing", Verdict{SetMark: true, Mark: 1, Payload: []byte("secret")}, answer{ID: 5}},
		{"largest", Verdict{Accept: true, SetMark: true, Payload: make([]byte, MaxPayload)}, answer{ID: 5, Verdict: 1, HasMark: true, Payload: string(make([]byte, MaxPayload))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := appendVerdict(nil, 7, 5, &tt.v)
			if len(b) != verdictLen(&tt.v) || len(b) > maxVerdictLen || len(b)%4 != 0 {
				t.Errorf("%d bytes, verdictLen %d, at most %d", len(b), verdictLen(&tt.v), maxVerdictLen)
			}
			f := fakePort{room: len(b), sent: [][]byte{b}}
			if d := cmp.Diff([]answer{tt.want}, f.answers(t)); d != "" {
				t.Errorf("answer (-want +got):\n%s", d)
			}
			if seq := binary.NativeEndian.Uint32(b[8:]); seq != 5 {
				t.Errorf("sequence number %d, want the packet's id", seq)
			}
		})
	}
}

// Seeds are in testdata.
func FuzzParseMessage(f *testing.F) {
	in := newBatch() // megabytes, so not for each input
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Clone(b)
		for rest := b; ; {
			m, next, ok := nextMessage(rest)
			if !ok {
				break
			}
			if len(next) >= len(rest) {
				t.Fatal("no progress")
			}
			var p Packet
			e := parsePacket(m.body, &p)
			if e.wellFormed && !e.hasID {
				t.Error("well formed without an id")
			}
			if len(p.Payload) > len(m.body) || !bytes.Contains(m.body, p.Payload) {
				t.Error("payload from elsewhere")
			}
			_, _, _ = m.errorOf()
			rest = next
		}
		if !bytes.Equal(b, whole) {
			t.Error("the input was changed")
		}
		// The loop answers each id it can read, and never panics.
		h := handlerFunc(func(_ []Packet, vs []Verdict) {
			for i := range vs {
				vs[i].Accept = true
			}
		})
		for _, cut := range []bool{false, true} {
			p := &fakePort{room: maxVerdictLen, steps: []step{{datagrams: [][]byte{b}, cut: cut}}}
			s, _ := runFakeWith(t, p, h, in)
			if got := uint64(len(p.answers(t))); got != s.Received || s.Received != s.Accepted+s.Dropped {
				t.Errorf("%d answers, %+v", got, s)
			}
			if cut && s.Accepted != 0 {
				t.Error("a cut packet was accepted")
			}
		}
	})
}

type handlerFunc func([]Packet, []Verdict)

func (f handlerFunc) Handle(ps []Packet, vs []Verdict) { f(ps, vs) }
