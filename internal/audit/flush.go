package audit

import "bytes"

// chunk is the number of bytes after which a batch is written out.
const chunk = 64 << 10

// Why records are missing: the Reason of a suppressed record.
const (
	ReasonOverflow   = "overflow"    // they found the Sink full; their sequence numbers end right before this one
	ReasonWriteError = "write-error" // the writer did not take them
)

// flush writes the records that wait. It reports whether there were any. The
// caller holds s.writing.
func (s *Sink) flush() bool {
	var admissions [2]Record
	admit := admissions[:0]
	s.mu.Lock()
	batch := s.filling
	s.filling, s.spare = s.spare[:0], nil
	lost := s.lost
	s.lost = 0
	if lost > 0 {
		// All of them came after the batch, which was full by then.
		admit = append(admit, s.admission(ReasonOverflow, lost))
	}
	if s.unwritten > 0 && (len(batch) > 0 || s.closed) {
		admit = append(admit, s.admission(ReasonWriteError, s.unwritten))
		s.unwritten = 0
	}
	s.mu.Unlock()

	lines := 0
	for i := range batch {
		s.append(&batch[i])
		if lines++; len(s.buffer) >= chunk {
			s.unwritten += s.emit(lines)
			lines = 0
		}
	}
	if lines > 0 {
		s.unwritten += s.emit(lines)
	}
	for i := range admit {
		s.append(&admit[i])
		if s.emit(1) > 0 {
			s.unwritten += admit[i].Count + 1 // and itself
		}
	}
	s.spare = batch[:0]
	return len(batch) > 0 || lost > 0
}

// admission returns the record that owns up to count missing ones. The caller
// holds s.mu.
func (s *Sink) admission(reason string, count uint64) Record {
	s.seq++
	return Record{Seq: s.seq, Time: s.options.Now(), Event: EventSuppressed, Reason: reason, Count: count}
}

// append adds a line to the buffer.
func (s *Sink) append(r *Record) {
	if s.torn && len(s.buffer) == 0 {
		s.buffer = append(s.buffer, '\n')
	}
	if s.options.Format == JSON {
		s.buffer = r.AppendJSON(s.buffer)
	} else {
		s.buffer = r.AppendText(s.buffer)
	}
	s.buffer = append(s.buffer, '\n')
}

// emit writes out the buffer, which holds some lines, and returns how many of
// them the writer did not take. Those are not tried again: a disk that is full
// would hold everything up.
func (s *Sink) emit(lines int) (missing uint64) {
	n, err := s.writer.Write(s.buffer)
	n = min(max(n, 0), len(s.buffer))
	if n > 0 {
		s.torn = s.buffer[n-1] != '\n'
	}
	if err != nil {
		// The newline that ends a line torn earlier is not one of the lines.
		missing = uint64(min(bytes.Count(s.buffer[n:], []byte("\n")), lines))
		s.lostTotal.Add(missing)
		s.failures.Add(1)
		if s.options.OnError != nil {
			s.options.OnError(err)
		}
	}
	s.written.Add(uint64(lines) - missing)
	s.buffer = s.buffer[:0]
	return missing
}
