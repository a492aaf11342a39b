package netlabel

import (
	"bytes"
	"encoding/binary"
	"testing"

	"labelgate/cipso"
	"labelgate/engine"
)

// fuzzSnapshots are both modes of the test policy, with links of several sizes.
func fuzzSnapshots(t testing.TB) [2]*Snapshot {
	var s [2]*Snapshot
	for m := range s {
		s[m] = compile(t, perimeterSpec(Mode(m))).WithMTUs([]int{0, 1500, 1400, 68, 0, 9000})
	}
	return s
}

// FuzzProcess: whatever arrives, from wherever, has a verdict whose promises
// about what leaves hold. repair gives the bytes a right length and checksum, or
// no input would come past the header.
func FuzzProcess(f *testing.F) {
	snapshots := fuzzSnapshots(f)
	f.Add([]byte{}, uint8(0), uint8(0), uint8(0), false)
	f.Fuzz(func(t *testing.T, p []byte, direction, zone, mode uint8, repair bool) {
		if len(p) > 2000 {
			return
		}
		if repair {
			p = repaired(p)
		}
		s := snapshots[mode%2]
		d := Direction(direction % 3)
		before := bytes.Clone(p)
		v, out := processed(s, d, Zone(zone), p, 0xa5)
		again, other := processed(s, d, Zone(zone), p, 0x5a)
		if !bytes.Equal(p, before) {
			t.Fatal("the packet itself was changed")
		}
		if v != again || !bytes.Equal(out, other) {
			t.Fatalf("what the buffer held before shows: %x and %x", out, other)
		}
		checkVerdict(t, s, d, p, v, out)
	})
}

// processed judges p with a buffer full of poison and returns what leaves.
func processed(s *Snapshot, d Direction, z Zone, p []byte, poison byte) (Verdict, []byte) {
	out := bytes.Repeat([]byte{poison}, len(p)+MaxGrowth)
	v := s.Process(d, z, p, out)
	switch {
	case v.Action == Drop:
		return v, nil
	case v.Length != 0:
		return v, out[:v.Length]
	}
	return v, p
}

// checkVerdict holds a verdict and what leaves against what Process promises.
func checkVerdict(t *testing.T, s *Snapshot, d Direction, p []byte, v Verdict, out []byte) {
	if (v.Action == Drop) != (v.Reason != ReasonNone) || v.Reason >= numReasons {
		t.Fatalf("%s for reason %q", v.Action, v.Reason)
	}
	if v.Action == Drop {
		if v.Length != 0 || v.Emitted != engine.Unknown {
			t.Fatalf("dropped, yet %d bytes leave as %q", v.Length, s.LabelName(v.Emitted))
		}
		return
	}
	if v.Checked && !v.Decision.Allowed {
		t.Fatal("the rules denied what leaves")
	}
	checkHeader(t, out)
	total, hl, left := int(binary.BigEndian.Uint16(p[2:])), int(p[0]&15)*4, int(out[0]&15)*4
	checkPayload(t, p[hl:total], out[left:], v.Clamped)
	if !bytes.Equal(out[12:20], p[12:20]) || out[8] != p[8] || out[9] != p[9] || !bytes.Equal(out[4:8], p[4:8]) {
		t.Fatalf("the header says other things than before: %x, was %x", out[:20], p[:20])
	}
	if (v.Action == Blank || d == Input) && left != hl {
		t.Fatalf("%s changed the length of the header", v.Action)
	}
	checkOption(t, s, d, v, cipsoOptions(t, out[20:left]))
}

func checkOption(t *testing.T, s *Snapshot, d Direction, v Verdict, found [][]byte) {
	if d == Input || v.Emitted == engine.Unknown || s.ZoneTrust(v.OutZone) == Refuse {
		if len(found) != 0 {
			t.Fatalf("%x leaves, %s toward a zone that %ss labels", found, d, s.ZoneTrust(v.OutZone))
		}
		return
	}
	if len(found) != 1 {
		t.Fatalf("%d options leave: %x", len(found), found)
	}
	if l := v.Emitted; l == engine.Star || l == engine.Huh || l == engine.Web && s.mode == Strict {
		t.Fatalf("%s leaves", s.LabelName(l))
	}
	want := s.ZoneDOI(v.OutZone)
	if e := s.Entry(v.DestEntry); e != nil && e.DOI != 0 {
		want = cipso.DOI(e.DOI)
	}
	// A strict decoder takes nothing but the canonical form.
	var o cipso.Option
	if _, fault := (&cipso.Decoder{}).Decode(found[0], &o); fault.Code != cipso.NoFault || o.DOI != want {
		t.Fatalf("%x leaves: DOI %d, %s; want DOI %d in canonical form", found[0], o.DOI, fault.Code, want)
	}
	if got := s.LabelOf(want, &o.Label); got != v.Emitted && s.mode == Strict {
		t.Fatalf("%x leaves and reads %q, want %q", found[0], s.LabelName(got), s.LabelName(v.Emitted))
	}
}

// checkPayload allows a changed segment size in a SYN and what it does to the
// checksum, nothing else.
func checkPayload(t *testing.T, before, after []byte, clamped bool) {
	if !clamped {
		if !bytes.Equal(before, after) {
			t.Fatal("the payload was changed")
		}
		return
	}
	if len(before) != len(after) || len(before) < 20 {
		t.Fatalf("%d bytes of payload were %d", len(after), len(before))
	}
	header := int(before[12]>>4) * 4
	if !bytes.Equal(before[:16], after[:16]) || !bytes.Equal(before[18:20], after[18:20]) || !bytes.Equal(before[header:], after[header:]) {
		t.Fatal("more than the TCP options was changed")
	}
	// The checksum is as right, or as wrong, as it was.
	if a, b := sum(even(before)), sum(even(after)); a%0xffff != b%0xffff {
		t.Fatalf("TCP sums up to %04x, was %04x", b, a)
	}
}

func even(b []byte) []byte {
	if len(b)%2 != 0 {
		return append(bytes.Clone(b), 0)
	}
	return b
}

// cipsoOptions walks an option area as any receiver would.
func cipsoOptions(t *testing.T, b []byte) (found [][]byte) {
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			t.Fatalf("the options that leave are malformed: %x", b)
		}
		if b[0] == cipso.OptionType {
			found = append(found, b[:b[1]])
		}
		b = b[b[1]:]
	}
	return found
}

// repaired gives p the length and the checksum that it should have.
func repaired(p []byte) []byte {
	if len(p) < 20 {
		return p
	}
	p = bytes.Clone(p)
	hl := int(p[0]&15) * 4
	p[0] = p[0]&15 | 0x40
	if hl < 20 || hl > len(p) {
		return p
	}
	if total := int(binary.BigEndian.Uint16(p[2:])); total < hl || total > len(p) {
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	}
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], sum(p[:hl]))
	return p
}

// FuzzHeld: a packet that travelled with NOPs in the place of its option is finished,
// whatever came of it meanwhile, for any label that a mark could say.
func FuzzHeld(f *testing.F) {
	snapshots := fuzzSnapshots(f)
	f.Add([]byte{}, uint8(0), uint32(0), uint8(0), false)
	f.Fuzz(func(t *testing.T, p []byte, zone uint8, label uint32, mode uint8, repair bool) {
		if len(p) > 2000 {
			return
		}
		if repair {
			p = repaired(p)
		}
		s := snapshots[mode%2]
		before := bytes.Clone(p)
		k := Known{Subject: engine.Label(label), From: FromPacket, Held: true, Reported: engine.Label(label / 2), Grew: int(int8(label))}
		held := bytes.Repeat([]byte{0xa5}, len(p))
		if n, reason := HoldPlace(p, held); reason == ReasonNone {
			held = held[:n]
			checkHeader(t, held)
			hl := int(held[0]&15) * 4
			if found := cipsoOptions(t, held[20:hl]); len(found) != 0 || !bytes.Equal(held[hl:], p[hl:n]) {
				t.Fatalf("%x travels on", held)
			}
			finished(t, s, Zone(zone), k, held)
		}
		finished(t, s, Zone(zone), k, p)
		if !bytes.Equal(p, before) {
			t.Fatal("the packet itself was changed")
		}
	})
}

func finished(t *testing.T, s *Snapshot, z Zone, k Known, p []byte) {
	for _, d := range []Direction{Forward, Input, Output} {
		out, other := bytes.Repeat([]byte{0xa5}, len(p)+MaxGrowth), bytes.Repeat([]byte{0x5a}, len(p)+MaxGrowth)
		v, again := s.ProcessKnown(d, z, p, out, k), s.ProcessKnown(d, z, p, other, k)
		if v != again || !bytes.Equal(out[:v.Length], other[:v.Length]) {
			t.Fatalf("what the buffer held before shows: %x and %x", out[:v.Length], other[:v.Length])
		}
		checkVerdict(t, s, d, p, v, out[:v.Length])
	}
}
