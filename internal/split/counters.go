package split

// Counter names one of the counts that a judge keeps in shared memory, so that
// they are known after its death. They are what the judge says; nothing is
// decided by them.
type Counter int

// The counters.
const (
	// Outstanding is how many decisions no record tells of yet (audit.Pipe). It
	// falls when one does; what a judge leaves behind nobody has been told of.
	Outstanding Counter = iota
	// Panicked counts packets dropped because the handler panicked; Serve
	// keeps it.
	Panicked
	// Spare and those up to Counted are free.
	Spare

	// Counted is how many there are.
	Counted = 32
)

// Counters are the values of all counters.
type Counters [Counted]uint64

// Of returns the value of one counter.
func (c Counters) Of(n Counter) uint64 { return c[n] }

func (c *Counters) add(m *memory) {
	for i := range c {
		c[i] += m.counter(countersAt + 8*i).Load()
	}
}
