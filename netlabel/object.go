package netlabel

import (
	"labelgate/engine"
	"labelgate/hostmap"
)

// object finds what the packet would write to, and asks the rules.
func (j *judgement) object() bool {
	if j.direction == Input {
		j.v.Object, j.v.ObjectFrom = j.s.self, FromSelf
		if j.v.Object == engine.Unknown {
			return j.drop(ReasonNoSelfLabel)
		}
		return j.check()
	}
	j.v.DestEntry = j.s.hosts.Lookup(uint8(j.v.OutZone), j.view.Dst)
	e, z := j.dest(), j.outZone()
	switch {
	case e != nil && e.kind == hostmap.SingleLabel:
		j.v.Object, j.v.ObjectFrom = e.label, FromEntry
		if e.via >= 0 {
			return j.throughLabeled()
		}
	case z.label != engine.Unknown && (e == nil || z.trust == Refuse):
		// An entry that says its hosts speak CIPSO changes nothing in a zone where
		// nobody may.
		j.v.Object, j.v.ObjectFrom = z.label, FromZone
	case z.trust == Refuse:
		// Hosts that know nothing of labels and have no entry are ambient.
		j.v.Object, j.v.ObjectFrom = j.s.ambient, FromAmbient
	default:
		return j.farHost()
	}
	return j.admitted(j.v.Subject) && j.check()
}

// throughLabeled judges a packet to a single-label host behind a gateway that
// speaks labels itself. The rules decide here, and the label stays on for that
// gateway: only the last one takes it off.
func (j *judgement) throughLabeled() bool {
	object, from := j.v.Object, j.v.ObjectFrom
	if !j.admitted(j.v.Subject) || !j.check() || !j.farHost() {
		return false
	}
	j.v.Object, j.v.ObjectFrom = object, from
	return true
}

// admitted holds a label against the sets of labels that may go to the packet's
// destination and its zone.
func (j *judgement) admitted(l engine.Label) bool {
	if !accredits(j.outZone(), j.dest(), l) {
		return j.drop(ReasonDestinationNotAccredited)
	}
	return true
}

// farHost judges a packet whose destination enforces labels itself: it is told
// the label and asks its own rules.
func (j *judgement) farHost() bool {
	j.v.ObjectFrom = FromWire
	switch j.v.Subject {
	case engine.Unknown: // no rule is asked here that would deny it
		return j.drop(ReasonUnknownLabel)
	case engine.Star, engine.Huh:
		return j.drop(ReasonStarSubject)
	case engine.Web:
		// On a Smack host a packet labeled @ may do everything.
		if !j.strict() {
			break
		}
		e := j.source()
		if e == nil || e.replacement == engine.Unknown {
			return j.drop(ReasonWebToLabeled)
		}
		// What arrives there is the replacement, so that is what must be allowed to.
		j.v.Emitted = e.replacement
		return j.admitted(j.v.Emitted)
	case j.s.ambient:
		// As Linux: the ambient label travels without an option. An error of ours
		// has one where the packet that it answers had it; where that had none, its
		// sender may be a host whose kernel drops what has.
		if !j.outZone().labelAmbient && (!j.known.Own || j.known.Bare) {
			return j.admitted(j.v.Subject)
		}
	}
	j.v.Emitted = j.v.Subject
	return j.admitted(j.v.Emitted)
}

// check asks the rules, and then the restrictions of both zones, which can only
// turn an allow into a deny.
func (j *judgement) check() bool {
	p := j.s.policy
	j.v.Checked = true
	j.v.Decision = p.Check(j.v.Subject, j.v.Object, engine.Write)
	if !j.v.Decision.Allowed {
		return j.drop(deniedBy(j.v.Decision.Step))
	}
	for _, z := range [2]Zone{j.v.InZone, j.v.OutZone} {
		layer := j.s.zoneAt(z).layer
		if layer == 0 {
			continue
		}
		if d := p.CheckLayer(layer, j.v.Subject, j.v.Object, engine.Write); !d.Allowed {
			j.v.Decision, j.v.Layer = d, z
			return j.drop(ReasonLayer)
		}
	}
	return true
}

func deniedBy(step engine.Step) Reason {
	switch step {
	case engine.StepStarSubject:
		return ReasonStarSubject
	case engine.StepUnknownLabel:
		return ReasonUnknownLabel
	case engine.StepNoRule:
		return ReasonNoRule
	}
	return ReasonRuleLacks
}

func (j *judgement) dest() *entry { return j.s.entryAt(j.v.DestEntry) }

// destDOI returns the domain that the destination speaks, nil for none.
func (j *judgement) destDOI() *doi { return j.s.spoken(j.outZone(), j.dest()) }
