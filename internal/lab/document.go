package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"labelgate/internal/policyfile"
)

// The structs below mirror the file.

type rawTopology struct {
	Name    string      `toml:"name"`
	Gateway rawGateway  `toml:"gateway"`
	Host    []rawHost   `toml:"host"`
	Expect  []rawExpect `toml:"expect"`
}

type rawGateway struct {
	Config string `toml:"config"`
}

type rawHost struct {
	Name      string `toml:"name"`
	Interface string `toml:"interface"`
	Address   string `toml:"address"`
	Gateway   string `toml:"gateway"`
	Zone      string `toml:"zone"`
	Label     string `toml:"label"`
	DOI       int64  `toml:"doi"`
	Policy    string `toml:"policy"`
	MTU       int64  `toml:"mtu"`
}

type rawExpect struct {
	From   []string `toml:"from"`
	To     []string `toml:"to"`
	Proto  []string `toml:"proto"`
	Result string   `toml:"result"`
	Reason string   `toml:"reason"`
}

// document is a topology file on its way to a Topology.
type document struct {
	path     string
	data     []byte
	places   map[string]int // offset of a value by its path, as in host[2].address
	problems policyfile.Problems
}

// decode binds the file to the raw structs; a key that is not known is wrong.
func (d *document) decode() *rawTopology {
	var raw rawTopology
	err := toml.NewDecoder(bytes.NewReader(d.data)).DisallowUnknownFields().Decode(&raw)
	var missing *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case err == nil:
		d.locate()
	case errors.As(err, &missing):
		for i := range missing.Errors {
			e := &missing.Errors[i]
			key := e.Key()
			d.at(e, fmt.Sprintf("unknown key %q", key[len(key)-1]), unknownKeyHint(key))
		}
	case errors.As(err, &decode):
		d.at(decode, strings.TrimPrefix(decode.Error(), "toml: "), "")
	default:
		d.problems = append(d.problems, policyfile.Problem{File: d.path, Line: 1, Column: 1, Message: err.Error(), Code: "toml"})
	}
	return &raw
}

func (d *document) at(e *toml.DecodeError, message, hint string) {
	line, column := e.Position()
	d.problems = append(d.problems, policyfile.Problem{
		File: d.path, Line: line, Column: column, Source: d.line(line), Message: message, Hint: hint, Code: "toml",
	})
}

// line returns a line's text, counted from 1.
func (d *document) line(n int) string {
	for line := range bytes.Lines(d.data) {
		if n--; n == 0 {
			return string(bytes.TrimRight(line, "\r\n"))
		}
	}
	return ""
}

// locate notes where everything stands. The decoder has accepted the file, so
// nothing can go wrong here.
func (d *document) locate() {
	d.places = make(map[string]int)
	var p unstable.Parser
	p.Reset(d.data)
	table, counts := "", make(map[string]int)
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			key := e.Key()
			key.Next()
			name, offset := string(key.Node().Data), int(key.Node().Raw.Offset)
			table = name
			if e.Kind == unstable.ArrayTable {
				table = fmt.Sprintf("%s[%d]", name, counts[name])
				counts[name]++
			}
			d.places[table] = offset
			table += "."
		case unstable.KeyValue:
			d.locateValue(table, e)
		}
	}
}

func (d *document) locateValue(table string, e *unstable.Node) {
	path := table
	offset := 0
	for key := e.Key(); key.Next(); {
		offset = int(key.Node().Raw.Offset)
		path += string(key.Node().Data)
		if !key.IsLast() {
			path += "."
		}
	}
	v := e.Value()
	if v.Raw.Length > 0 {
		offset = int(v.Raw.Offset)
	}
	d.places[path] = offset
	if v.Kind != unstable.Array {
		return
	}
	i := 0
	for c := v.Children(); c.Next(); i++ {
		d.places[fmt.Sprintf("%s[%d]", path, i)] = int(c.Node().Raw.Offset)
	}
}

// problem notes something wrong with the value at a path, or with what contains
// it when it was not written.
func (d *document) problem(path, hint, format string, args ...any) {
	offset, ok := d.places[path]
	for !ok && path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		offset, ok = d.places[path]
	}
	before := d.data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	d.problems = append(d.problems, policyfile.Problem{
		File: d.path, Line: line, Column: offset - bytes.LastIndexByte(before, '\n'), Source: d.line(line),
		Message: fmt.Sprintf(format, args...), Hint: hint, Code: "lab",
	})
}

// sorted returns the problems in the order of the file.
func (d *document) sorted() policyfile.Problems {
	slices.SortStableFunc(d.problems, func(x, y policyfile.Problem) int {
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	return d.problems
}

// topology parses the single values. What cannot be parsed is noted and stays
// zero; what the values mean together is checked afterwards.
func (d *document) topology(raw *rawTopology) *Topology {
	t := &Topology{Path: d.path, Name: raw.Name, Config: absolute(d.path, raw.Gateway.Config)}
	for i, r := range raw.Host {
		at := func(key string) string { return fmt.Sprintf("host[%d].%s", i, key) }
		h := Host{
			Name: r.Name, Interface: r.Interface, Zone: r.Zone, Label: r.Label,
			Policy: absolute(d.path, r.Policy), MTU: int(r.MTU),
		}
		var err error
		if h.Address, err = netip.ParsePrefix(r.Address); err != nil && r.Address != "" {
			d.problem(at("address"), "write it with its prefix, as in 192.0.2.2/28", "%q is not an address with a prefix length", r.Address)
		}
		if h.Gateway, err = netip.ParseAddr(r.Gateway); err != nil && r.Gateway != "" {
			d.problem(at("gateway"), "", "%q is not an address", r.Gateway)
		}
		if r.DOI < 0 || r.DOI > 1<<32-1 {
			d.problem(at("doi"), "", "doi must be 1..4294967295, this is %d", r.DOI)
		} else {
			h.DOI = uint32(r.DOI)
		}
		t.Hosts = append(t.Hosts, h)
	}
	for i, r := range raw.Expect {
		d.expect(t, i, r)
	}
	return t
}
