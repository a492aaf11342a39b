package lab

import "fmt"

// Outcome is what became of a probe. Its zero value says that nothing arrived.
type Outcome uint8

// The outcomes.
const (
	Dropped Outcome = iota // nothing arrived
	OneWay                 // the way there is open; the answer did not come back
	Passed                 // everything arrived, answers included
)

// String returns the word used in topology files and tables.
func (o Outcome) String() string {
	return [...]string{"dropped", "one-way", "passed"}[o%3]
}

// Expectation says what must become of a probe.
type Expectation struct {
	From, To string
	Proto    Proto
	Outcome  Outcome
	Reason   string // why not passed, as in audit records; "" for whatever reason
	Line     int    // in the topology file

	path string // of its table in the file
}

// expect multiplies one [[expect]] out: every from to every to by every proto.
func (d *document) expect(t *Topology, i int, r rawExpect) {
	at := func(key string) string { return fmt.Sprintf("expect[%d].%s", i, key) }
	path := fmt.Sprintf("expect[%d]", i)
	e := Expectation{Reason: r.Reason, Line: d.lineOf(path), path: path}
	switch r.Result {
	case Passed.String():
		e.Outcome = Passed
		if r.Reason != "" {
			d.problem(at("reason"), "", "what passes has no reason")
		}
	case OneWay.String():
		e.Outcome = OneWay
	case Dropped.String():
		e.Outcome = Dropped
	default:
		d.problem(at("result"), "known: passed, one-way, dropped", "result cannot be %q", r.Result)
	}
	if len(r.From) == 0 || len(r.To) == 0 {
		d.problem(at("from"), `write from = ["alice"] and to = ["bob"]`, "an [[expect]] needs from and to")
	}
	protos := Protos()
	if r.Proto != nil {
		protos = nil
	}
	for j, name := range r.Proto {
		p, ok := parseProto(name)
		if !ok {
			d.problem(fmt.Sprintf("%s[%d]", at("proto"), j), "known: udp, tcp, icmp", "%q is no protocol of a probe", name)
			continue
		}
		protos = append(protos, p)
	}
	for j, name := range r.From {
		d.knownHost(t, fmt.Sprintf("%s[%d]", at("from"), j), name)
	}
	for j, name := range r.To {
		d.knownHost(t, fmt.Sprintf("%s[%d]", at("to"), j), name)
	}
	for _, from := range r.From {
		for _, to := range r.To {
			for _, proto := range protos {
				if from != to {
					e.From, e.To, e.Proto = from, to, proto
					t.Expect = append(t.Expect, e)
				}
			}
		}
	}
}

func (d *document) lineOf(path string) int {
	line := 1
	for _, b := range d.data[:d.places[path]] {
		if b == '\n' {
			line++
		}
	}
	return line
}

func (d *document) knownHost(t *Topology, path, name string) {
	if t.Host(name) == nil {
		d.problem(path, "", "there is no host named %q", name)
	}
}

// checkExpect refuses two expectations of the same probe.
func (t *Topology) checkExpect(wrong report) {
	type key struct {
		from, to string
		proto    Proto
	}
	seen := make(map[key]int)
	for _, e := range t.Expect {
		k := key{e.From, e.To, e.Proto}
		if line, ok := seen[k]; ok {
			wrong(e.path, "", "%s from %s to %s is expected twice, first in line %d", e.Proto, e.From, e.To, line)
			continue
		}
		seen[k] = e.Line
	}
}
