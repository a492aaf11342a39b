package auditor

import (
	"sync/atomic"
	"time"
)

// Status says how the auditor fares. Times are CLOCK_MONOTONIC in nanoseconds.
type Status struct {
	Datagrams uint64 // written and taken out of the socket
	Written   uint64 // records, the auditor's own included
	Garbage   uint64 // lines that were no records
	Retries   uint64 // writes that were tried again
	Seq       uint64 // of the last record
	Seals     uint64
	Files     uint64 // begun by this process
	Closed    string // path of the file that this process closed last, "" before the first

	Progress     uint64 // when the output last took something
	BlockedSince uint64 // when it began to take nothing, 0 when it does
	LastError    string // why a write failed, "" while none has
}

// meter collects a Status. The auditor's own goroutine writes it; anybody may read.
type meter struct {
	datagrams, written, garbage, retries, seq, seals, files atomic.Uint64
	progress, blocked                                       atomic.Uint64
	lastError, closed                                       atomic.Pointer[string]

	now    func() (time.Time, uint64)
	outage outage
}

// outage is a time in which the output took nothing, to be told of behind it.
type outage struct {
	first, last uint64
	tries       uint64
	err         error
}

// trying notes that the output is about to be given something.
func (m *meter) trying() {
	if m.blocked.Load() == 0 {
		_, mono := m.now()
		m.blocked.Store(mono)
	}
}

func (m *meter) failed(err error) {
	text := err.Error()
	m.lastError.Store(&text)
	m.retries.Add(1)
	_, mono := m.now()
	if m.outage.tries == 0 {
		m.outage.first = mono
	}
	m.outage.tries++
	m.outage.last, m.outage.err = mono, err
}

// moved notes that the output took something.
func (m *meter) moved() {
	_, mono := m.now()
	m.progress.Store(mono)
	m.blocked.Store(0)
}

// ended returns the outage that is over, once.
func (m *meter) ended() (o outage, ok bool) {
	if m.outage.tries == 0 || m.blocked.Load() != 0 {
		return o, false
	}
	o, m.outage = m.outage, outage{}
	return o, true
}

func (m *meter) status() Status {
	s := Status{
		Datagrams: m.datagrams.Load(), Written: m.written.Load(), Garbage: m.garbage.Load(), Retries: m.retries.Load(),
		Seq: m.seq.Load(), Seals: m.seals.Load(), Files: m.files.Load(),
		Progress: m.progress.Load(), BlockedSince: m.blocked.Load(),
	}
	if text := m.lastError.Load(); text != nil {
		s.LastError = *text
	}
	if path := m.closed.Load(); path != nil {
		s.Closed = *path
	}
	return s
}
