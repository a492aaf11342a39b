package load

import (
	"fmt"

	"labelgate/hostmap"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// lint warns of what is in force as it is written, but hardly as it was meant,
// and what only the settings and the policy together show.
func (l *loader) lint(hosts []hostmap.Entry) {
	s := l.gateway.Snapshot
	for i := range hosts {
		e := &hosts[i]
		zone := s.ZoneOf(e.Prefix.Addr())
		if e.Zone != "" {
			zone, _ = s.ZoneNamed(e.Zone)
		}
		name := s.ZoneName(zone)
		switch trust := s.ZoneTrust(zone); {
		case zone == 0:
		case e.Kind == hostmap.SingleLabel && trust == netlabel.Require && !e.Via.IsValid():
			l.warn(e.File, e.Line, "mute-host", fmt.Sprintf("hosts of zone %q must send labels, so %s can be written to but never answers", name, e.Prefix),
				"say labels = \"accept\" in the zone, or leave the entry out")
		case e.Kind == hostmap.CIPSO && trust == netlabel.Refuse:
			l.warn(e.File, e.Line, "refused-labels", fmt.Sprintf("zone %q refuses labels, so no packet of %s is ever let through", name, e.Prefix),
				"leave the entry out, or let the zone accept labels")
		}
	}
	for _, z := range l.cfg.Zones {
		if z.Restrict != "" && z.DOI != 0 {
			l.warn(l.path, z.Line, "restrict-labeled", fmt.Sprintf("the restriction of zone %q is not asked for packets to its labeled hosts, which enforce rules themselves", z.Name),
				"name the labels that may go there in only")
		}
	}
}

func (l *loader) warn(file string, line int, code, message, hint string) {
	l.gateway.Warnings = append(l.gateway.Warnings,
		l.pictured(policyfile.Problem{File: file, Line: line, Code: code, Message: message, Hint: hint, Warning: true}))
}
