package netlabel_test

import (
	"encoding/hex"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"labelgate/netlabel"
)

// row is one line of a recorded table by column name; line is its number.
type row struct {
	line   int
	fields map[string]string
}

func (r row) get(column string) string { return r.fields[column] }

// recorded reads a table of test/vectors, which says where they come from.
func recorded(t *testing.T, name string) []row {
	t.Helper()
	lines := recordedLines(t, name)
	columns := strings.Split(lines[0], "\t")
	rows := make([]row, 0, len(lines)-1)
	for i, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) != len(columns) {
			t.Fatalf("%s:%d: %d fields, want %d", name, i+2, len(fields), len(columns))
		}
		r := row{line: i + 2, fields: make(map[string]string)}
		for j, column := range columns {
			r.fields[column] = fields[j]
		}
		rows = append(rows, r)
	}
	return rows
}

func recordedLines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "test", "vectors", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// difference is a line of test/vectors/differences.tsv: how a Snapshot in compat
// mode differs from the kernel on purpose. It covers rows by their group, the
// patterns (as of path.Match) of their case and of who, and what differs.
type difference struct {
	line                   int
	group, test, who, what string
	rows, seen             int
}

// ledger holds what differs against what may.
type ledger struct {
	listed          []difference
	compared, equal int
}

// newLedger reads the differences of one recorded table.
func newLedger(t *testing.T, table string) *ledger {
	t.Helper()
	l := &ledger{}
	for _, r := range recorded(t, "differences.tsv") {
		if r.get("table") != table {
			continue
		}
		n, err := strconv.Atoi(r.get("rows"))
		if err != nil || n < 1 || r.get("why") == "" {
			t.Fatalf("differences.tsv:%d: needs a number of rows and a reason", r.line)
		}
		l.listed = append(l.listed, difference{
			line: r.line, group: r.get("group"), test: r.get("case"), who: r.get("who"), what: r.get("what"), rows: n,
		})
	}
	return l
}

// judge takes what differs in one row, nothing if it is empty.
func (l *ledger) judge(t *testing.T, line int, group, test, who string, differs []string) {
	t.Helper()
	l.compared++
	what := strings.Join(differs, ", ")
	if what == "" {
		l.equal++
		return
	}
	for i := range l.listed {
		d := &l.listed[i]
		if d.group == group && d.what == what && matches(t, d.test, test) && matches(t, d.who, who) {
			d.seen++
			return
		}
	}
	t.Errorf("line %d: %s\t%s\t%s\t%s", line, group, test, who, what)
}

// matches is path.Match, but * alone is anything.
func matches(t *testing.T, pattern, s string) bool {
	t.Helper()
	if pattern == "*" {
		return true
	}
	ok, err := path.Match(pattern, s)
	if err != nil {
		t.Fatalf("differences.tsv: %s: %v", pattern, err)
	}
	return ok
}

// close reports the differences that are not what they are said to be any more.
func (l *ledger) close(t *testing.T, rows int) {
	t.Helper()
	listed := 0
	for _, d := range l.listed {
		listed += d.seen
		if d.seen != d.rows {
			t.Errorf("differences.tsv:%d: %s %s %s: %d rows differ so, %d are listed", d.line, d.group, d.test, d.who, d.seen, d.rows)
		}
	}
	if l.compared != rows {
		t.Errorf("%d of %d rows compared", l.compared, rows)
	}
	t.Logf("%d rows compared: %d equal, %d differ as %d lines of differences.tsv say", l.compared, l.equal, listed, len(l.listed))
}

// leaving returns the packet that leaves after a verdict, nil if none does.
func leaving(v *netlabel.Verdict, packet, out []byte) []byte {
	switch {
	case v.Action == netlabel.Drop:
		return nil
	case v.Length != 0:
		return out[:v.Length]
	}
	return packet
}
