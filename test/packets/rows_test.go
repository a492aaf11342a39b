package packets

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// TestRows sends every row of the table through the gateway.
func TestRows(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, table)
	j := &judge{bench: b}
	ran := 0
	for i := range table.Sections {
		s := &table.Sections[i]
		t.Run(s.Name, func(t *testing.T) {
			for k := range s.Rows {
				t.Run(s.Rows[k].Name(), func(t *testing.T) {
					j.row(t, &s.Rows[k])
					ran++
				})
			}
		})
	}
	j.finish(t)
	long.Report(t,
		figures.Figure{ID: "packets/rows-not-run", Value: float64(len(table.Rows()) - ran), Unit: "rows"}.AtMost(0),
		figures.Figure{ID: "packets/rows", Value: float64(ran), Unit: "rows"}.AtLeast(300),
		figures.Figure{ID: "packets/sent", Value: float64(j.sent), Unit: "packets"}.AtLeast(400),
		figures.Figure{ID: "packets/forbidden-delivered", Value: float64(j.forbidden), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "packets/label-bytes-on-unlabeled-cables", Value: float64(j.leaks), Unit: "labels"}.AtMost(0),
		figures.Figure{ID: "packets/silent", Value: float64(j.silent), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "packets/icmp-answers", Value: float64(j.heard), Unit: "messages"}.AtLeast(100),
	)
}

// judge holds what the witnesses saw against the table.
type judge struct {
	*bench
	sent      int // packets
	forbidden int // on a cable that they must not reach
	leaks     int // labels on unlabeled cables
	silent    int // neither recorded nor counted
	heard     int // ICMP messages of the gateway
}

// play is one row while it runs.
type play struct {
	*judge
	*testing.T
	row           *Row
	sent, arrived []byte
}

func (j *judge) row(t *testing.T, row *Row) {
	p := &play{judge: j, T: t, row: row}
	for i := range row.Steps {
		p.step(&row.Steps[i])
		if t.Failed() {
			break
		}
	}
	j.mark(t)
	j.nothingElse(t)
}

// patience is for a machine under load.
const patience = 3 * time.Second

func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(500 * time.Microsecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func (p *play) step(s *Step) {
	from := p.cables[p.table.cableOf(s.From)]
	sc := scene{row: p.row.Number, sent: p.sent, arrived: p.arrived, src: p.address(s.From, s.From), dst: p.address(s.To, s.From)}
	if s.Packet.quote == quoteArrived && p.arrived == nil || s.Packet.quote == quoteSent && p.sent == nil {
		p.Fatal("nothing to quote")
	}
	behind, packet := s.Packet.behindAddresses(sc, from.mac)
	p.pace(s.Outcome.Hears)
	o := &s.Outcome
	counter := o.rises
	if o.Action == counted {
		counter = o.Reason
	}
	before := uint64(0)
	if counter != "" {
		before = p.count(p.T, counter)
	}
	began := time.Now()
	for range s.Packet.times {
		from.send(p.T, behind)
		p.judge.sent++
	}
	p.sent = packet
	for range s.Packet.times {
		if o.Recorded() {
			p.recorded(s)
		}
	}
	if counter != "" && !eventually(func() bool { return p.count(p.T, counter) > before }) {
		p.silent++
		p.Errorf("%s did not rise", counter)
	}
	switch {
	case o.Arrives():
		p.arrives(s, packet)
	case o.Action == answered:
		p.answered(from)
	}
	switch {
	case o.Hears == nil:
	case o.Hears.Limit != 0:
		p.hearsSome(s, from, packet, began)
	default:
		p.hears(s, from, packet)
	}
}

// address returns that of a host; the gateway's on the cable of the other.
func (p *play) address(name, other string) netip.Addr {
	if name == gateway {
		return p.cables[p.table.cableOf(other)].host.Gateway
	}
	a, err := p.table.address(name, p.row.Number)
	try(p.T, err)
	return a
}

// pace waits until the gateway may send another message: its own limit is 50 at once,
// and 100 a second. This one is a little lower.
func (p *play) pace(h *Heard) {
	if h == nil {
		return
	}
	const atOnce, perSecond = 40, 90
	for need := float64(max(1, h.Limit)); ; time.Sleep(time.Millisecond) {
		now := time.Now()
		p.tokens = min(atOnce, p.tokens+now.Sub(p.filled).Seconds()*perSecond)
		if p.filled = now; p.tokens >= need {
			p.tokens -= need
			return
		}
	}
}

// mark sends a packet that passes, and waits for it: what was sent before has been
// judged by then.
func (j *judge) mark(t *testing.T) {
	t.Helper()
	m := newPacket()
	m.sport, m.dport, m.id = markerPort, markerPort, 1
	src, err := j.table.address("none", 0)
	try(t, err)
	dst, err := j.table.address("other", 0)
	try(t, err)
	behind, _ := m.behindAddresses(scene{src: src, dst: dst}, [6]byte{})
	to := j.cables[j.table.cableOf("other")]
	j.cables[j.table.cableOf("none")].send(t, behind)
	if r := j.take(t, func(r *audit.Record) bool { return r.HasPorts && r.Dest == markerPort && r.Src == markerPort }); r == nil || r.Action != audit.Granted {
		t.Fatalf("the marker was not judged: %+v", r)
	}
	frames := to.wait(1)
	for _, f := range frames[:max(0, len(frames)-1)] {
		j.forbid(t, to, f)
	}
	if len(frames) == 0 {
		t.Fatal("the marker did not arrive")
	}
	if last := packetIn(frames[len(frames)-1]); headerLen(last) == 0 || binary.BigEndian.Uint16(last[headerLen(last):]) != markerPort {
		j.forbid(t, to, frames[len(frames)-1])
	}
}

const markerPort = 9

// forbid counts a packet that no row sent there.
func (j *judge) forbid(t *testing.T, c *cable, frame []byte) {
	t.Helper()
	j.forbidden++
	t.Errorf("%s got what was not for it: % x", c.name, frame)
}

// nothingElse fails the row for each packet and each record that it does not
// explain.
func (j *judge) nothingElse(t *testing.T) {
	t.Helper()
	for _, c := range j.cables {
		for _, f := range c.came() {
			j.forbid(t, c, f)
		}
	}
	j.records(t)
	for _, r := range j.unread {
		switch r.Event {
		case audit.EventFiltered: // summed up at the end
			continue
		case audit.EventStart, audit.EventSandbox, audit.EventStop, audit.EventRotated, audit.EventSealed: // of no packet
			continue
		}
		t.Errorf("there is a record besides: %s", r.AppendJSON(nil))
	}
	j.unread = slices.DeleteFunc(j.unread, func(r audit.Record) bool { return r.Event != audit.EventFiltered })
}
