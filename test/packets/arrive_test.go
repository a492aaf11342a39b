package packets

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// wait returns the next packets that come out of a cable, as many as are asked for
// or less.
func (c *cable) wait(n int) (frames [][]byte) {
	eventually(func() bool {
		frames = append(frames, c.came()...)
		return len(frames) >= n
	})
	return frames
}

// next returns the next packet that comes out of a cable, nil when there is none.
func (c *cable) next() (frame []byte) {
	eventually(func() bool {
		looked := c.looked
		if frames := c.came(); len(frames) > 0 {
			frame, c.looked = frames[0], looked+1
		}
		return frame != nil
	})
	return frame
}

// arrives holds what comes out of the receiver's cable against the table.
func (p *play) arrives(s *Step, sent []byte) {
	p.Helper()
	frames := p.cables[p.table.cableOf(s.To)].wait(s.Outcome.Pieces)
	if len(frames) != s.Outcome.Pieces {
		p.forbidden += max(0, len(frames)-s.Outcome.Pieces)
		p.Errorf("%d packets arrived, want %d: % x", len(frames), s.Outcome.Pieces, frames)
		return
	}
	for _, f := range frames {
		packet := p.ipv4(f)
		if packet == nil {
			return
		}
		p.checkArrived(s, sent, packet)
		p.arrived = packet
	}
}

// ipv4 returns the sound packet in a frame, and nil with an error for another.
func (p *play) ipv4(frame []byte) []byte {
	p.Helper()
	packet := packetIn(frame)
	n := headerLen(packet)
	if n == 0 {
		p.Errorf("not an IPv4 packet: % x", frame)
		return nil
	}
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if total < n || total > len(packet) || sum(packet[:n]) != 0xffff {
		p.Errorf("not a sound IPv4 packet: % x", frame)
		return nil
	}
	// The kernel pads nothing on these cables: what is there behind the packet has
	// come through the gateway.
	if total != len(packet) {
		p.Errorf("%d bytes behind the packet: % x", len(packet)-total, packet[total:])
	}
	return packet[:total]
}

func (p *play) checkArrived(s *Step, sent, packet []byte) {
	p.Helper()
	o := &s.Outcome
	n, m := headerLen(packet), headerLen(sent)
	area := slices.Clone(o.Options)
	if o.kept {
		area = slices.Clone(sent[minHeader:m])
	}
	area = append(area, make([]byte, -len(area)&3)...)
	if got := packet[minHeader:n]; !bytes.Equal(got, area) {
		p.Errorf("options % x arrived, want % x", got, area)
	}
	same := func(what string, from, to int) {
		if !bytes.Equal(packet[from:to], sent[from:to]) {
			p.Errorf("%s % x arrived, % x was sent", what, packet[from:to], sent[from:to])
		}
	}
	same("type of service", 1, 2)
	same("identification", 4, 6)
	same("protocol", 9, 10)
	same("addresses", 12, 20)
	if packet[8] != sent[8]-1 {
		p.Errorf("TTL %d, sent with %d", packet[8], sent[8])
	}
	if o.Pieces > 1 {
		return
	}
	same("flags and offset", 6, 8)
	total := min(len(sent), int(binary.BigEndian.Uint16(sent[2:])))
	want, got := sent[m:total], packet[n:]
	switch {
	case o.quote != nil:
		p.checkError(o, got)
	case o.mss != 0:
		if len(got) < 24 || int(binary.BigEndian.Uint16(got[22:])) != o.mss {
			p.Errorf("segment % x, want a segment size of %d", got, o.mss)
		}
	case !bytes.Equal(got, want):
		p.Errorf("behind the header\n% x arrived,\n% x was sent", got, want)
	}
}

// checkError holds an ICMP error that arrived, and what it quotes, against the table.
func (p *play) checkError(o *Outcome, message []byte) {
	p.Helper()
	if len(message) < 8+minHeader || sum(message) != 0xffff {
		p.Errorf("not a sound ICMP error: % x", message)
		return
	}
	if got := hex.EncodeToString(message[4:8]); o.second != "" && got != o.second {
		p.Errorf("second word %s, want %s", got, o.second)
	}
	quoted := message[8:]
	n := headerLen(quoted)
	if n == 0 {
		p.Errorf("no header is quoted: % x", message)
		return
	}
	want := append(slices.Clone(o.quote), make([]byte, -len(o.quote)&3)...)
	if got := quoted[minHeader:n]; !bytes.Equal(got, want) {
		p.Errorf("quoted options % x, want % x", got, want)
	}
	if sum(quoted[:n]) != 0xffff {
		p.Errorf("the quoted header has a wrong checksum: % x", quoted[:n])
	}
}

// answered takes the kernel's answer to an ARP request.
func (p *play) answered(from *cable) {
	p.Helper()
	frames := from.wait(1)
	if len(frames) != 1 || len(frames[0]) < 22 || binary.BigEndian.Uint16(frames[0][12:]) != etherARP || frames[0][21] != 2 {
		p.Errorf("no answer: % x", frames)
	}
}
