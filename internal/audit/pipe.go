package audit

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// The errors of Pipe.Flush.
var (
	// ErrFull: the auditor does not keep up, and its socket takes no more.
	ErrFull = errors.New("the audit socket is full")
	// ErrGone: nobody holds the auditor's end of the socket any more.
	ErrGone = errors.New("nobody takes audit records")
)

// PipeOptions say how a Pipe works.
type PipeOptions struct {
	// Now tells wall time and CLOCK_MONOTONIC in ns; nil for this machine's.
	Now func() (time.Time, uint64)
	// Full is what becomes of packets while the Pipe is full, the Reason of its
	// EventAuditRecovered: FullHalt, the default, or FullDegrade.
	Full string
	// Outstanding counts what no record has told of yet, see Pipe.Outstanding. It
	// may lie in memory that outlives the process; nil for memory of its own.
	Outstanding *atomic.Uint64
}

// Pipe hands records to the auditor, a batch at a time: Add them, Flush, and only
// then act on what they say. A Pipe belongs to one goroutine; any number of Pipes
// may use the same socket.
//
// When Flush returns ErrFull the records are still there. They are either kept
// for the next Flush or given up by Discard, and counted; the first Flush that
// finds room again begins with one EventAuditRecovered that owns up to them.
type Pipe struct {
	fd      int
	options PipeOptions

	buffer  []byte // headroom, then the lines
	pending []line // which of them are not sent yet
	sent    int    // of pending
	limit   int    // bytes of a datagram
	lost    uint64 // given up, and not yet owned up to
	mono    uint64 // of the last record

	record  Record      // what is being encoded
	encoder jsonEncoder // kept, so that it is not allocated for each
}

// line is a record in the buffer.
type line struct {
	end    int    // in the buffer
	stands uint64 // for how many: 0 for itself
}

// maxPending bounds the records that wait for a Flush that finds room.
const maxPending = 4096

// headroom is where the line goes that owns up to what was lost, in front of
// lines which are encoded already.
const headroom = 1 << 10

// NewPipe returns a Pipe over a connected socket of type SOCK_SEQPACKET, which
// stays the caller's; see NewPair. Flush never waits, whether the socket is
// non-blocking or not.
func NewPipe(fd int, o PipeOptions) *Pipe {
	if o.Now == nil {
		o.Now = NewClock().Now
	}
	if o.Full == "" {
		o.Full = FullHalt
	}
	if o.Outstanding == nil {
		o.Outstanding = new(atomic.Uint64)
	}
	p := &Pipe{fd: fd, options: o, limit: MaxDatagram, pending: make([]line, 0, 256)}
	p.buffer = make([]byte, headroom, headroom+MaxDatagram)
	return p
}

// Outstanding is how many decisions no record that was sent tells of: those that
// a Limiter has suppressed and those that were given up. When the process dies,
// whoever shares the counter records as many and sets it to 0. It may then count
// some twice that had just been sent; none is left out.
func (p *Pipe) Outstanding() *atomic.Uint64 { return p.options.Outstanding }

// Len is the number of records that wait to be sent.
func (p *Pipe) Len() int { return len(p.pending) - p.sent }

// Lost is the number of packets and records that were given up and that no record
// owns up to yet. While it is not 0 the Pipe was full at the last Flush.
func (p *Pipe) Lost() uint64 { return p.lost }

// Add takes a copy of r to be sent by the next Flush. It sets the copy's time when
// it has none, and its Mono to the monotonic time, or to r.Mono, later by some
// nanoseconds where two records would share it. It allocates nothing once the
// Pipe has held as many records as come between two calls of Flush. A record that
// finds some thousands waiting is given up.
func (p *Pipe) Add(r *Record) { p.add(r, 0) }

func (p *Pipe) add(r *Record, stands uint64) {
	switch {
	case p.sent == len(p.pending):
		p.empty()
	case len(p.pending) >= maxPending:
		p.giveUp(line{stands: stands})
		return
	}
	p.stamp(r)
	start := len(p.buffer)
	p.buffer = p.encode(p.buffer)
	if len(p.buffer)-start > MaxLine {
		p.record.shorten(shortField)
		p.buffer = p.encode(p.buffer[:start])
	}
	p.pending = append(p.pending, line{len(p.buffer), stands})
}

// stamp copies r into the Pipe and completes it.
func (p *Pipe) stamp(r *Record) {
	p.record = *r
	p.record.shorten(MaxField)
	if p.record.Time.IsZero() || p.record.Mono == 0 {
		wall, mono := p.options.Now()
		if p.record.Time.IsZero() {
			p.record.Time = wall
		}
		if p.record.Mono == 0 {
			p.record.Mono = mono
		}
	}
	if y := p.record.Time.Year(); y < 1970 || y > 9999 {
		p.record.Time = time.Unix(0, 0) // neither form can show it
	}
	// An auditor that was ended between writing and consuming tells by this
	// whether a record is the one that it had written already.
	p.mono = max(p.mono+1, p.record.Mono)
	p.record.Mono = p.mono
}

func (p *Pipe) encode(b []byte) []byte {
	p.encoder.b = b
	p.record.appendJSON(&p.encoder)
	return append(p.encoder.b, '\n')
}

func (p *Pipe) empty() {
	p.buffer, p.pending, p.sent = p.buffer[:headroom], p.pending[:0], 0
}

// start is where the first line begins that is not sent.
func (p *Pipe) start() int {
	if p.sent == 0 {
		return headroom
	}
	return p.pending[p.sent-1].end
}

// Flush sends what was added, as one datagram unless that would be too long. It
// returns ErrFull or ErrGone, or what else the kernel has against it, when not
// all was sent; what was not is still there. While records are owed that were
// given up, Flush tries to own up to them even when nothing was added.
func (p *Pipe) Flush() error {
	for p.sent < len(p.pending) || p.lost > 0 {
		if err := p.flushOne(); err != nil {
			return err
		}
	}
	p.empty()
	return nil
}

func (p *Pipe) flushOne() error {
	for {
		from := p.start()
		begin := p.confess(from)
		last := p.fit(begin)
		end := from
		if last > p.sent {
			end = p.pending[last-1].end
		}
		err := send(p.fd, p.buffer[begin:end])
		switch {
		case err == nil:
			p.settle(last, begin < from)
			return nil
		case errors.Is(err, errTooLong) && last-p.sent > 1:
			p.limit = max((end-begin)/2, 1)
		default:
			return err
		}
	}
}

// fit returns the end of the lines that go into a datagram which begins at begin:
// one at least, where there is one.
func (p *Pipe) fit(begin int) int {
	last := p.sent
	for last < len(p.pending) && (last == p.sent || p.pending[last].end-begin <= p.limit) {
		last++
	}
	return last
}

// confess writes the record that owns up to what was lost right before from and
// returns where it begins: at from when there is nothing to own up to. What stood
// there was sent, or is headroom.
func (p *Pipe) confess(from int) int {
	if p.lost == 0 {
		return from
	}
	p.stamp(&Record{Event: EventAuditRecovered, Reason: p.options.Full, Count: p.lost})
	end := len(p.buffer)
	p.buffer = p.encode(p.buffer)
	n := len(p.buffer) - end
	copy(p.buffer[from-n:], p.buffer[end:])
	p.buffer = p.buffer[:end]
	return from - n
}

// settle notes that the records before last were sent.
func (p *Pipe) settle(last int, confessed bool) {
	var told uint64
	for _, l := range p.pending[p.sent:last] {
		told += l.stands
	}
	if confessed {
		told += p.lost
		p.lost = 0
	}
	if told > 0 {
		p.options.Outstanding.Add(-told)
	}
	p.sent = last
}

// Discard gives up the records that wait and returns how many they are. They are
// counted, and owned up to when there is room again.
func (p *Pipe) Discard() (n int) {
	n = p.Len()
	for _, l := range p.pending[p.sent:] {
		p.giveUp(l)
	}
	p.empty()
	return n
}

func (p *Pipe) giveUp(l line) {
	if l.stands > 0 {
		p.lost += l.stands // outstanding already
		return
	}
	p.Lose(1)
}

// Lose counts packets that were dropped because the Pipe is full and that had no
// record among those that were given up.
func (p *Pipe) Lose(packets uint64) {
	p.lost += packets
	p.options.Outstanding.Add(packets)
}

// String tells the state of a Pipe.
func (p *Pipe) String() string {
	return fmt.Sprintf("%d records wait, %d were given up", p.Len(), p.lost)
}
