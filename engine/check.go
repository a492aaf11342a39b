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

// allowing holds a bit for each step that allows. StepLayer is neither: a layer
// may do both.
const allowing = 1<<StepWeb | 1<<StepStarObject | 1<<StepSameLabel | 1<<StepFloorObject | 1<<StepHatSubject | 1<<StepRule | 1<<StepUnconfined

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
	// A Decision is put together once, of values in registers: to hand it on
	// from function to function costs more than the lookup.
	step, rule, report := p.decide(s, o, want)
	if p.bringup {
		step, report = p.excuse(step, report, s, o)
	} else {
		report = false
	}
	allowed := allowing>>step&1 != 0
	return Decision{Allowed: allowed, Step: step, Rule: RuleID(rule), Log: p.logs(allowed), Report: report}
}

// decide returns the step that answers, the index of the rule that it found or
// -1, and whether that is one to report.
func (p *Policy) decide(s, o Label, want Access) (step Step, rule int32, report bool) {
	if n := Label(len(p.names)); s >= n || o >= n {
		return StepUnknownLabel, -1, false
	}
	if s < FirstLabel || o < FirstLabel || s == o {
		if step, ok := reservedStep(s, o, want); ok {
			return step, -1, false
		}
	}
	var a Access
	if m := p.matrix; m != nil {
		rule, a = m.find(s, o)
	} else {
		rule, a = p.layers[global].table.find(s, o)
	}
	if a == 0 {
		if rule < 0 {
			return StepNoRule, -1, false
		}
		return StepRuleEmpty, rule, false
	}
	// Whether a rule grants what is asked follows no pattern that a processor
	// could foresee: it is computed, not branched upon.
	step = StepRuleLacks
	if want&^a.Effective() == 0 {
		step = StepRule
	}
	return step, rule, step == StepRule && a&Bringup != 0
}

// reservedStep answers what needs no rule: most of what the reserved labels ask
// or are asked for, and whatever a label asks of itself.
func reservedStep(s, o Label, want Access) (step Step, ok bool) {
	switch {
	case s == Unknown || o == Unknown:
		return StepUnknownLabel, true
	case s == Star:
		return StepStarSubject, true
	case s == Web || o == Web:
		return StepWeb, true
	case o == Star:
		return StepStarObject, true
	case s == o:
		return StepSameLabel, true
	}
	// Reading and locking are each for everyone here, both at once are not:
	// the kernel asks the two questions apart.
	if want&^(Read|Execute) == 0 || want&^Lock == 0 {
		switch {
		case o == Floor:
			return StepFloorObject, true
		case s == Hat:
			return StepHatSubject, true
		}
	}
	return 0, false
}

// excuse is bring-up: it allows what was denied where the unconfined label takes
// part, and has it reported. A label that nobody named stays denied: it could be
// anything. (Smack documentation, "unconfined".)
func (p *Policy) excuse(step Step, report bool, s, o Label) (Step, bool) {
	if p.unconfined != Unknown && (o == p.unconfined || s == p.unconfined) && allowing>>step&1 == 0 && step != StepUnknownLabel {
		return StepUnconfined, true
	}
	return step, report
}

// CheckLayer asks a restrict-only layer, after Check has allowed: where the
// layer has a rule for the pair that does not grant all of want, it denies;
// everything else stands, since these rules "are only consulted if access would
// otherwise be permitted". (Smack documentation, "load-self2".) Layer 0 is none
// and allows; a number that is no layer of this policy denies.
//
// Like Check it does not allocate. Mode b means nothing in a layer.
func (p *Policy) CheckLayer(l LayerID, s, o Label, want Access) Decision {
	allowed, rule := true, int32(-1)
	switch {
	case int(l) >= len(p.layers):
		allowed = false
	case l != global && p.has(s) && p.has(o):
		if i, a := p.layers[l].table.find(s, o); i >= 0 {
			allowed, rule = want&^a.Effective() == 0, i
		}
	}
	return Decision{Allowed: allowed, Step: StepLayer, Rule: RuleID(rule), Log: p.logs(allowed)}
}

// logs applies the logging setting. (Smack documentation, "Smack auditing".)
func (p *Policy) logs(allowed bool) bool {
	bit := 0
	if allowed {
		bit = 1
	}
	return p.logging>>bit&1 != 0
}
