package audit

// MaxField is the length in bytes of the longest text in a record that was sent.
const MaxField = 1 << 10

// shortField is what texts are cut to when together they are too long.
const shortField = 64

// shorten cuts the texts of a record to n bytes.
func (r *Record) shorten(n int) {
	for _, text := range [...]*string{
		&r.Event, &r.Fn, &r.Action, &r.Subject, &r.Object, &r.Requested, &r.Netif, &r.OutNetif, &r.Zone, &r.OutZone,
		&r.Reason, &r.Step, &r.Rule, &r.SourceEntry, &r.DestEntry, &r.Categories, &r.Direct, &r.Fault, &r.Verdict,
		&r.Process, &r.Detail, &r.BootID,
	} {
		if len(*text) > n {
			*text = (*text)[:n]
		}
	}
}
