package daemon

// tend looks after the other processes.
func (d *daemon) tend() {
	d.tendAuditor()
}
