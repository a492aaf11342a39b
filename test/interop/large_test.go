//go:build interop

package interop

import (
	"slices"
	"testing"

	"labelgate/test/interop/talk"
)

// Sizes in bytes of what does not fit into one packet. An option makes a packet
// longer, or is in every fragment; a connection stalls where its segments were
// not made smaller for it.
const (
	manySegments  = 256 << 10
	manyFragments = 4000
)

// largePort is the source port of the first of them.
const largePort = 30000

// large lists what is said at length: by and to processes with the shortest
// options and with the longest, wherever connections are allowed.
func (s *site) large() (all []*row) {
	said := []string{pop, longest, office, web}
	for _, r := range s.rows() {
		tcp := fateOf(talk.TCP, r.from, r.to)
		if tcp.refuses() || !slices.Contains(said, r.from.label) || !slices.Contains(said, r.to.label) {
			continue
		}
		r.Send.From = uint16(largePort + len(all))
		if r.Size = manyFragments; r.Proto == talk.TCP {
			r.Size = manySegments
		}
		all = append(all, r)
	}
	return all
}

// heardWhole counts those of which everything arrived, with the right label and,
// where there is one, with the right answer.
func (e *evidence) heardWhole(t *testing.T, rows []*row) (n int) {
	t.Helper()
	for _, r := range rows {
		whole := slices.ContainsFunc(e.heard[r.to.machine], func(h talk.Heard) bool {
			return h.Proto == r.Proto && h.From.Port() == r.From && h.From.Addr() == r.from.address.Addr() &&
				h.Bytes == r.Size && h.Peer == r.want.arrives && (!r.to.smack() || h.Label == r.to.label)
		})
		if whole && r.answer.Back == r.want.answer {
			n++
			continue
		}
		t.Errorf("%s %v -> %v, %d bytes: arrived whole and as %q: %v; answered: %v %s", r.Proto, r.from, r.to, r.Size, r.want.arrives, whole, r.answer.Back, r.answer.Err)
	}
	return n
}
