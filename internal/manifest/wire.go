package manifest

import "encoding/binary"

// SSH writes a string as its length in four bytes, most significant first, and
// its bytes (RFC 4251, section 5).

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// wire takes SSH's data apart. When something is missing it yields nothing from
// then on, and bad is set.
type wire struct {
	rest []byte
	bad  bool
}

func (w *wire) take(n int) []byte {
	if w.bad || n < 0 || n > len(w.rest) {
		w.bad = true
		return nil
	}
	b := w.rest[:n]
	w.rest = w.rest[n:]
	return b
}

func (w *wire) number() uint32 {
	b := w.take(4)
	if w.bad {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (w *wire) text() string {
	n := w.number()
	if uint64(n) > uint64(len(w.rest)) {
		w.bad = true
		return ""
	}
	return string(w.take(int(n)))
}

// done reports whether everything was there, and nothing more.
func (w *wire) done() bool { return !w.bad && len(w.rest) == 0 }
