package packets

import (
	"fmt"
	"slices"
	"testing"

	"labelgate/internal/audit"
)

// take waits for the next record that matches and takes it out of those unread.
func (j *judge) take(t *testing.T, match func(*audit.Record) bool) (found *audit.Record) {
	t.Helper()
	eventually(func() bool {
		j.records(t)
		i := slices.IndexFunc(j.unread, func(r audit.Record) bool { return match(&r) })
		if i < 0 {
			return false
		}
		r := j.unread[i]
		found = &r
		j.unread = slices.Delete(j.unread, i, i+1)
		return true
	})
	return found
}

const fnOutput = "gw_output"

// recorded holds a packet's record against the table.
func (p *play) recorded(s *Step) {
	p.Helper()
	o := &s.Outcome
	r := p.take(p.T, func(r *audit.Record) bool { return r.Event == audit.EventDecision && r.Fn != fnOutput })
	if r == nil {
		p.silent++
		p.Errorf("there is no record of it")
		return
	}
	verdict := o.Action
	switch {
	case o.Action == local && len(r.OptionIn.Bytes()) > 0:
		verdict = blank
	case o.Action == local, o.Action == exempt:
		verdict = pass
	}
	reason := ""
	if o.Action == drop {
		reason = o.Reason
	}
	for _, c := range []struct{ what, got, want string }{
		{"verdict", r.Verdict, verdict},
		{"reason", r.Reason, reason},
		{"fault", r.Fault, o.Fault},
		{"byte", fmt.Sprint(r.Pointer), fmt.Sprint(o.Byte)},
	} {
		if c.got != c.want {
			p.Errorf("record: %s %q, want %q", c.what, c.got, c.want)
		}
	}
	if o.Subject != "" && r.Subject != o.Subject {
		p.Errorf("record: subject %q, want %q", r.Subject, o.Subject)
	}
	if o.then != "" {
		r := p.take(p.T, func(r *audit.Record) bool { return r.Event == audit.EventDecision && r.Fn != fnOutput })
		if r == nil || r.Verdict != drop || r.Reason != o.then {
			p.Errorf("there is no record of its having been dropped for %s: %+v", o.then, r)
		}
	}
	if (o.Action == local) != (r.Fn == "gw_input") && o.Arrives() {
		p.Errorf("record: judged at %s", r.Fn)
	}
}
