package trail

import (
	"bytes"
	"encoding/hex"

	"labelgate/internal/audit"
)

// Why a seal was made: the Reason of its record. The last line of a file that was
// rotated out is a seal that says so.
const (
	SealInterval = "interval"
	SealRotated  = "rotated"
	SealStop     = "stop"
)

// AppendSeal appends a record as a seal over everything before, which has value v,
// and returns the line's own value with it. number is the seal's where there is no
// key; k, which may be nil, has its own.
func (v Value) AppendSeal(b []byte, r *audit.Record, f audit.Format, k *KeyFile, number uint64) ([]byte, Value) {
	r.Event, r.HasSeal, r.Seal = audit.EventSealed, true, number
	r.Key, r.MAC, r.Chain = audit.Digest{}, audit.Digest{}, audit.Digest{}
	if k != nil {
		r.Seal, r.Key = k.Number(), k.ID()
		r.MAC = k.key.seal(v, openLine(nil, r, f))
	}
	return v.AppendLine(b, r, f)
}

// cutMAC splits the part of a seal's line in front of its chain field into what
// the seal is about and the seal. It reports false when it ends in none.
func cutMAC(head []byte, f audit.Format) (sealed []byte, ok bool) {
	field, end := ` mac=`, ``
	if f == audit.JSON {
		field, end = `,"mac":"`, `"`
	}
	rest, ok := bytes.CutSuffix(head, []byte(end))
	at := len(rest) - hex.EncodedLen(keyLength)
	if !ok || at < 0 {
		return nil, false
	}
	return bytes.CutSuffix(rest[:at], []byte(field))
}

// maybe reports whether a line might hold a record of an event. It costs nothing
// like parsing; a label that is called so only costs that.
func maybe(line []byte, event string) bool { return bytes.Contains(line, []byte(event)) }
