package auditor

import (
	"io"
	"time"

	"labelgate/internal/audit"
)

// sender gives records to something that cannot be read back.
type sender struct {
	patience
	config *Config
	what   string
	send   func(all []audit.Record) (n int, err error) // several, or the first of them
	own    []audit.Record
}

func (s *sender) start() error { return nil }

func (s *sender) write(d *datagram, records []audit.Record) error {
	var id uint64
	if d != nil {
		id = identify(d)
	}
	base, done := s.config.Progress.resume(id, uint64(len(records)))
	for i := range records {
		records[i].Seq = base + uint64(i) + 1
	}
	last := base + uint64(len(records))
	records = records[done:]
	for len(records) > 0 {
		err := s.until(s.what, func() error {
			n, err := s.send(records)
			s.config.Progress.wrote(uint64(n))
			s.meter.written.Add(uint64(n))
			records = records[n:]
			return err
		})
		if err != nil {
			return err
		}
	}
	s.meter.seq.Store(last)
	return nil
}

func (s *sender) note(r audit.Record) { s.own = append(s.own, r) }

func (s *sender) tick() error {
	for len(s.own) > 0 {
		r := s.own[0]
		wall, mono := s.config.Now()
		r.Time, r.Mono = writable(wall), mono
		if err := s.write(nil, []audit.Record{r}); err != nil {
			return err
		}
		s.own = s.own[1:]
	}
	return nil
}

func (s *sender) wait() time.Duration { return longestTick }
func (s *sender) rotateAsked()        {}
func (s *sender) stop() error         { return s.tick() }
func (s *sender) close() error        { return nil }

// tornEnd ends a line that may be torn, so that what is there of it is not taken
// for a record: it comes again, whole.
const tornEnd = " torn\n"

// stream writes lines to standard output or error.
type stream struct {
	config *Config
	to     io.Writer
	rest   []byte // of lines that were begun
	torn   bool   // an auditor before was ended inside a line, perhaps
}

func newStream(c *Config, to io.Writer, p patience) *sender {
	w := &stream{config: c, to: to, torn: c.Progress.unfinished()}
	return &sender{patience: p, config: c, what: "writing to " + c.Output, send: w.send}
}

// send writes all records, or goes on with what is left of them.
func (w *stream) send(all []audit.Record) (int, error) {
	if len(w.rest) == 0 {
		if w.torn {
			w.rest, w.torn = append(w.rest, tornEnd...), false
		}
		for i := range all {
			w.rest = append(all[i].Append(w.rest, w.config.Format), '\n')
		}
	}
	n, err := w.to.Write(w.rest)
	w.rest = w.rest[min(max(n, 0), len(w.rest)):]
	switch {
	case err != nil:
		return 0, err
	case len(w.rest) > 0:
		return 0, io.ErrShortWrite
	}
	return len(all), nil
}
