package auditor

import (
	"bytes"
	"encoding/hex"
	"time"

	"labelgate/internal/audit"
)

// garbageShown is how many bytes are shown of what is no record.
const garbageShown = 256

// reader turns datagrams into records.
type reader struct {
	decoder audit.Decoder
	records []audit.Record
}

// read returns the records of a datagram, valid until the next call. Lines that
// are none become one record behind the others.
func (r *reader) read(d *datagram) (records []audit.Record, garbage uint64) {
	r.records = r.records[:0]
	var first []byte
	if d.length > len(d.bytes) || d.length == 0 {
		// Too long for a Pipe, or too short: none of it is believed.
		first, garbage = d.bytes, 1
	} else {
		for line := range bytes.Lines(d.bytes) {
			record, ok := r.decode(line)
			if ok {
				r.records = append(r.records, record)
				continue
			}
			if garbage++; garbage == 1 {
				first = line
			}
		}
	}
	if garbage > 0 {
		r.records = append(r.records, describe(d, first, garbage))
	}
	return r.records, garbage
}

// decode reads one line. A line that the reader itself stumbles over is garbage
// as well: were it to end the auditor, it would be the first in the socket again
// for the next one.
func (r *reader) decode(line []byte) (record audit.Record, ok bool) {
	defer func() {
		if recover() != nil {
			record, ok = audit.Record{}, false
		}
	}()
	record, err := r.decoder.Decode(line)
	return record, err == nil
}

// describe returns the record of what is none. Everything in it comes with the
// datagram, so that it is the same when that is looked at again.
func describe(d *datagram, first []byte, count uint64) audit.Record {
	r := audit.Record{
		Event: audit.EventGarbage, Time: d.arrived.UTC(), Count: count, LengthIn: uint32(d.length),
		PID: d.pid, HasUID: true, UID: d.uid, Detail: hex.EncodeToString(first[:min(len(first), garbageShown)]),
	}
	if y := r.Time.Year(); y < 1970 || y > 9999 {
		r.Time = time.Unix(0, 0).UTC()
	}
	return r
}

// same reports whether a record in the file is the one of a datagram. Its text
// knows no more than milliseconds of the time.
func same(written, sent *audit.Record) bool {
	a, b := *written, *sent
	a.Seq, a.Trail = 0, audit.Trail{}
	if a.Time.UnixMilli() != b.Time.UnixMilli() {
		return false
	}
	a.Time, b.Time = time.Time{}, time.Time{}
	return a == b
}

// already returns how many of the records of a datagram are the last ones that
// were written, where the auditor's own do not count. Because a Pipe gives no two
// records the same time, these are the same records and not only equal ones.
func already(written, sent []audit.Record) int {
	for n := min(len(written), len(sent)); n > 0; n-- {
		end := written[len(written)-n:]
		equal := true
		for i := range end {
			if !same(&end[i], &sent[i]) {
				equal = false
				break
			}
		}
		if equal {
			return n
		}
	}
	return 0
}

// own reports whether the auditor writes such a record by itself, and not for a
// datagram.
func own(r *audit.Record) bool {
	switch r.Event {
	case audit.EventRecovered, audit.EventRotated, audit.EventSealed, audit.EventClock:
		return true
	}
	return r.Process == audit.ProcessAuditor && (r.Event == audit.EventAuditDegraded || r.Event == audit.EventAuditRecovered)
}
