package control

// The rows of tables. What is empty or 0 is left out where that means "none".

// MaxList is how many items a list in a row has at most. Beside it stands how many
// more there are.
const MaxList = 1000

// Zone is a zone of the policy in force, with its links as they are.
type Zone struct {
	Name         string   `json:"name"`
	Labels       string   `json:"labels"` // refuse, accept or require
	DOI          uint32   `json:"doi,omitempty"`
	Label        string   `json:"label,omitempty"` // of hosts without an entry
	Only         []string `json:"only,omitempty"`
	OnlyMore     int      `json:"only_more,omitempty"`
	Networks     []string `json:"networks,omitempty"` // none: everything else
	NetworksMore int      `json:"networks_more,omitempty"`
	Restrict     string   `json:"restrict,omitempty"`
	LabelAmbient bool     `json:"label_ambient"` // the ambient label leaves as an option
	Tunnels      []string `json:"tunnels,omitempty"`
	ICMPErrors   bool     `json:"icmp_errors"`
	MTU          int      `json:"mtu,omitempty"` // smallest of its links and routes, 0 when unknown
	Links        []Link   `json:"links"`
	LinksMore    int      `json:"links_more,omitempty"`
	At           string   `json:"at"` // file:line
}

// Link is an interface that a zone names.
type Link struct {
	Name  string `json:"name"`
	Index uint32 `json:"index,omitempty"` // 0: there is no such interface now
	Up    bool   `json:"up"`
	MTU   int    `json:"mtu,omitempty"`
}

// Domain is a domain of interpretation.
type Domain struct {
	Number       uint32 `json:"number"`
	Tags         []int  `json:"tags"` // in order of preference
	NonCanonical bool   `json:"noncanonical"`
	Mappings     int    `json:"mappings"` // that hold in it only
	// Kernel says whether the kernel's own list has it: registered, foreign (somebody
	// else's), absent, left (the settings want that list left alone), or unknown (it
	// is told in the machine's first network namespace only).
	Kernel string `json:"kernel"`
	At     string `json:"at"`
}

// Kinds of a Host.
const (
	HostSingle = "single-label"
	HostCIPSO  = "cipso"
)

// Host is an entry of the host table. Words are those of the policy files.
type Host struct {
	Prefix      string   `json:"prefix"`
	Zone        string   `json:"zone,omitempty"` // bound to it; "": any
	Kind        string   `json:"kind"`
	Label       string   `json:"label,omitempty"`        // of a single-label host
	DOI         uint32   `json:"doi,omitempty"`          // of a CIPSO host, 0: its zone's
	Only        []string `json:"only,omitempty"`         // of a CIPSO host
	OnLabel     string   `json:"on_label,omitempty"`     // of a single-label host without Via: drop, strip or honour
	OnUnlabeled string   `json:"on_unlabeled,omitempty"` // of a CIPSO host: drop, ambient or a label
	WebAs       string   `json:"web_as,omitempty"`
	Via         string   `json:"via,omitempty"`
	At          string   `json:"at"`
}

// Label is a label of the policy, and what it is on the wire. One that is something
// else in some domains has a row for each of these.
type Label struct {
	Name string `json:"name"`
	DOI  uint32 `json:"doi,omitempty"` // the domain in which this holds; 0: in those without a row of their own
	// Encoding is how it is written: mapped (a line of cipso.d), direct (its own
	// text), or none (it never leaves).
	Encoding   string `json:"encoding"`
	Level      uint8  `json:"level"`                // valid unless Encoding is none
	Categories string `json:"categories,omitempty"` // as in "1,5-7"
	At         string `json:"at,omitempty"`         // of the mapping
}

// Rule is an access rule.
type Rule struct {
	Subject string `json:"subject"`
	Object  string `json:"object"`
	Access  string `json:"access"` // letters of rwxatlb, - for none
	// Restricts names the zones whose restriction it belongs to; none for a rule of
	// the policy, which holds everywhere.
	Restricts []string `json:"restricts,omitempty"`
	At        string   `json:"at"`
}

// Flow is a live flow. Flows come and go while pages of them are asked for; one that
// lives all the while has one row.
type Flow struct {
	Source      string `json:"source"` // addresses
	Destination string `json:"destination"`
	Protocol    uint8  `json:"protocol"`
	SourcePort  uint16 `json:"source_port,omitempty"` // of ICMP queries the identifier
	DestPort    uint16 `json:"dest_port,omitempty"`   // of ICMP queries the type
	In          string `json:"in"`                    // zones, or ThisMachine
	Out         string `json:"out"`
	Label       string `json:"label"`
	Labeled     bool   `json:"labeled"` // its packets carry the label
	Grew        int    `json:"grew"`    // bytes that its packets gain here
	Age         uint32 `json:"age"`     // seconds since it was last seen
}

// Fragment is a datagram of which some fragments came by, and not all. They come and
// go like flows.
type Fragment struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Protocol    uint8  `json:"protocol"`
	ID          uint16 `json:"id"`
	In          string `json:"in"`
	Label       string `json:"label"`     // "" when none, or when a reload numbered the labels anew since
	Labeled     bool   `json:"labeled"`   // it carries the label
	Condemned   bool   `json:"condemned"` // no further fragment of it passes
	Seen        uint32 `json:"seen"`      // bytes
	Length      uint32 `json:"length"`    // of the whole datagram without header, 0 until its end came by
	Age         uint32 `json:"age"`       // seconds since one passed
}
