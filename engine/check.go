package engine

// Step names the point in the order of decisions at which an answer fell. The
// zero Step denies.
type Step uint8

// The steps, in the order in which they are tried.
const (
	StepUnknownLabel Step = iota // subject or object is named nowhere: deny
	StepStarSubject              // the subject is *: deny
	StepWeb                      // subject or object is @: allow
	StepStarObject               // the object is *: allow
	StepSameLabel                // subject and object are the same: allow
	StepFloorObject              // reading or locking, and the object is _: allow
	StepHatSubject               // reading or locking, and the subject is ^: allow
	StepNoRule                   // no rule names the pair: deny
	StepRuleEmpty                // the rule grants nothing at all: deny
	StepRuleLacks                // the rule does not grant all that is asked: deny
	StepRule                     // the rule grants it: allow
	StepLayer                    // a restrict-only layer was asked
	StepUnconfined               // denied, but for the unconfined label: allow and report
	numSteps
)

var steps = [numSteps]string{
	"unknown-label", "star-subject", "web", "star-object", "same-label", "floor-object", "hat-subject",
	"no-rule", "rule-empty", "rule-lacks", "rule", "layer", "unconfined",
}

// String returns the step's name as records and scripts use it.
func (s Step) String() string {
	if s >= numSteps {
		return "unknown"
	}
	return steps[s]
}

// Decision is the answer to one question. It holds no pointers and may be copied.
// The zero Decision denies; that its Rule is a number then means nothing.
type Decision struct {
	Allowed bool
	Step    Step
	Rule    RuleID // the rule that was found, NoRule when none took part
	Log     bool   // the logging setting wants a record of it
	Report  bool   // a bring-up rule or the unconfined label was used
}

// Check answers whether subject s may do all of want to object o.
//
// It takes the steps in the order of their constants, and that is the order in
// which a running kernel takes them. The Smack documentation ("Access Rules")
// lists them otherwise, and puts @ elsewhere ("Smack Netlabel Exceptions"); the
// answers are the same, since each step after the first allows.
//
// Check does not allocate, and its cost does not grow with the number of rules.
// A label that is not one of the policy's counts as Unknown.
func (p *Policy) Check(s, o Label, want Access) Decision {
	d := p.decide(s, o, want)
	if !d.Allowed && p.bringup {
		d = p.excuse(d, s, o)
	}
	return p.logged(d)
}

func (p *Policy) decide(s, o Label, want Access) Decision {
	switch {
	case !p.has(s) || !p.has(o):
		return Decision{Step: StepUnknownLabel, Rule: NoRule}
	case s == Star:
		return Decision{Step: StepStarSubject, Rule: NoRule}
	case s == Web || o == Web:
		return Decision{Allowed: true, Step: StepWeb, Rule: NoRule}
	case o == Star:
		return Decision{Allowed: true, Step: StepStarObject, Rule: NoRule}
	case s == o:
		return Decision{Allowed: true, Step: StepSameLabel, Rule: NoRule}
	}
	// Reading and locking are each for everyone here, both at once are not:
	// the kernel asks the two questions apart.
	if want&^(Read|Execute) == 0 || want&^Lock == 0 {
		switch {
		case o == Floor:
			return Decision{Allowed: true, Step: StepFloorObject, Rule: NoRule}
		case s == Hat:
			return Decision{Allowed: true, Step: StepHatSubject, Rule: NoRule}
		}
	}
	i, a := p.find(s, o)
	switch {
	case i < 0:
		return Decision{Step: StepNoRule, Rule: NoRule}
	case a == 0:
		return Decision{Step: StepRuleEmpty, Rule: RuleID(i)}
	case !a.Grants(want):
		return Decision{Step: StepRuleLacks, Rule: RuleID(i)}
	}
	return Decision{Allowed: true, Step: StepRule, Rule: RuleID(i), Report: p.bringup && a&Bringup != 0}
}

// excuse allows what was denied where the unconfined label takes part. A label
// that nobody named stays denied: it could be anything. (Smack documentation,
// "unconfined".)
func (p *Policy) excuse(d Decision, s, o Label) Decision {
	if p.unconfined != Unknown && (o == p.unconfined || s == p.unconfined) && d.Step != StepUnknownLabel {
		d.Allowed, d.Step, d.Report = true, StepUnconfined, true
	}
	return d
}

// CheckLayer asks a restrict-only layer, after Check has allowed: where the
// layer has a rule for the pair that does not grant all of want, it denies;
// everything else stands, since these rules "are only consulted if access would
// otherwise be permitted". (Smack documentation, "load-self2".) Layer 0 is none
// and allows; a number that is no layer of this policy denies.
//
// Like Check it does not allocate. Mode b means nothing in a layer.
func (p *Policy) CheckLayer(l LayerID, s, o Label, want Access) Decision {
	d := Decision{Allowed: true, Step: StepLayer, Rule: NoRule}
	switch {
	case int(l) >= len(p.layers):
		d.Allowed = false
	case l != global && p.has(s) && p.has(o):
		if i, a := p.layers[l].table.find(s, o); i >= 0 {
			d.Allowed, d.Rule = want&^a.Effective() == 0, RuleID(i)
		}
	}
	return p.logged(d)
}

// logged applies the logging setting. (Smack documentation, "Smack auditing".)
func (p *Policy) logged(d Decision) Decision {
	if d.Allowed {
		d.Log = p.logging&LogAllowed != 0
	} else {
		d.Log = p.logging&LogDenied != 0
	}
	return d
}
