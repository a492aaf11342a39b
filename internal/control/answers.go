package control

// Reload is what a reload that was carried out did. One that was refused is an
// Error of CodeRefused, see Refused.
type Reload struct {
	Policy   Policy    `json:"policy"`             // now in force
	Warnings []Problem `json:"warnings,omitempty"` // what means something, but perhaps not what was meant
	Pending  []string  `json:"pending,omitempty"`  // settings that changed and need a restart, as in "[queue]"
}

// Rotate is what a rotation of the audit records did.
type Rotate struct {
	Output string `json:"output"` // written now
	Sealed string `json:"sealed"` // closed now
}

// Upgrade says that the keeper is about to run the program on disk in its own
// place. The answer comes before that; whoever wants to know how it ended asks
// for the Status until Upgrades has risen or State tells.
type Upgrade struct {
	Version string `json:"version"` // of the program that runs still
	Program string `json:"program"` // path of what will run
}

// Health is whether a gateway does what it is there for.
type Health struct {
	Healthy bool    `json:"healthy"` // every check is
	Checks  []Check `json:"checks"`
}

// Check is one of the things looked at.
type Check struct {
	Name    string `json:"name"` // one word, the same in every version
	Healthy bool   `json:"healthy"`
	Message string `json:"message"` // what was found; when not healthy also what to do
}
