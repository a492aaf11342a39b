package packets

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed packets.toml
var file []byte

// Table is what the file says.
type Table struct {
	Title, Intro string
	Sections     []Section

	hosts   map[string]host
	options map[string][]byte
}

// Section is a chapter of the page.
type Section struct {
	Name, About string
	Rows        []Row
	Limits      []Limit
}

// Row is something that arrives, and what must become of it.
type Row struct {
	Number int    // from 1, over all sections
	Group  string // begins the sentence of rows that the page shows as one, "" for a row of its own
	What   string // arrives, for people
	Steps  []Step // at least one; sent one after the other
	Does   string // what the gateway does, for people; "" to have it said by the last step
	Note   string // may be empty
}

// Limit is something that a packet filter cannot do. It is not tested.
type Limit struct {
	What  string // is not kept from happening
	Why   string
	Bound string // how much of it there can be, or how far it goes
	Help  string // what to do about it elsewhere
}

// host is who sends and receives: an address behind a cable of the gateway.
type host struct {
	cable   string
	address string // in which a * stands for the number of the row
}

// The structs below mirror the file.

type rawTable struct {
	Title   string             `toml:"title"`
	Intro   string             `toml:"intro"`
	Host    map[string]rawHost `toml:"host"`
	Option  map[string]string  `toml:"option"`
	Section []rawSection       `toml:"section"`
}

type rawHost struct {
	Cable   string `toml:"cable"`
	Address string `toml:"address"`
}

type rawSection struct {
	Name  string     `toml:"name"`
	About string     `toml:"about"`
	Row   []rawRow   `toml:"row"`
	Limit []rawLimit `toml:"limit"`
}

type rawRow struct {
	Group string   `toml:"group"`
	What  string   `toml:"what"`
	Send  []string `toml:"send"`
	Does  string   `toml:"does"`
	Note  string   `toml:"note"`
}

type rawLimit struct {
	What  string `toml:"what"`
	Why   string `toml:"why"`
	Bound string `toml:"bound"`
	Help  string `toml:"help"`
}

// Load reads the table.
func Load() (*Table, error) { return parse(file) }

func parse(data []byte) (*Table, error) {
	var raw rawTable
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, errors.New(strict.String())
		}
		return nil, err
	}
	t := &Table{Title: raw.Title, Intro: raw.Intro, hosts: map[string]host{}, options: map[string][]byte{}}
	for name, h := range raw.Host {
		t.hosts[name] = host{h.Cable, h.Address}
		if _, err := t.address(name, 1); err != nil {
			return nil, err
		}
	}
	for name, text := range raw.Option {
		option, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		t.options[name] = option
	}
	rows := 0
	for _, s := range raw.Section {
		section := Section{Name: s.Name, About: s.About}
		for _, r := range s.Row {
			rows++
			row := Row{Number: rows, Group: r.Group, What: r.What, Does: r.Does, Note: r.Note}
			if r.What == "" {
				return nil, fmt.Errorf("section %s, row %d does not say what arrives", s.Name, rows)
			}
			for _, text := range r.Send {
				step, err := t.step(text)
				if err != nil {
					return nil, fmt.Errorf("%s: %q: %w", r.What, text, err)
				}
				row.Steps = append(row.Steps, step)
			}
			if len(row.Steps) == 0 {
				return nil, fmt.Errorf("%s: nothing is sent", r.What)
			}
			section.Rows = append(section.Rows, row)
		}
		for _, l := range s.Limit {
			section.Limits = append(section.Limits, Limit(l))
		}
		t.Sections = append(t.Sections, section)
	}
	return t, nil
}

// Name tells the row from others, for people.
func (r *Row) Name() string {
	if r.Group == "" {
		return r.What
	}
	return r.Group + " " + r.What
}

// Rows returns the rows of all sections.
func (t *Table) Rows() (all []*Row) {
	for i := range t.Sections {
		for j := range t.Sections[i].Rows {
			all = append(all, &t.Sections[i].Rows[j])
		}
	}
	return all
}

// cableOf returns the cable that a host is behind.
func (t *Table) cableOf(host string) string { return t.hosts[host].cable }

// address returns a host's address in a row. Rows have addresses of their own where
// the gateway limits how often one network hears of it.
func (t *Table) address(name string, row int) (netip.Addr, error) {
	h, ok := t.hosts[name]
	if !ok {
		return netip.Addr{}, fmt.Errorf("there is no host %q", name)
	}
	a, err := netip.ParseAddr(strings.Replace(h.address, "*", strconv.Itoa(row%250), 1))
	if err != nil {
		return a, fmt.Errorf("host %s: %w", name, err)
	}
	return a, nil
}

// option reads names and hexadecimal digits with + between them.
func (t *Table) option(text string) ([]byte, error) {
	all := []byte{}
	for part := range strings.SplitSeq(text, "+") {
		option, known := t.options[part]
		if !known {
			var err error
			if option, err = hex.DecodeString(part); err != nil {
				return nil, fmt.Errorf("%q is neither the name of an option nor hexadecimal", part)
			}
		}
		all = append(all, option...)
	}
	return all, nil
}
