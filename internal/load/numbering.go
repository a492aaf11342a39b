package load

import (
	"crypto/sha256"
	"encoding/binary"

	"labelgate/engine"
	"labelgate/netlabel"
)

// numbering is a digest of which label and which zone each number stands for.
func numbering(s *netlabel.Snapshot) [sha256.Size]byte {
	h := sha256.New()
	var text []byte
	write := func(name string) {
		text = append(binary.BigEndian.AppendUint32(text[:0], uint32(len(name))), name...)
		h.Write(text)
	}
	n := s.Policy().Labels()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
	for l := range n {
		write(s.LabelName(engine.Label(l)))
	}
	for z := 1; z <= s.Zones(); z++ {
		write(s.ZoneName(netlabel.Zone(z)))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
