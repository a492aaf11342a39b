package split

// Counter names one of the counts that a judge keeps in shared memory, so that
// they are known after its death. They only grow: what is outstanding is the
// difference of two. They are what the judge says; nothing is decided by them.
type Counter int

// The counters.
const (
	// Suppressed counts audit records that were not sent one by one.
	Suppressed Counter = iota
	// Summarized counts those of them that a summary was sent for. What is
	// left of Suppressed when a judge died was not told to anybody.
	Summarized
	// AuditFull counts packets dropped because a record could not be sent.
	AuditFull
	// Unrecorded counts records that were given up while packets went on.
	Unrecorded
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
