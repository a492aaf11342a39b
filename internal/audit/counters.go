package audit

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// Counters counts packets by zone and by what became of them. Counting takes
// neither lock nor allocation; Counters may be shared.
type Counters struct {
	actions, reasons []string
	mu               sync.Mutex // guards names
	names            []string   // of the slots
	slots            [maxSlots]atomic.Pointer[[]atomic.Uint64]
}

const maxSlots = 256

// Slot is the place of a zone in Counters. Slot 0 is no zone; names that come
// when all slots are taken share it.
type Slot uint8

// NewCounters returns Counters for packets that passed, by action, and that were
// dropped, by reason. Pass and Drop count by the indices of these names.
func NewCounters(actions, reasons []string) *Counters {
	c := &Counters{actions: actions, reasons: reasons}
	c.names = append(c.names, "")
	c.slots[0].Store(c.newCells())
	return c
}

func (c *Counters) newCells() *[]atomic.Uint64 {
	cells := make([]atomic.Uint64, len(c.actions)+len(c.reasons))
	return &cells
}

// Slot returns the slot of a zone, which keeps it over every change of policy.
func (c *Counters) Slot(zone string) Slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, name := range c.names {
		if name == zone {
			return Slot(i)
		}
	}
	if len(c.names) == maxSlots {
		return 0
	}
	c.slots[len(c.names)].Store(c.newCells())
	c.names = append(c.names, zone)
	return Slot(len(c.names) - 1)
}

// Pass counts a packet from a zone that passed. A slot or an action that does
// not exist is not counted.
func (c *Counters) Pass(s Slot, action int) {
	if action >= 0 && action < len(c.actions) {
		c.add(s, action)
	}
}

// Drop counts a packet from a zone that was dropped. A slot or a reason that
// does not exist is not counted.
func (c *Counters) Drop(s Slot, reason int) {
	if reason >= 0 && reason < len(c.reasons) {
		c.add(s, len(c.actions)+reason)
	}
}

func (c *Counters) add(s Slot, cell int) {
	if cells := c.slots[s].Load(); cells != nil {
		(*cells)[cell].Add(1)
	}
}

// Passed returns how many packets from a zone passed with an action.
func (c *Counters) Passed(s Slot, action int) uint64 { return c.load(s, action) }

// Dropped returns how many packets from a zone were dropped for a reason.
func (c *Counters) Dropped(s Slot, reason int) uint64 { return c.load(s, len(c.actions)+reason) }

func (c *Counters) load(s Slot, cell int) uint64 {
	if cells := c.slots[s].Load(); cells != nil {
		return (*cells)[cell].Load()
	}
	return 0
}

// AppendSummary appends a few lines for people: all packets, then each zone that
// saw any.
//
//	packets 34: passed 30, dropped 4
//	from enclave 30: passed 27 (strip 20, pass 7), dropped 3 (no-rule 3)
//	from no zone 4: ...
func (c *Counters) AppendSummary(b []byte) []byte {
	c.mu.Lock()
	names := c.names
	c.mu.Unlock()
	var passed, dropped uint64
	var zones []byte
	for i, name := range names {
		p, d := c.sum(Slot(i), 0, len(c.actions)), c.sum(Slot(i), len(c.actions), len(c.reasons))
		if p+d == 0 {
			continue
		}
		passed, dropped = passed+p, dropped+d
		if name == "" {
			name = "no zone"
		}
		zones = append(append(zones, "from "...), name...)
		zones = strconv.AppendUint(append(zones, ' '), p+d, 10)
		zones = strconv.AppendUint(append(zones, ": passed "...), p, 10)
		zones = c.appendCells(zones, Slot(i), 0, c.actions)
		zones = strconv.AppendUint(append(zones, ", dropped "...), d, 10)
		zones = c.appendCells(zones, Slot(i), len(c.actions), c.reasons)
		zones = append(zones, '\n')
	}
	b = strconv.AppendUint(append(b, "packets "...), passed+dropped, 10)
	b = strconv.AppendUint(append(b, ": passed "...), passed, 10)
	b = strconv.AppendUint(append(b, ", dropped "...), dropped, 10)
	return append(append(b, '\n'), zones...)
}

func (c *Counters) sum(s Slot, first, n int) (total uint64) {
	for cell := first; cell < first+n; cell++ {
		total += c.load(s, cell)
	}
	return total
}

// appendCells appends what is not zero of some cells, in parentheses.
func (c *Counters) appendCells(b []byte, s Slot, first int, names []string) []byte {
	separator := " ("
	for i, name := range names {
		n := c.load(s, first+i)
		if n == 0 {
			continue
		}
		b = append(append(b, separator...), name...)
		b = strconv.AppendUint(append(b, ' '), n, 10)
		separator = ", "
	}
	if separator == ", " {
		b = append(b, ')')
	}
	return b
}

// ZoneCounts is what Counters hold of one zone: packets that passed by action, and
// that were dropped by reason, in the order of the names that they were made with.
type ZoneCounts struct {
	Zone            string // "" for no zone
	Passed, Dropped []uint64
}

// All returns the counts of all zones that saw a packet, as they are now.
func (c *Counters) All() []ZoneCounts {
	c.mu.Lock()
	names := c.names
	c.mu.Unlock()
	var all []ZoneCounts
	for i, name := range names {
		s := Slot(i)
		if c.sum(s, 0, len(c.actions)+len(c.reasons)) == 0 {
			continue
		}
		z := ZoneCounts{Zone: name, Passed: make([]uint64, len(c.actions)), Dropped: make([]uint64, len(c.reasons))}
		for i := range z.Passed {
			z.Passed[i] = c.Passed(s, i)
		}
		for i := range z.Dropped {
			z.Dropped[i] = c.Dropped(s, i)
		}
		all = append(all, z)
	}
	return all
}

// Add adds what other Counters, made with the same names, have counted. Counts that
// these have no name for are left out.
func (c *Counters) Add(all []ZoneCounts) {
	for _, z := range all {
		cells := c.slots[c.Slot(z.Zone)].Load()
		for i, n := range z.Passed {
			if i < len(c.actions) {
				(*cells)[i].Add(n)
			}
		}
		for i, n := range z.Dropped {
			if i < len(c.reasons) {
				(*cells)[len(c.actions)+i].Add(n)
			}
		}
	}
}

// AddNamed adds counts of a zone by the names of actions and reasons, as Named returns
// them. Names that these Counters have not are left out.
func (c *Counters) AddNamed(zone string, passed, dropped map[string]uint64) {
	cells := *c.slots[c.Slot(zone)].Load()
	for i, name := range c.actions {
		cells[i].Add(passed[name])
	}
	for i, name := range c.reasons {
		cells[len(c.actions)+i].Add(dropped[name])
	}
}

// Named returns the counts of a zone that are not 0, by name.
func (c *Counters) Named(z ZoneCounts) (passed, dropped map[string]uint64) {
	named := func(counts []uint64, names []string) map[string]uint64 {
		m := make(map[string]uint64)
		for i, n := range counts {
			if n != 0 && i < len(names) {
				m[names[i]] = n
			}
		}
		return m
	}
	return named(z.Passed, c.actions), named(z.Dropped, c.reasons)
}
