package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// drawnCases returns cases that a number stands for: a datagram cut anywhere, in any
// order, and with up to three things done to it.
func drawnCases(seed uint64, n int) (all []fragCase) {
	r := rand.New(rand.NewPCG(seed, 791))
	for len(all) < n {
		c := fragCase{
			name: fmt.Sprintf("drawn %d of %d", len(all), seed),
			why:  overlapping + " " + mislabeled + " " + tiny + " unknown-doi unknown-label malformed-option malformed-header foreign-label",
		}
		c.parts = drawnCut(r)
		switch r.IntN(3) {
		case 0:
			c.parts.reversed()
		case 1:
			c.parts.shuffled(r.Uint64())
		}
		for range r.IntN(4) {
			c.parts = harmed(r, c.parts)
		}
		size := c.sizes()[0]
		required, ok1 := twinOfTable(c.parts, labelRequired, size)
		accepting, ok2 := twinOfTable(c.parts, labelAccepted, size)
		unlabeled, ok3 := twinOfTable(c.parts, labelRefused, size)
		if !ok1 || !ok2 || !ok3 {
			continue
		}
		c.heard, c.on = required, onUnlabeled(unlabeled)
		c.on["accepting"] = accepting
		all = append(all, c)
	}
	return all
}

func drawnCut(r *rand.Rand) fragParts {
	size := 200 + r.IntN(7800)
	least, most := max(80, size/24&^7), 1440
	var ends []int
	for to := 0; to < size; {
		limit := size
		if to == 0 {
			limit = (size - 8) &^ 7 // one alone is no fragment
		}
		to = min(to+least+8*r.IntN((most-least)/8+1), limit)
		ends = append(ends, to)
	}
	return cutAt(ends...)
}

// harmed does something to fragments.
func harmed(r *rand.Rand, parts fragParts) fragParts {
	i := r.IntN(len(parts))
	p := parts[i]
	at := r.IntN(len(parts) + 1)
	insert := func(p fragPart) fragParts {
		return append(append(append(fragParts{}, parts[:at]...), p), parts[at:]...)
	}
	switch r.IntN(8) {
	case 0, 1: // again
		if r.IntN(3) == 0 {
			p.says = another
		}
		return insert(p)
	case 2: // other bytes over what is there, or beside it
		from := 80 + 8*r.IntN(600)
		p := bytesAt(from, from+8*(1+r.IntN(100))).lying()
		p.last = r.IntN(6) == 0
		return insert(p)
	case 3: // lost
		if len(parts) > 1 {
			return append(append(fragParts{}, parts[:i]...), parts[i+1:]...)
		}
	case 4: // says something else
		says := []wording{bare, another, foreign, unnamed, broken, twice, rfc1108, hidden}
		parts[i].says = says[r.IntN(len(says))]
	case 5: // says the same otherwise
		parts[i].says = nopsBefore + wording(r.IntN(4))
	case 6: // all of it again
		if len(parts) < 12 {
			return parts.then(parts...)
		}
	case 7: // another end
		if parts[i].from > 0 {
			parts[i].last = !parts[i].last
		}
	}
	return parts
}

// trust is what a zone makes of labels.
type trust byte

const (
	labelRequired trust = iota
	labelAccepted
	labelRefused
)

// twinOfTable says what a receiver may hear of fragments with one identification,
// by the plainest bookkeeping: whether each byte has been seen. It reports false when
// what comes together is whole, but not the datagram that was cut.
func twinOfTable(parts fragParts, t trust, size int) (string, bool) {
	var heard strings.Builder
	var seen []bool
	var label wording
	end, condemned, lies, before := 0, false, false, false
	forget := func() { seen, end, lies = make([]bool, 1<<16), 0, false }
	forget()
	for _, p := range parts {
		says := p.says.meaning(t != labelRefused)
		switch {
		case condemned:
			continue
		case p.from > 0 && p.from < 80, p.from == 0 && !p.last && p.to < 8, p.to > 65535-60:
			condemned = true // by itself
			continue
		case says != usual && (t != labelAccepted || says != bare) && (t == labelRefused || says != another):
			condemned = true
			continue
		}
		top := len(seen)
		for top > 0 && !seen[top-1] {
			top--
		}
		if top == 0 {
			if before && says != label {
				condemned = true // what was whole lately keeps its label
				continue
			}
			label = says
		}
		already := 0
		for _, s := range seen[p.from:p.to] {
			already += oneIf(s)
		}
		switch {
		case says != label, p.from == p.to, !p.last && p.to%8 != 0,
			end > 0 && (p.last && p.to != end || !p.last && p.to >= end), end == 0 && p.last && p.to <= top:
			condemned = true
			continue
		case already == p.to-p.from:
			continue // it alone
		case already > 0:
			condemned = true
			continue
		}
		for i := p.from; i < p.to; i++ {
			seen[i] = true
		}
		if p.last {
			end = p.to
		}
		lies = lies || p.lies
		runs, missing := 0, 0
		for i := range max(top, p.to) {
			runs += oneIf(seen[i] && (i == 0 || !seen[i-1]))
			missing += oneIf(!seen[i])
		}
		switch {
		case runs > 16:
			condemned = true
		case end > 0 && missing == 0:
			if lies || end != size {
				return "", false
			}
			heard.WriteByte('0')
			before = true
			forget()
		}
	}
	return heard.String(), true
}
