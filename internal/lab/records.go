package lab

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"labelgate/internal/audit"
	"labelgate/internal/config"
)

// records is where a daemon's audit records are: a file, of which they may be
// only some of the lines.
type records struct {
	path string // "" for nowhere
	from int64  // what stood in it before the lab
}

// records says where the gateway's records go; log is the file that takes its
// standard output and error.
func (s *settings) records(log string) records {
	switch s.Audit.Output {
	case config.Stderr, config.Stdout:
		return records{path: log}
	}
	r := records{path: s.Audit.Output}
	if info, err := os.Stat(r.path); err == nil {
		r.from = info.Size()
	}
	return r
}

// Records returns the audit records that a node's labelgated has written so far,
// the oldest first.
func (l *Lab) Records(node string) ([]audit.Record, error) {
	n, err := l.node(node)
	if err != nil {
		return nil, err
	}
	return n.records.read()
}

func (r records) read() ([]audit.Record, error) {
	if r.path == "" {
		return nil, nil
	}
	f, err := os.Open(r.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, r.from, 1<<40))
	if err != nil {
		return nil, err
	}
	var all []audit.Record
	for line := range bytes.Lines(data) {
		if record, ok := parseRecord(line); ok {
			all = append(all, record)
		}
	}
	return all, nil
}

// parseRecord reads a line in either form. It reports false for a line of the
// daemon's log, and for one that is still being written.
func parseRecord(line []byte) (audit.Record, bool) {
	if !bytes.HasSuffix(line, []byte("\n")) {
		return audit.Record{}, false
	}
	if bytes.HasPrefix(line, []byte("{")) {
		r, err := audit.ParseJSON(line)
		return r, err == nil
	}
	if bytes.Contains(line, []byte("lsm=labelgate")) {
		r, err := audit.ParseText(string(line))
		return r, err == nil
	}
	return audit.Record{}, false
}
