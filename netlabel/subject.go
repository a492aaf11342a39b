package netlabel

import (
	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
)

// subject finds whose data the packet carries.
func (j *judgement) subject() bool {
	if j.direction == Output {
		// The kernel reflects a stranger's option into its own answers. What
		// this machine sends is this machine's, whatever option it found.
		j.v.Subject, j.v.SubjectFrom = j.s.self, FromSelf
		if j.known.Subject != engine.Unknown {
			j.v.Subject, j.v.SubjectFrom = j.known.Subject, j.known.From
		}
		if j.v.Subject == engine.Unknown {
			return j.drop(ReasonNoSelfLabel)
		}
		return true
	}
	j.v.SourceEntry = j.s.hosts.Lookup(uint8(j.v.InZone), j.view.Src)
	switch {
	case j.view.CIPSO != 0:
		return j.labeled() && j.accredited()
	case j.known.Subject != engine.Unknown:
		j.v.Subject, j.v.SubjectFrom = j.known.Subject, j.known.From
		return j.accredited()
	}
	return j.unlabeled() && j.accredited()
}

// labeled judges a packet that carries a CIPSO option.
func (j *judgement) labeled() bool {
	if j.inZone().trust == Refuse {
		return j.drop(ReasonLabelFromUnlabeledZone)
	}
	if !j.decode() {
		return false
	}
	e := j.source()
	if e == nil && j.strict() && j.inZone().label != engine.Unknown {
		// The zone's hosts have a single label, so none of them may bring one.
		return j.drop(ReasonLabelSpoof)
	}
	if e != nil && e.kind == hostmap.SingleLabel && e.via < 0 {
		switch e.onLabel {
		case hostmap.LabelStrip:
			j.v.Subject, j.v.SubjectFrom = e.label, FromEntry
			return true
		case hostmap.LabelDrop:
			return j.drop(ReasonLabelSpoof)
		}
	}
	j.v.SubjectFrom = FromPacket
	if !j.option.Unrepresentable {
		j.v.Subject = j.sourceDOI().labels.lookup(&j.option.Label)
	}
	switch j.v.Subject {
	case engine.Unknown:
		if !j.strict() && j.direction == Input && j.s.self == engine.Star {
			// Smack lets a socket labeled * hear what it cannot name.
			j.v.Subject = engine.Web
			break
		}
		if j.option.Label.Level == j.s.mapped {
			return j.drop(ReasonMappedLabel)
		}
		return j.drop(ReasonUnknownLabel)
	case engine.Star, engine.Huh, engine.Web:
		if j.strict() {
			return j.drop(ReasonReservedLabel)
		}
	}
	if e != nil && e.via >= 0 && j.v.Subject != e.label {
		// The gateway between put on the label of a host that has only one.
		return j.drop(ReasonLabelSpoof)
	}
	return true
}

// decode reads the packet's option as its source's domain of interpretation.
func (j *judgement) decode() bool {
	d := j.sourceDOI()
	if d == nil {
		return j.drop(ReasonLabelFromUnlabeledZone)
	}
	o := j.view.CIPSO
	_, fault := d.decoder.Decode(j.view.Packet[o:j.view.HeaderLen], &j.option)
	if fault.Code == cipso.NoFault {
		return true
	}
	j.v.OptionFault, j.v.Pointer = fault.Code, uint8(fault.Pointer(o))
	if fault.Code == cipso.FaultDOIUnknown {
		return j.drop(ReasonUnknownDOI)
	}
	return j.drop(ReasonMalformedOption)
}

// unlabeled judges a packet that carries no CIPSO option.
func (j *judgement) unlabeled() bool {
	z := j.inZone()
	if z.trust == Require {
		return j.drop(ReasonLabelMissing)
	}
	e := j.source()
	if e != nil && e.kind == hostmap.CIPSO && !j.strict() {
		// Linux keeps only its labeled entries in the table that it asks here:
		// a -CIPSO entry does not shadow the wider labeled one.
		j.v.SourceEntry = j.s.hosts.LookupLabeled(uint8(j.v.InZone), j.view.Src)
		e = j.source()
	}
	switch {
	case e == nil && z.label != engine.Unknown:
		j.v.Subject, j.v.SubjectFrom = z.label, FromZone
	case e == nil || e.kind == hostmap.CIPSO && e.onUnlabeled == hostmap.UnlabeledAmbient:
		j.v.Subject, j.v.SubjectFrom = j.s.ambient, FromAmbient
	case e.kind == hostmap.SingleLabel && e.via >= 0 && j.strict():
		return j.drop(ReasonLabelMissing) // it passed the gateway that labels it
	case e.kind == hostmap.SingleLabel:
		j.v.Subject, j.v.SubjectFrom = e.label, FromEntry
	case e.onUnlabeled == hostmap.UnlabeledAs:
		j.v.Subject, j.v.SubjectFrom = e.unlabeledAs, FromEntry
	default:
		return j.drop(ReasonLabelMissing)
	}
	return true
}

// accredited holds the subject against the sets of labels that may come from the
// packet's host and zone.
func (j *judgement) accredited() bool {
	if !accredits(j.inZone(), j.source(), j.v.Subject) {
		return j.drop(ReasonSourceNotAccredited)
	}
	return true
}

func (j *judgement) source() *entry { return j.s.entryAt(j.v.SourceEntry) }

// sourceDOI returns the domain that the source speaks, nil for none.
func (j *judgement) sourceDOI() *doi { return j.s.spoken(j.inZone(), j.source()) }
