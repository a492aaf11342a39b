package control

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is a place in a table that belongs to a generation of the policy. A
// Backend may use any other text as cursor.
type Cursor struct {
	Generation uint32
	Position   uint64
}

// String returns the cursor as it crosses the socket.
func (c Cursor) String() string {
	return strconv.FormatUint(uint64(c.Generation), 10) + "." + strconv.FormatUint(c.Position, 10)
}

// ParseCursor returns the cursor that String wrote, and the beginning for "". A
// cursor of another generation is an Error of CodeStale: rows have other places
// now.
func ParseCursor(text string, generation uint32) (Cursor, error) {
	c := Cursor{Generation: generation}
	if text == "" {
		return c, nil
	}
	g, p, ok := strings.Cut(text, ".")
	was, err := strconv.ParseUint(g, 10, 32)
	if !ok || err != nil {
		return c, Errorf(CodeBadRequest, "no such cursor")
	}
	if c.Position, err = strconv.ParseUint(p, 10, 64); err != nil {
		return c, Errorf(CodeBadRequest, "no such cursor")
	}
	if uint32(was) != generation {
		return c, Errorf(CodeStale, "the policy changed from generation %d to %d", was, generation)
	}
	return c, nil
}

// pageBytes is how large the rows of a page may be, which leaves room in
// MaxAnswer for what is around them.
const pageBytes = MaxAnswer / 2

// Page gathers the rows of an answer, as many as fit into one. The zero value
// takes MaxRows.
type Page struct {
	Limit int // Args.Limit

	rows  []byte
	count int
}

// Add adds a row. It reports false when the page was full and the row belongs to
// the next one. A row that fits into no page is an error.
func (p *Page) Add(row any) (bool, error) {
	limit := p.Limit
	if limit <= 0 || limit > MaxRows {
		limit = MaxRows
	}
	if p.count >= limit {
		return false, nil
	}
	b, err := json.Marshal(row)
	if err != nil {
		return false, err
	}
	if len(p.rows)+len(b)+1 > pageBytes {
		if p.count == 0 {
			return false, fmt.Errorf("a row of %d bytes is too long for an answer", len(b))
		}
		return false, nil
	}
	p.rows = append(append(p.rows, ','), b...)
	p.count++
	return true, nil
}

// Len returns the number of rows.
func (p *Page) Len() int { return p.count }

// Response returns the rows as an answer; next is where the rows go on, "" at
// their end.
func (p *Page) Response(next string) Response {
	b := make([]byte, 0, len(p.rows)+2)
	b = append(b, '[')
	if p.count > 0 {
		b = append(b, p.rows[1:]...)
	}
	return Response{Result: json.RawMessage(append(b, ']')), Next: next}
}
