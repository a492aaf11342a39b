package engine

import (
	"errors"
	"strings"
	"testing"
)

// FuzzCheckLabel: a name is a label when it says so of every byte, an error
// points at what it complains of, and a label is what a kernel would not cut.
func FuzzCheckLabel(f *testing.F) {
	for _, s := range []string{"Secret", "", "-CIPSO", "a/b", "#x", "@", "caf\u00e9", "a\x00", strings.Repeat("x", 256)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := CheckLabel(s)
		cut, ok := kernelLabel(s)
		if whole := ok && cut == s; whole != (err == nil) {
			t.Fatalf("%q: %v, but of it a kernel takes %q", s, err, cut)
		}
		b := NewBuilder()
		l, bad := b.InternBytes([]byte(s))
		if (bad == nil) != (err == nil) || (bad == nil) != (l != Unknown) {
			t.Fatalf("%q: CheckLabel %v, Intern %d, %v", s, err, l, bad)
		}
		if err == nil {
			if b.Name(l) != s {
				t.Fatalf("%q became %q", s, b.Name(l))
			}
			return
		}
		var e *LabelError
		if !errors.As(err, &e) || e.Label != s || e.Offset < 0 || e.Offset > len(s) {
			t.Fatalf("%q: %#v", s, err)
		}
		for _, c := range err.Error() {
			if c < ' ' || c == 0x7f {
				t.Fatalf("a message with control characters: %q", err)
			}
		}
	})
}

// FuzzParseAccess: what is read lists as what reads the same, and the strict and
// the lenient reader agree wherever the strict one reads.
func FuzzParseAccess(f *testing.F) {
	for _, s := range []string{"rwxatlb", "-", "", "waxbeans", "RW-", "r,w", "----", "r\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAccess(s)
		lenient := ParseAccessKernel(s)
		if err != nil {
			var e *AccessError
			if !errors.As(err, &e) || e.Word != s || a != 0 {
				t.Fatalf("%q: %v, %#v", s, a, err)
			}
			if s == "" {
				return
			}
			if before := ParseAccessKernel(s[:e.Offset]); before != lenient {
				t.Fatalf("%q: the error is at %d, but reading stopped elsewhere", s, e.Offset)
			}
			if strings.ContainsRune("rwxatlbRWXATLB-", rune(s[e.Offset])) {
				t.Fatalf("%q: the error points at a mode", s)
			}
			return
		}
		if a != lenient || a&^allModes != 0 {
			t.Fatalf("%q: %v, leniently %v", s, a, lenient)
		}
		if letters(a) != sorted(strings.ToLower(s)) {
			t.Fatalf("%q: read as %v", s, a)
		}
		if again, err := ParseAccess(a.String()); err != nil || again != a {
			t.Fatalf("%q: lists as %v, which reads as %v, %v", s, a, again, err)
		}
	})
}

// FuzzPolicyAgainstTwin: bytes are lines of a policy, and every pair of labels is
// then asked. Five bytes are a line: verb and layer, subject, object, modes,
// modes to take away.
func FuzzPolicyAgainstTwin(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 5, 6, 2, 0, 1, 5, 6, 4, 2, 3, 5, 0, 0, 0})            // set, change, revoke
	f.Add([]byte{0, 5, 6, 127, 0, 4, 5, 6, 1, 0, 8, 5, 6, 0, 0})          // the same pair in three lists
	f.Add([]byte{0, 2, 5, 127, 0, 0, 4, 5, 0, 0, 0, 1, 3, 32, 0})         // reserved labels
	f.Add([]byte{0x80, 5, 6, 66, 0, 0x80, 6, 5, 64, 0, 0x83, 7, 0, 0, 0}) // with bring-up
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 5*64 {
			return
		}
		var asked Access
		if len(data) > 0 {
			asked = Access(data[len(data)-1])
		}
		names := []string{"?", "^", "*", "_", "@", "A", "B", "C"}
		b := newBoth()
		for _, name := range names {
			b.intern(name)
		}
		if len(data) > 0 && data[0]&0x80 != 0 {
			b.b.EnableBringup()
			b.b.SetUnconfined(b.intern("C"))
			b.w.bringup, b.w.unconfined = true, "C"
		}
		for line := 1; len(data) >= 5; line, data = line+1, data[5:] {
			layer, s, o := layers[int(data[0]>>2&31)%len(layers)], names[data[1]%8], names[data[2]%8]
			switch data[0] & 3 {
			case 1, 2:
				b.change(layer, s, o, Access(data[3]), Access(data[4]), line)
			case 3:
				b.revoke(layer, s, line)
			default:
				b.set(layer, s, o, Access(data[3]), line)
			}
		}
		p := b.b.Build()
		names = append(names, "nobody")
		// Each mode, the mixtures that decisions turn on, and what the input asks.
		wants := []Access{0, Read, Write, Execute, Append, Transmute, Lock, Bringup, Read | Execute, Read | Lock, Write | Lock, Write | Append, asked & allModes}
		for _, s := range names {
			for _, o := range names {
				for _, want := range wants {
					if err := b.compare(p, s, o, want); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}
