package engine

// Step names the point in the order of decisions at which an answer fell.
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
type Decision struct {
	Allowed bool
	Step    Step
	Rule    RuleID // the rule that was found, NoRule when none took part
	Log     bool   // the logging setting wants a record
	Report  bool   // a bring-up rule or the unconfined label was used
}

// Check answers whether subject s may do all of want to object o. The order is
// that of the Smack documentation, section "Access Rules", in the kernel's own
// sequence: only the first step denies before all others, so that * stays
// powerless whatever the rules say.
//
// Check does not allocate. A label that is not one of the policy's counts as
// Unknown.
func (p *Policy) Check(s, o Label, want Access) Decision {
	d := p.decide(s, o, want)
	if !d.Allowed && p.bringup && p.unconfined != Unknown && (o == p.unconfined || s == p.unconfined) {
		d.Allowed, d.Step, d.Report = true, StepUnconfined, true
	}
	return p.logged(d)
}

func (p *Policy) decide(s, o Label, want Access) Decision {
	none := Decision{Rule: NoRule}
	n := Label(len(p.names))
	switch {
	case s == Unknown || o == Unknown || s >= n || o >= n:
		none.Step = StepUnknownLabel
		return none
	case s == Star:
		none.Step = StepStarSubject
		return none
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
	i := p.find(s, o)
	if i < 0 {
		none.Step = StepNoRule
		return none
	}
	a := p.rules[i].access
	d := Decision{Rule: RuleID(i)}
	switch {
	case a == 0:
		d.Step = StepRuleEmpty
	case !a.Grants(want):
		d.Step = StepRuleLacks
	default:
		d.Allowed, d.Step = true, StepRule
		d.Report = p.bringup && a&Bringup != 0
	}
	return d
}

// CheckLayer asks a restrict-only layer, after Check has allowed: where the
// layer has a rule for the pair that does not grant all of want, it denies;
// everything else stands. Layer 0 is none and allows.
func (p *Policy) CheckLayer(l LayerID, s, o Label, want Access) Decision {
	d := Decision{Allowed: true, Step: StepLayer, Rule: NoRule}
	if l != 0 && int(l) < len(p.layers) {
		if i := p.layers[l].table.find(p.rules, s, o); i >= 0 {
			d.Rule = RuleID(i)
			d.Allowed = p.rules[i].access.Effective()&want == want
		}
	}
	return p.logged(d)
}

func (p *Policy) logged(d Decision) Decision {
	if d.Allowed {
		d.Log = p.logging&LogAllowed != 0
	} else {
		d.Log = p.logging&LogDenied != 0
	}
	return d
}
