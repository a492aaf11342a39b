package capture

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// The seeds are in testdata/fuzz.
func FuzzReader(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader("fuzz", bytes.NewReader(b))
		var e *Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			return
		}
		for n := 1; ; n++ {
			f, err := r.Next()
			if err != nil {
				if err != io.EOF && (!errors.As(err, &e) || e.File != "fuzz" || e.Packet != 0 && e.Packet != n) {
					t.Fatalf("%T: %v", err, err)
				}
				return
			}
			if f.Number != n || len(f.Data) > maxFrame || len(f.Header)+len(f.IPv4) > len(f.Data) || f.Length < len(f.Data) {
				t.Fatalf("%+v", f)
			}
			_ = f.Time.String()
		}
	})
}
