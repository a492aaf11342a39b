package engine

import (
	"errors"
	"testing"
)

func TestParseAccess(t *testing.T) {
	for _, tt := range []struct {
		name   string
		word   string
		want   Access
		offset int // of the error, -1 is none
		kernel Access
		text   string
	}{
		{"none", "-", 0, -1, 0, "-"},
		{"one", "r", Read, -1, Read, "r"},
		{"all", "rwxatlb", allModes, -1, allModes, "rwxatlb"},
		{"upper case", "RWXATLB", allModes, -1, allModes, "rwxatlb"},
		{"any order", "xr", Read | Execute, -1, Read | Execute, "rx"},
		{"repeated", "rRrRr", Read, -1, Read, "r"},
		{"placeholders", "r-x---", Read | Execute, -1, Read | Execute, "rx"},
		{"only placeholders", "----", 0, -1, 0, "-"},
		{"empty", "", 0, 0, 0, "-"},
		{"unknown letter", "waxbeans", 0, 4, Write | Append | Execute | Bringup, "-"},
		{"comma", "r,w", 0, 1, Read, "-"},
		{"digit", "0", 0, 0, 0, "-"},
		{"not ASCII", "r\xc3\xa9", 0, 1, Read, "-"},
		{"zero byte", "r\x00w", 0, 1, Read, "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAccess(tt.word)
			var bad *AccessError
			switch {
			case tt.offset < 0 && err != nil:
				t.Errorf("ParseAccess(%q): %v", tt.word, err)
			case tt.offset >= 0 && (!errors.As(err, &bad) || bad.Offset != tt.offset || bad.Word != tt.word):
				t.Errorf("ParseAccess(%q) = %v, want an error at %d", tt.word, err, tt.offset)
			}
			if got != tt.want {
				t.Errorf("ParseAccess(%q) = %v, want %v", tt.word, got, tt.want)
			}
			if got.String() != tt.text {
				t.Errorf("%q lists as %q, want %q", tt.word, got, tt.text)
			}
			if got := ParseAccessKernel(tt.word); got != tt.kernel {
				t.Errorf("the kernel reads %q as %v, want %v", tt.word, got, tt.kernel)
			}
			if got, n := ParseAccessBytes([]byte(tt.word)); err == nil && (got != tt.want || n != len(tt.word)) {
				t.Errorf("ParseAccessBytes(%q) = %v, %d", tt.word, got, n)
			}
		})
	}
}

func TestAccessErrorIsReadable(t *testing.T) {
	for word, want := range map[string]string{
		"":      "no access modes; write - for none",
		"rz":    "'z' is no access mode; the modes are r w x a t l b, and - for none",
		"\xff":  "0xff is no access mode; the modes are r w x a t l b, and - for none",
		"r\x00": `'\x00' is no access mode; the modes are r w x a t l b, and - for none`,
	} {
		if _, err := ParseAccess(word); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", word, err, want)
		}
	}
}

// TestAccessRoundTrip: each of the 128 sets is what its listing says.
func TestAccessRoundTrip(t *testing.T) {
	for a := range allModes + 1 {
		if got, err := ParseAccess(a.String()); err != nil || got != a {
			t.Errorf("%q reads as %v, %v", a, got, err)
		}
	}
	if got := Access(0x80).String(); got != "-" {
		t.Errorf("a bit without a letter lists as %q", got)
	}
}

func TestGrants(t *testing.T) {
	for _, tt := range []struct {
		name       string
		rule, want string
		ok         bool
	}{
		{"write grants lock", "w", "l", true},
		{"write grants both", "w", "wl", true},
		{"lock does not grant write", "l", "w", false},
		{"write does not grant append", "w", "a", false},
		{"append does not grant write", "a", "w", false},
		{"append does not grant lock", "a", "l", false},
		{"a subset", "rwx", "rx", true},
		{"more than there is", "rx", "rwx", false},
		{"transmute is a bit like others", "rwxal", "t", false},
		{"nothing of something", "r", "-", true},
		{"nothing of nothing", "-", "-", false},
		{"bring-up is no right", "b", "r", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := access(t, tt.rule).Grants(access(t, tt.want)); got != tt.ok {
				t.Errorf("%s grants %s: %v, want %v", tt.rule, tt.want, got, tt.ok)
			}
		})
	}
}

func access(t testing.TB, s string) Access {
	t.Helper()
	a, err := ParseAccess(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
