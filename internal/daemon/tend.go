package daemon

// tend looks after the other processes, each second.
func (d *daemon) tend() {
	d.tally.read(d.bench)
	d.tendAuditor()
	d.tendControl()
	if t, ok := d.records.(*trail); ok {
		t.Flush()
	}
	d.feed()
}
