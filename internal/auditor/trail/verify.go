package trail

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"labelgate/internal/audit"
)

// Options say what a trail is held against, besides itself.
type Options struct {
	Keys  []VerifyKey // none: seals are not checked
	State *KeyState   // of the key that seals it; nil when it is not at hand
	// Seals are copies of seals that were kept elsewhere: each must stand in the
	// files that reach as far.
	Seals []audit.Record
	// SinceSeal believes everything before the last seal.
	SinceSeal bool
	// Settled says that nobody writes the files now: the end of a line is not
	// waited for.
	Settled bool
}

// Report says what was found intact.
type Report struct {
	Files       int
	Lines       uint64
	First, Last uint64 // sequence numbers
	Seals       uint64 // that a key fits
	Sealed      uint64 // sequence number of the last seal, 0 for none
	SealedAt    time.Time
	Unsealed    uint64   // records behind it
	Notes       []string // what was not checked, or could not be
}

// Verify reads files, in any order, as one trail. The error is a *Problem when it
// is not intact, and another when the files cannot be read. The report counts what
// was read until then.
func Verify(files []string, o Options) (Report, error) {
	parts, err := arrange(files)
	if err != nil {
		return Report{}, err
	}
	v := newVerifier(o)
	if o.SinceSeal {
		if parts, err = v.skip(parts); err != nil {
			return v.report, err
		}
	}
	for _, p := range parts {
		if err := v.file(p); err != nil {
			return v.report, err
		}
		v.report.Files++
	}
	return v.report, v.finish()
}

// part is a file of a trail.
type part struct {
	path   string
	header audit.Record
	// Where to begin in it, at 0 unless the lines before are believed.
	offset int64
	line   int
}

// arrange brings files into the order of their numbers and finds gaps.
func arrange(files []string) ([]part, error) {
	parts := make([]part, 0, len(files))
	for _, path := range files {
		line, err := firstLine(path)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return nil, &Problem{path, 1, Truncated, "the file is empty"}
		}
		header, err := parseHeader(line)
		if err != nil {
			return nil, &Problem{path, 1, Edited, fmt.Sprintf("the file does not begin as a file of a trail does: %v", err)}
		}
		if n := closedNumber(path); n != 0 && n != header.File {
			return nil, &Problem{path, 1, Reordered, fmt.Sprintf("this is file %d of the trail and has the name of file %d", header.File, n)}
		}
		parts = append(parts, part{path: path, header: header})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.header.File, b.header.File) })
	for i := 1; i < len(parts); i++ {
		before, p := &parts[i-1], &parts[i]
		switch gap := p.header.File - before.header.File; {
		case gap == 0:
			return nil, &Problem{p.path, 1, Reordered, fmt.Sprintf("file %d of the trail is also %s", p.header.File, before.path)}
		case gap > 1:
			return nil, &Problem{p.path, 1, Missing, fmt.Sprintf("this is file %d of the trail, and %s is file %d; what is between them is not here",
				p.header.File, before.path, before.header.File)}
		}
	}
	return parts, nil
}

type verifier struct {
	options  Options
	checkers map[audit.Digest]*checker
	copies   map[audit.Digest]audit.Record // by chain value
	report   Report

	started bool
	value   Value
	next    uint64 // sequence number
	number  uint64 // of the file

	key      audit.Digest // of the last seal
	seal     uint64       // number of the next
	sealKnow bool         // seal is known
	keyed    bool         // there was a seal with a key that is known
	first    part         // the oldest file
	removed  uint64       // number of the last file that was removed, say the records
	closed   bool         // the last line closes the file
	where    Problem      // place of the line that was read last
}

func newVerifier(o Options) *verifier {
	v := &verifier{options: o, checkers: map[audit.Digest]*checker{}, copies: map[audit.Digest]audit.Record{}}
	for _, k := range o.Keys {
		v.checkers[k.ID()] = &checker{first: k}
	}
	for _, r := range o.Seals {
		v.copies[r.Chain] = r
	}
	return v
}

func (v *verifier) problem(kind, format string, args ...any) error {
	p := v.where
	p.Kind, p.What = kind, fmt.Sprintf(format, args...)
	return &p
}

func (v *verifier) note(format string, args ...any) {
	v.report.Notes = append(v.report.Notes, fmt.Sprintf(format, args...))
}

// file checks the lines of a file, or those from its offset on.
func (v *verifier) file(p part) error {
	v.where = Problem{File: p.path, Line: p.line + 1}
	if p.offset == 0 {
		if err := v.begin(p); err != nil {
			return err
		}
	}
	lines, err := openLines(p.path, p.offset)
	if err != nil {
		return err
	}
	lines.settled = v.options.Settled
	defer lines.close()
	for n := p.line + 1; ; n++ {
		v.where.Line = n
		line, err := lines.next()
		if err != nil {
			return err
		}
		if line == nil {
			return nil
		}
		if err := v.line(line, lines); err != nil {
			return err
		}
	}
}

// begin holds a file's first record against what came before.
func (v *verifier) begin(p part) error {
	prev := Value(p.header.Prev.Bytes())
	switch {
	case v.started && !v.closed:
		return v.problem(Truncated, "the file before it does not end with the seal that closes it")
	case v.started && prev != v.value:
		return v.problem(Missing, "it does not follow the end of the file before it")
	case !v.started && p.header.File == 1 && prev != (Value{}):
		return v.problem(Edited, "the first file follows another one")
	}
	if !v.started {
		v.next = p.header.Seq
		if p.header.File == 1 {
			v.next = 1
		}
		v.report.First, v.first = v.next, p
		if p.header.HasSeal {
			v.key, v.seal, v.sealKnow = p.header.Key, p.header.Seal, true
		}
	}
	v.value, v.number, v.started = prev, p.header.File, true
	return nil
}

// line checks one line, its end included.
func (v *verifier) line(line []byte, rest *lines) error {
	head, stated, ok := cutLine(line)
	if !ok && line[len(line)-1] != '\n' {
		return v.problem(Truncated, "the file ends inside a line; when labelgated writes it now, or was ended while it did, it mends that itself")
	}
	seq, ok2 := sequence(line)
	if !ok || !ok2 {
		return v.problem(Edited, "this is no record of a trail")
	}
	if fits := v.value.over(head) == stated; !fits || seq != v.next {
		return v.misfit(seq, fits, rest)
	}
	before := v.value
	v.value, v.next, v.closed = stated, seq+1, false
	v.report.Lines++
	v.report.Last = seq
	v.report.Unsealed++
	if !maybe(line, audit.EventSealed) && !maybe(line, audit.EventRotated) {
		return nil
	}
	r, f, err := audit.Parse(line)
	if err != nil {
		return v.problem(Edited, "this is no record of a trail: %v", err)
	}
	switch {
	case r.Event == audit.EventSealed:
		return v.sealed(&r, before, head, f)
	case r.Event == audit.EventRotated && r.Reason == FileRemoved:
		v.removed = max(v.removed, closedNumber(r.Detail))
	case r.Event == audit.EventRotated && r.File != v.number:
		return v.problem(Reordered, "another file begins here")
	}
	return nil
}

// misfit says what may have been done to a line that does not follow the one
// before.
func (v *verifier) misfit(seq uint64, fits bool, rest *lines) error {
	switch {
	case seq == v.next:
		return v.problem(Edited, "record %d is not as it was written, or does not follow the one before it", seq)
	case seq < v.next:
		return v.problem(Reordered, "record %d stands behind record %d: it was moved, inserted or put there twice", seq, v.next-1)
	case fits:
		return v.problem(Edited, "record %d stands behind record %d, and its chain value was computed anew", seq, v.next-1)
	case rest.holds(v.next):
		return v.problem(Reordered, "record %d is here and record %d behind it", seq, v.next)
	}
	return v.problem(Deleted, "records %d to %d are gone", v.next, seq-1)
}
