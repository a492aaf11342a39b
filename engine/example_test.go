package engine_test

import (
	"fmt"

	"labelgate/engine"
)

// A program that keeps its own files and processes apart asks the rules what a
// gateway asks them about packets.
func Example() {
	b := engine.NewBuilder()
	analyst, _ := b.Intern("Analyst")
	report, _ := b.Intern("Report")
	f := b.File("accesses.d/10-analysts")
	b.Set(analyst, report, engine.Read|engine.Append, f, 1)                  // Analyst Report ra
	b.Change(analyst, report, engine.Write, engine.Append, f, 2)             // Analyst Report w a
	b.Layer("guests").Set(analyst, report, engine.Read, b.File("guests"), 1) // restricts only
	p := b.Build()

	ask := func(s, o engine.Label, want engine.Access) {
		d := p.Check(s, o, want)
		fmt.Printf("%s %s %v: %v, %v", p.Name(s), p.Name(o), want, d.Allowed, d.Step)
		if d.Rule != engine.NoRule {
			fmt.Printf(" (%v)", p.Rule(d.Rule).Origin)
		}
		fmt.Println()
	}
	ask(analyst, report, engine.Read|engine.Write)
	ask(analyst, report, engine.Append)
	ask(report, analyst, engine.Write)
	ask(analyst, engine.Floor, engine.Read)

	guests, _ := p.Layer("guests")
	fmt.Println("guests:", p.CheckLayer(guests, analyst, report, engine.Write).Allowed)
	// Output:
	// Analyst Report rw: true, rule (accesses.d/10-analysts:2)
	// Analyst Report a: false, rule-lacks (accesses.d/10-analysts:2)
	// Report Analyst w: false, no-rule
	// Analyst _ r: true, floor-object
	// guests: false
}

func ExampleAccess_Grants() {
	rule, _ := engine.ParseAccess("rw")
	fmt.Println(rule, "grants l:", rule.Grants(engine.Lock))
	fmt.Println(rule, "grants a:", rule.Grants(engine.Append))
	// Output:
	// rw grants l: true
	// rw grants a: false
}

func ExamplePolicy_NewObject() {
	b := engine.NewBuilder()
	app, _ := b.Intern("App")
	shared, _ := b.Intern("Shared")
	b.Set(app, shared, engine.Read|engine.Write|engine.Execute|engine.Transmute, b.File("rules"), 1)
	p := b.Build()

	label, inherited := p.NewObject(app, engine.Directory{Label: shared, Transmuting: true})
	fmt.Println(p.Name(label), inherited)
	label, inherited = p.NewObject(app, engine.Directory{Label: shared})
	fmt.Println(p.Name(label), inherited)
	// Output:
	// Shared true
	// App false
}

func ExampleCheckLabel() {
	fmt.Println(engine.CheckLabel("Secret/NoForn"))
	// Output:
	// "Secret/NoForn" cannot be a label: byte 7 is '/'
}
