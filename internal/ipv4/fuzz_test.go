package ipv4

import (
	"bytes"
	"testing"
)

// mend gives p a right length and checksum, else nearly nothing that the fuzzer
// makes would get past them.
func mend(p []byte) []byte {
	p = bytes.Clone(p)
	if len(p) < 20 || len(p) > 65535 {
		return p
	}
	p[0] = 0x40 | p[0]&15
	if hl := int(p[0]&15) * 4; hl < 20 || hl > len(p) {
		return p
	}
	p[2], p[3] = byte(len(p)>>8), byte(len(p))
	fixChecksum(p)
	return p
}

// The seeds of all three are in testdata/fuzz.

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range [][]byte{b, mend(b)} {
			before := bytes.Clone(p)
			var strict, compat View
			fs, fc := strict.Parse(p, Strict), compat.Parse(p, Compat)
			if !bytes.Equal(p, before) {
				t.Fatal("Parse changed the packet")
			}
			if fc.Code != NoFault && fs != fc {
				t.Fatalf("strict reports %v, compat %v", fs, fc)
			}
			for _, v := range []*View{&strict, &compat} {
				if v.CIPSO != 0 && (v.CIPSO < 20 || v.CIPSOLen < 2 || v.CIPSO+v.CIPSOLen > v.HeaderLen) ||
					v.OthersLen < 0 || v.CIPSOLen+v.OthersLen > v.HeaderLen-20 && v.HeaderLen > 0 ||
					len(v.Packet) > len(p) || v.HeaderLen > len(v.Packet) || v.Transport > len(v.Packet) {
					t.Fatalf("%+v", v)
				}
			}
			if int(fc.Pointer) != 0 && (int(fc.Pointer) < 20 || int(fc.Pointer) >= compat.HeaderLen) {
				t.Fatalf("pointer %d", fc.Pointer)
			}
			if fc.Code == NoFault {
				checkIndependently(t, compat.Packet, &compat)
			}
		}
	})
}

func FuzzRewrite(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, length uint8) {
		p := mend(b)
		var v View
		if v.Parse(p, Compat).Code != NoFault {
			return
		}
		p = v.Packet
		before := bytes.Clone(p)
		out := poisoned(len(p) + 40)
		check := func(what string, n int, ok bool, option, want []byte) {
			t.Helper()
			if !bytes.Equal(p, before) {
				t.Fatalf("%s changed the packet itself", what)
			}
			if ok != (want != nil) {
				t.Fatalf("%s: %v, want % x", what, ok, want)
			}
			if !ok {
				return
			}
			if !bytes.Equal(out[:n], want) {
				t.Fatalf("%s:\ngot  % x\nwant % x", what, out[:n], want)
			}
			w := mustParse(t, out[:n], Compat)
			if len(w.Packet) != n || naiveChecksum(out[:w.HeaderLen]) != 0 {
				t.Fatalf("%s: length or checksum", what)
			}
			if !bytes.Equal(w.Packet[w.HeaderLen:], p[v.HeaderLen:]) || w.Others != v.Others || w.OthersLen != v.OthersLen {
				t.Fatalf("%s: payload or other options changed", what)
			}
			if !bytes.Equal(w.Packet[w.CIPSO:][:w.CIPSOLen], option) {
				t.Fatalf("%s: CIPSO is % x", what, w.Packet[w.CIPSO:][:w.CIPSOLen])
			}
			fill(out)
		}
		n, ok := v.Blank(out)
		check("blank", n, ok, nil, wantBlank(p))
		n, ok = v.Rewrite(out, nil)
		check("remove", n, ok, nil, wantRewrite(p, nil))
		option := cipsoOption(8 + int(length)%33)
		n, ok = v.Rewrite(out, option)
		check("put on", n, ok, option, wantRewrite(p, option))
	})
}

func FuzzClampMSS(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, mss uint16) {
		p := mend(b)
		before := bytes.Clone(p)
		least, ok := MSS(p)
		changed := ClampMSS(p, mss)
		if after, still := MSS(p); still != ok || ok && after != min(least, mss) || changed && !ok {
			t.Fatalf("MSS %d %v, then %d %v", least, ok, after, still)
		}
		if !changed {
			if !bytes.Equal(p, before) {
				t.Fatal("changed and denied it")
			}
			return
		}
		if len(p) < 40 || p[9] != 6 {
			t.Fatal("changed what is not TCP")
		}
		var v View
		if f := v.Parse(p, Strict); f.Code != NoFault && f.Code < FaultOptionLength {
			t.Fatalf("header damaged: %v", f.Code)
		}
		hl := v.HeaderLen
		if !bytes.Equal(p[:hl], before[:hl]) {
			t.Fatal("changed the IP header")
		}
		// Both sums start from the checksum field: what is wrong stays wrong
		// by as much. 0 and 0xffff are one value in this arithmetic.
		a, z := naiveChecksum(before[hl:]), naiveChecksum(p[hl:])
		same := a == z || a == 0 && z == 0xffff || a == 0xffff && z == 0
		if !same {
			t.Fatalf("checksum off by %#x, was %#x", z, a)
		}
		if ClampMSS(p, mss) {
			t.Fatal("changed twice")
		}
	})
}
