package hostile

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"runtime/debug"
	"testing"

	"labelgate/netlabel"
	"labelgate/test/corpus"
	"labelgate/test/long"
	"labelgate/test/naive"
)

// TestTriples: every option length, tag type and tag length is taken or refused
// as a naive reader does it, in both modes: in one direction after another in the
// short form, each triple in all of them in the long one.
func TestTriples(t *testing.T) {
	policies, j := policies(t), newJudge()
	src := netip.MustParseAddr("10.3.0.1")
	var n, d int
	var p []byte
	defer func() {
		if e := recover(); e != nil {
			t.Fatalf("panic: %v; triple %d, %s, packet %x\n%s", e, n, directions[d], p, debug.Stack())
		}
	}()
	var area [40]byte
	var buffer [60 + 16]byte
	taken, calls, all := 0, 0, long.Long()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for n = range corpus.Triples {
		p = carry(&buffer, src, corpus.Triple(&area, 3, n))
		option := p[20 : 20+int(p[21])]
		linux := naive.Linux(option, 3, tags3)
		for _, mode := range modes {
			s, want := policies[mode], linux
			if mode == netlabel.Strict && want.Fault == "" {
				want = naive.Strict(option)
			}
			for d = range directions {
				if d != n%len(directions) && !all {
					continue
				}
				calls++
				v, _, broken := j.process(s, directions[d], s.ZoneOf(src), p)
				if broken == "" && directions[d] != netlabel.Output && (v.OptionFault.String() != name(want) || want.Fault != "" && int(v.Pointer) != 20+want.At) {
					broken = "another fault than a naive reader finds"
				}
				if broken != "" {
					t.Fatalf("%s, %s: %s: %s %s, fault %s at %d, want %v, options %x", mode, directions[d], broken, v.Action, v.Reason, v.OptionFault, v.Pointer, want, p[20:])
				}
				if v.Action != netlabel.Drop {
					j.reset(len(p))
				}
			}
		}
		if linux.Fault == "" {
			taken++
		}
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d options: %d taken, %d refused; %d allocations", corpus.Triples, taken, corpus.Triples-taken, after.Mallocs-before.Mallocs)
	long.Report(t,
		figure("triples/options", n+1, "options").AtLeast(corpus.Triples),
		figure("triples/decisions", calls, "decisions").AtLeast(2*corpus.Triples),
		figure("triples/taken", taken, "options").AtLeast(63),
		figure("triples/allocations", int(after.Mallocs-before.Mallocs), "objects").AtMost(1000),
	)
}

func name(f naive.Finding) string {
	if f.Fault == "" {
		return "none"
	}
	return f.Fault
}

// carry writes a packet with an option area and 16 bytes of datagram behind.
func carry(b *[76]byte, src netip.Addr, area []byte) []byte {
	p := b[:20+len(area)+16]
	clear(p)
	p[0] = 0x40 | byte(5+len(area)/4)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	p[8], p[9] = 64, 17
	a := src.As4()
	copy(p[12:], a[:])
	copy(p[16:], []byte{10, 4, 0, 1})
	copy(p[20:], area)
	naive.Seal(p)
	return p
}
