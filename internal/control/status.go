package control

import "time"

// States of a gateway.
const (
	StateJudging  = "judging"  // packets are judged
	StateStarting = "starting" // nobody judges at the moment: packets wait, and what does not fit is dropped
	StateHalted   = "halted"   // everything is dropped, since records cannot be written
)

// Status is all that a gateway says of itself at one moment. Counts are since
// Started; they outlive every process of the gateway but the first.
type Status struct {
	Version     string    `json:"version"`
	PID         int       `json:"pid"`              // of the keeper
	Started     time.Time `json:"started"`          // when the gateway was started; an upgrade does not change it
	Since       time.Time `json:"since"`            // when the program that runs now took over
	Upgrades    uint64    `json:"upgrades"`         // how often that was by upgrade
	State       string    `json:"state"`            // one of the States
	Detail      string    `json:"detail,omitempty"` // why it is not judging
	Settings    string    `json:"settings"`         // path of the settings file
	Mode        string    `json:"mode"`             // strict or compat
	Confinement string    `json:"confinement"`      // strict or single

	Policy    Policy    `json:"policy"`
	Reload    *Attempt  `json:"reload,omitempty"` // the last one, nil before the first
	Rules     Rules     `json:"rules"`
	Queue     Queue     `json:"queue"`
	Audit     Audit     `json:"audit"`
	Counters  Counters  `json:"counters"`
	Zones     []string  `json:"zones"`     // names, zone 1 first
	Processes []Process `json:"processes"` // keeper first
}

// Policy describes the policy in force.
type Policy struct {
	Generation uint32    `json:"generation"`
	Digest     string    `json:"digest"` // of settings and policy, hexadecimal
	Loaded     time.Time `json:"loaded"`
	Files      int       `json:"files"`
	Zones      int       `json:"zones"`
	Labels     int       `json:"labels"`
	Rules      int       `json:"rules"`
	Hosts      int       `json:"hosts"`
	Warnings   int       `json:"warnings"`
}

// Attempt is a reload and what became of it.
type Attempt struct {
	Time       time.Time `json:"time"`
	Refused    bool      `json:"refused"`
	Message    string    `json:"message,omitempty"` // why it was refused
	Generation uint32    `json:"generation"`        // in force afterwards
}

// Rules is the state of the netfilter rules, as of the last look at them.
type Rules struct {
	InPlace bool      `json:"in_place"` // false: packets may pass without being judged
	Checked time.Time `json:"checked"`  // zero when nobody has looked yet; InPlace then says nothing
	Backend string    `json:"backend"`  // native or compat
	Changed uint64    `json:"changed"`  // how often somebody else had changed them
}

// Queue is the state of the kernel's queue.
type Queue struct {
	Number     uint16 `json:"number"`
	Length     uint32 `json:"length"` // packets that may wait
	Depth      uint32 `json:"depth"`  // packets that wait now
	FullDrops  uint64 `json:"full_drops"`
	SocketFull uint64 `json:"socket_full_drops"`
}

// States of the audit trail.
const (
	AuditWriting  = "writing"
	AuditHalted   = "halted"   // records cannot be written; packets are dropped
	AuditDegraded = "degraded" // records cannot be written; packets are judged without
)

// Audit is the state of the audit trail.
type Audit struct {
	State      string `json:"state"` // one of the above
	Output     string `json:"output"`
	Full       string `json:"full"`       // what is done when it is full: halt or degrade
	Written    uint64 `json:"written"`    // records
	Suppressed uint64 `json:"suppressed"` // records that a rate limit left out and counted
	Lost       uint64 `json:"lost"`       // records that could not be kept, and were counted
	Failures   uint64 `json:"failures"`   // writes that failed
	Stalls     uint64 `json:"stalls"`     // how often it was full
	Error      string `json:"error,omitempty"`
}

// States of a process.
const (
	ProcessRunning  = "running"
	ProcessStarting = "starting"
	ProcessGone     = "gone"
)

// Process is one process of the gateway.
type Process struct {
	Name     string    `json:"name"` // keeper, judge, auditor or control
	PID      int       `json:"pid"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	Restarts uint64    `json:"restarts"`
	LastEnd  string    `json:"last_end,omitempty"` // how the one before ended
	Memory   uint64    `json:"memory,omitempty"`   // resident, in bytes
	Sandbox  Sandbox   `json:"sandbox"`
}

// Sandbox is what a process may not do any more.
type Sandbox struct {
	UID          uint32   `json:"uid"`
	Capabilities []string `json:"capabilities"` // that are left, as in "net_admin"
	NoNewPrivs   bool     `json:"no_new_privs"`
	Landlock     int      `json:"landlock"`          // version in use, 0 for none
	Seccomp      string   `json:"seccomp"`           // what a forbidden call does: kill, refuse, report; or none
	Missing      []string `json:"missing,omitempty"` // what the kernel could not do, in sentences
}
