package packets

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"labelgate/internal/audit"
)

// hears holds what comes back to the sender against the table.
func (p *play) hears(s *Step, from *cable, sent []byte) {
	p.Helper()
	frame := from.next()
	if frame == nil {
		p.Errorf("the sender got nothing")
		return
	}
	p.checkHeard(s, from, sent, frame)
}

// checkHeard holds one message to the sender against the table.
func (p *play) checkHeard(s *Step, from *cable, sent, frame []byte) {
	p.Helper()
	h := s.Outcome.Hears
	p.heard++
	packet := p.ipv4(frame)
	if packet == nil {
		return
	}
	n := headerLen(packet)
	label := append(slices.Clone(h.Label), make([]byte, -len(h.Label)&3)...)
	if got := packet[minHeader:n]; !bytes.Equal(got, label) {
		p.Errorf("its options are % x, want % x", got, label)
	}
	if got, want := netip.AddrFrom4([4]byte(packet[12:16])), from.host.Gateway; got != want {
		p.Errorf("it comes from %v, not from %v", got, want)
	}
	if !bytes.Equal(packet[16:20], sent[12:16]) {
		p.Errorf("it went to % x", packet[16:20])
	}
	message := packet[n:]
	if packet[9] != protoICMP || len(message) < 8 || sum(message) != 0xffff {
		p.Errorf("it is no sound ICMP message: % x", packet)
		return
	}
	argument := int(message[4])
	if h.Type == 3 {
		argument = int(binary.BigEndian.Uint16(message[6:]))
	}
	if message[0] != h.Type || message[1] != h.Code || isError(h.Type) && argument != h.Argument {
		p.Errorf("it says %d/%d:%d, want %d/%d:%d", message[0], message[1], argument, h.Type, h.Code, h.Argument)
	}
	if isError(h.Type) {
		p.checkQuote(message[8:], sent)
	}
	if from.host.Zone == "" {
		return // nobody asks the gateway
	}
	if r := p.take(p.T, func(r *audit.Record) bool { return r.Fn == fnOutput }); r == nil || r.Action != audit.Granted {
		p.Errorf("there is no record of its having left: %+v", r)
	}
}

// hearsSome holds how often the sender of many packets is answered against the limit.
// Other networks may share it, so that it can be a few less.
func (p *play) hearsSome(s *Step, from *cable, sent []byte, began time.Time) {
	p.Helper()
	limit := s.Outcome.Hears.Limit
	n := 0
	for quiet := time.Now(); time.Since(quiet) < quietFor; time.Sleep(time.Millisecond) {
		for _, frame := range from.came() {
			p.checkHeard(s, from, sent, frame)
			quiet = time.Now()
			n++
		}
	}
	if most := limit + 1 + int(time.Since(began).Seconds()*float64(limit)); n < limit/2 || n > most {
		p.Errorf("%d of %d were answered, want %d to %d", n, s.Packet.times, limit/2, most)
	}
}

// quietFor is how long nothing comes any more when nothing is on its way.
const quietFor = 200 * time.Millisecond

// checkQuote holds what the gateway's own error quotes against what was sent.
func (p *play) checkQuote(quoted, sent []byte) {
	p.Helper()
	want := slices.Clone(sent[:min(len(sent), int(binary.BigEndian.Uint16(sent[2:])))])
	if len(quoted) < minHeader {
		p.Errorf("% x is quoted", quoted)
		return
	}
	// The kernel counts the TTL down before it asks at FORWARD.
	if quoted[8] == want[8]-1 {
		want[8]--
		binary.BigEndian.PutUint16(want[10:], 0)
		binary.BigEndian.PutUint16(want[10:], ^sum(want[:headerLen(want)]))
	}
	if least := min(len(want), headerLen(want)+8); len(quoted) < least || !bytes.HasPrefix(want, quoted) {
		p.Errorf("quoted is\n% x, sent was\n% x", quoted, want)
	}
}
