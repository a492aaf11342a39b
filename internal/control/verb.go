package control

// Class says who may use a verb.
type Class uint8

// The classes, each of which includes those before it.
const (
	Nobody Class = iota // not served
	Read                // may look
	Admin               // may change what the gateway does
)

// String returns the word used on the wire and in records.
func (c Class) String() string {
	switch c {
	case Read:
		return "read"
	case Admin:
		return "admin"
	}
	return "nobody"
}

// Verb is something that can be asked of a gateway.
type Verb struct {
	Name  string
	Class Class // the least that a caller needs
	Paged bool  // answered in pages of rows, one request a page
}

// The names of the verbs. Behind each stands the type of Response.Result.
const (
	VerbStatus    = "status"    // Status
	VerbCounters  = "counters"  // Counters
	VerbHealth    = "health"    // Health
	VerbZones     = "zones"     // []Zone
	VerbDomains   = "domains"   // []Domain
	VerbHosts     = "hosts"     // []Host
	VerbLabels    = "labels"    // []Label
	VerbRules     = "rules"     // []Rule
	VerbFlows     = "flows"     // []Flow
	VerbFragments = "fragments" // []Fragment
	VerbReload    = "reload"    // Reload
	VerbRotate    = "rotate"    // Rotate
	VerbUpgrade   = "upgrade"   // Upgrade
)

// verbs is the whole table. What is not in it is refused before anybody is asked.
var verbs = [...]Verb{
	{Name: VerbStatus, Class: Read},
	{Name: VerbCounters, Class: Read},
	{Name: VerbHealth, Class: Read},
	{Name: VerbZones, Class: Read, Paged: true},
	{Name: VerbDomains, Class: Read, Paged: true},
	{Name: VerbHosts, Class: Read, Paged: true},
	{Name: VerbLabels, Class: Read, Paged: true},
	{Name: VerbRules, Class: Read, Paged: true},
	{Name: VerbFlows, Class: Read, Paged: true},
	{Name: VerbFragments, Class: Read, Paged: true},
	{Name: VerbReload, Class: Admin},
	{Name: VerbRotate, Class: Admin},
	{Name: VerbUpgrade, Class: Admin},
}

// Verbs returns every verb there is.
func Verbs() []Verb { return append([]Verb(nil), verbs[:]...) }

// Lookup returns the verb of a name.
func Lookup(name string) (Verb, bool) {
	for _, v := range verbs {
		if v.Name == name {
			return v, true
		}
	}
	return Verb{}, false
}
