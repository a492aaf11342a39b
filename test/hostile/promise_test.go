package hostile

import (
	"bytes"
	"encoding/binary"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/netlabel"
	"labelgate/test/naive"
)

const (
	typeCIPSO = 134
	protoICMP = 1
	protoTCP  = 6

	poison = 0xa5
	guard  = 64 // poisoned bytes behind the buffer that Process is given
	most   = 65535 + 64
)

// judge has packets judged and keeps what that needs. It belongs to one
// goroutine; nothing here allocates.
type judge struct {
	before [most]byte
	clean  [most + netlabel.MaxGrowth + guard]byte // poison
	buffer [most + netlabel.MaxGrowth + guard]byte

	came, left naive.Packet
}

func newJudge() *judge {
	j := new(judge)
	for i := range j.clean {
		j.clean[i] = poison
	}
	j.buffer = j.clean
	return j
}

// process judges p. It returns the verdict, what leaves (nil when it is dropped),
// and which of the promises about them is broken, "" for none.
func (j *judge) process(s *netlabel.Snapshot, d netlabel.Direction, z netlabel.Zone, p []byte) (v netlabel.Verdict, leaves []byte, broken string) {
	room := len(p) + netlabel.MaxGrowth
	copy(j.before[:], p)
	out := j.buffer[:room]
	v = s.Process(d, z, p, out)
	leaves, broken = j.check(s, d, p, &v, room)
	return v, leaves, broken
}

// reset makes the buffer what it was before n bytes of packet were judged.
func (j *judge) reset(n int) {
	n += netlabel.MaxGrowth + guard
	copy(j.buffer[:n], j.clean[:n])
}

func (j *judge) check(s *netlabel.Snapshot, d netlabel.Direction, p []byte, v *netlabel.Verdict, room int) ([]byte, string) {
	if !bytes.Equal(p, j.before[:len(p)]) {
		return nil, "the packet itself was changed"
	}
	if (v.Action == netlabel.Drop) != (v.Reason != netlabel.ReasonNone) || v.Reason.Explain() == "" {
		return nil, "dropped without a reason, or let through with one"
	}
	if !j.poisoned(room, room+guard) {
		return nil, "bytes behind the buffer were written"
	}
	if v.Action == netlabel.Drop {
		if v.Length != 0 || v.Emitted != engine.Unknown {
			return nil, "dropped, but something of it leaves"
		}
		return nil, ""
	}
	if v.Checked && !v.Decision.Allowed {
		return nil, "let through against the rules"
	}
	if v.Length < 0 || v.Length > room {
		return nil, "its length is not one of the buffer"
	}
	leaves := p
	if v.Length != 0 {
		leaves = j.buffer[:v.Length]
	}
	if f := j.left.Read(leaves); f.Fault != "" {
		return leaves, f.Fault
	}
	if f := j.came.Read(p); f.Fault != "" {
		return leaves, "let through in spite of its header"
	}
	total := int(binary.BigEndian.Uint16(leaves[2:]))
	if total != len(leaves) {
		return leaves, "its length is not what its header says"
	}
	// What is written where nothing of it leaves is the packet as it came.
	written := v.Length
	if written == 0 {
		written = len(leaves)
	}
	if !j.poisoned(written, room) {
		return leaves, "bytes of the buffer behind what leaves were written"
	}
	broken := j.fixed(d, p, leaves, v)
	if broken == "" {
		broken = j.others(p, leaves)
	}
	if broken == "" {
		broken = j.behind(p, leaves, v)
	}
	if broken == "" {
		broken = j.label(s, d, leaves, v)
	}
	return leaves, broken
}

func (j *judge) poisoned(from, to int) bool { return bytes.Equal(j.buffer[from:to], j.clean[from:to]) }

// fixed holds what the fixed part of the header says against what it said.
func (j *judge) fixed(d netlabel.Direction, p, leaves []byte, v *netlabel.Verdict) string {
	if !bytes.Equal(p[4:10], leaves[4:10]) || !bytes.Equal(p[12:20], leaves[12:20]) || p[1] != leaves[1] {
		return "the fixed part of the header was changed"
	}
	if (d == netlabel.Input || v.Action == netlabel.Blank || v.Action == netlabel.Pass) && j.came.HeaderLen != j.left.HeaderLen {
		return "the length of the header was changed in place"
	}
	if j.left.Tail != 0 {
		return "data is behind the end of the options"
	}
	return ""
}

// others: every option but CIPSO is there, in its place in the order.
func (j *judge) others(p, leaves []byte) string {
	k := 0
	for _, o := range j.came.Options[:j.came.Count] {
		if o.Type == typeCIPSO {
			continue
		}
		for k < j.left.Count && j.left.Options[k].Type == typeCIPSO {
			k++
		}
		if k == j.left.Count {
			return "another option was lost"
		}
		n := j.left.Options[k]
		if !bytes.Equal(p[o.At:o.At+o.Len], leaves[n.At:n.At+n.Len]) {
			return "another option was changed"
		}
		k++
	}
	for ; k < j.left.Count; k++ {
		if j.left.Options[k].Type != typeCIPSO {
			return "there is an option that did not come"
		}
	}
	return ""
}

// behind: what the header carries is what it carried, but for the segment size
// that a SYN offers, and the options in what an ICMP error quotes. Neither
// changes the sum over the bytes, for the checksums follow.
func (j *judge) behind(p, leaves []byte, v *netlabel.Verdict) string {
	total := int(binary.BigEndian.Uint16(p[2:]))
	came, left := p[j.came.HeaderLen:total], leaves[j.left.HeaderLen:]
	if bytes.Equal(came, left) {
		return ""
	}
	if len(came) != len(left) {
		return "the payload has another length"
	}
	switch {
	case j.came.Fragment:
		return "the payload of a fragment was changed"
	case p[9] == protoTCP && v.Clamped:
		header := int(came[12]>>4) * 4
		if !bytes.Equal(came[:16], left[:16]) || !bytes.Equal(came[18:20], left[18:20]) || !bytes.Equal(came[header:], left[header:]) {
			return "more than the options of a SYN was changed"
		}
	case p[9] == protoICMP:
		quoted := 8 + int(came[8]&15)*4
		if !bytes.Equal(came[:18], left[:18]) || !bytes.Equal(came[20:28], left[20:28]) || quoted < len(came) && !bytes.Equal(came[quoted:], left[quoted:]) {
			return "more than the options of a quoted header was changed"
		}
		if bytes.IndexByte(left[28:min(quoted, len(left))], typeCIPSO) >= 0 {
			return "a label may be in the quoted header"
		}
	default:
		return "the payload was changed"
	}
	if a, b := naive.Sum(came)%0xffff, naive.Sum(left)%0xffff; a != b {
		return "a checksum in the payload is not what it was"
	}
	return ""
}

// label: no option leaves but where labels are spoken, and then one, in the
// domain that is spoken there and in its canonical form.
func (j *judge) label(s *netlabel.Snapshot, d netlabel.Direction, leaves []byte, v *netlabel.Verdict) string {
	o := j.left.Find(typeCIPSO)
	if d == netlabel.Input || v.Emitted == engine.Unknown || s.ZoneTrust(v.OutZone) == netlabel.Refuse {
		if o != nil {
			return "a label leaves that nobody put there"
		}
		return ""
	}
	if o == nil {
		return "no label leaves"
	}
	doi, tags := s.ZoneDOI(v.OutZone), tags3
	if e := s.Entry(v.DestEntry); e != nil && e.DOI != 0 {
		doi = cipso.DOI(e.DOI)
	}
	if doi == 16 {
		tags = tags16
	}
	option := leaves[o.At : o.At+o.Len]
	if naive.Linux(option, uint32(doi), tags).Fault != "" {
		return "Linux would not take the label that leaves"
	}
	if naive.Strict(option).Fault != "" {
		return "the label that leaves is not canonical"
	}
	if l := v.Emitted; l == engine.Star || l == engine.Huh || l == engine.Web && s.Mode() == netlabel.Strict {
		return "a label leaves that must not"
	}
	return ""
}

var tags3, tags16 = []byte{1, 2, 5}, []byte{1, 2}
