package policyfile

import (
	"bytes"
	"slices"

	"labelgate/engine"
)

// pairs remembers where each pair of subject and object got its rules, to find
// rules that a later one replaces. It only notes while rules are read, and sorts
// afterwards: a million rules cost it a fraction of what reading them does.
type pairs struct {
	*reporter
	notes   []note
	files   []notedFile
	revoked map[engine.Label][]int // how many notes there were each time
	largest engine.Label
}

// note is one rule. The pair is subject<<32 | object.
type note struct {
	pair   uint64
	line   uint32
	offset uint32 // of the line; its highest bit says that the rule only changes
}

const onlyChanges = 1 << 31

type notedFile struct {
	*reader
	first int // index of its first note
}

func (p *pairs) begin(f *reader) {
	p.files = append(p.files, notedFile{f, len(p.notes)})
	p.notes = slices.Grow(p.notes, min(bytes.Count(f.data, []byte("\n"))+1, 1<<20))
}

func (p *pairs) set(s, o engine.Label, line, offset int) {
	p.largest = max(p.largest, s, o)
	p.notes = append(p.notes, note{uint64(s)<<32 | uint64(o), uint32(line), uint32(offset)})
}

func (p *pairs) change(s, o engine.Label, line, offset int) {
	p.set(s, o, line, offset|onlyChanges)
}

func (p *pairs) revoke(s engine.Label) {
	if p.revoked == nil {
		p.revoked = make(map[engine.Label][]int)
	}
	p.revoked[s] = append(p.revoked[s], len(p.notes))
}

// report warns of each rule that sets what an earlier one has set or changed.
func (p *pairs) report() {
	order := p.order()
	for i := 1; i < len(order); i++ {
		was, is := order[i-1], order[i]
		a, b := p.notes[was], p.notes[is]
		if a.pair != b.pair || b.offset&onlyChanges != 0 || p.revokedBetween(engine.Label(a.pair>>32), int(was), int(is)) {
			continue
		}
		earlier, f := p.file(was), p.file(is)
		f.at, f.line = int(b.offset), int(b.line)
		f.text, _, _ = bytes.Cut(f.data[f.at:], []byte("\n"))
		f.warn(1, "duplicate-rule", "the last rule for two labels wins", "this replaces the rule at %s", Problem{File: earlier.name, Line: int(a.line)}.Place())
		if p.warnings > maxProblems {
			return
		}
	}
}

// file returns the file of a note.
func (p *pairs) file(note uint32) *reader {
	i := len(p.files) - 1
	for p.files[i].first > int(note) {
		i--
	}
	return p.files[i].reader
}

func (p *pairs) revokedBetween(s engine.Label, was, is int) bool {
	for _, n := range p.revoked[s] {
		if was < n && n <= is {
			return true
		}
	}
	return false
}

// order returns the indexes of the notes by pair, those of one pair as they came
// (radix sort, over the bits that are in use).
func (p *pairs) order() []uint32 {
	const digit = 11
	width := 1
	for p.largest>>width != 0 {
		width++
	}
	order, other := make([]uint32, len(p.notes)), make([]uint32, len(p.notes))
	for i := range order {
		order[i] = uint32(i)
	}
	mask := uint64(1)<<width - 1
	for shift := 0; shift < 2*width; shift += digit {
		key := func(i uint32) uint64 {
			pair := p.notes[i].pair
			return (pair>>32<<width | pair&mask) >> shift & (1<<digit - 1)
		}
		var next [1<<digit + 1]uint32
		for _, i := range order {
			next[key(i)+1]++
		}
		for k := range next[1:] {
			next[k+1] += next[k]
		}
		for _, i := range order {
			k := key(i)
			other[next[k]] = i
			next[k]++
		}
		order, other = other, order
	}
	return order
}
