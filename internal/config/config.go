// Package config reads labelgate's one settings file, written in TOML.
//
// Reading has two steps. The file is first bound to structs that mirror it, in
// which every value remembers where it stands; then those are checked and turned
// into a Config whose values are parsed, complete and consistent, so that nobody
// downstream has to check them again. Everything wrong is reported at once, with
// the line, a caret and a hint; a key that is not known is wrong.
package config

import (
	"net/netip"
	"path/filepath"

	"labelgate/cipso"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// MaxSize is the size in bytes beyond which a settings file is refused unread.
const MaxSize = 1 << 20

// Config is a checked settings file. It is never changed after Load and may be
// shared. All paths are absolute, except in Audit.Output.
type Config struct {
	Path string // of the settings file itself

	Mode    netlabel.Mode
	Policy  string // directory that holds the policy
	Dialect policyfile.Dialect

	Ambient string // label of unlabeled packets from hosts without an entry
	Direct  uint8  // level of labels encoded by their text
	Mapped  uint8  // level of labels encoded by their number; differs from Direct
	Logging int    // 0 nothing, 1 denied, 2 allowed, 3 both; as in Smack
	Bringup bool   // a rule's b mode is reported

	PinFlows  bool      // a flow keeps its label: packets with another are dropped
	KernelDOI KernelDOI // whether the kernel is told of the DOIs

	Manifest Manifest

	Self  Self
	DOIs  []DOI  // numbers are unique
	Zones []Zone // at least one; names, interfaces and networks are unique

	Queue   Queue
	Audit   Audit
	Control Control
	Metrics Metrics

	Confinement Confinement
}

// Manifest says what the policy's list of files and digests is to be.
type Manifest struct {
	Demand Demand
	Keys   []manifest.PublicKey // that may sign; some if and only if Demand is Signed
	State  string               // file that remembers the version over restarts, or ""
}

// Demand is what is demanded of the manifest of a policy.
type Demand uint8

// Check holds the policy against its manifest if it has one. Required wants one,
// Signed one that is signed. Off looks at none.
const (
	Check Demand = iota
	Required
	Signed
	Off
)

// String returns the word used in the settings.
func (d Demand) String() string {
	return demands[d%Demand(len(demands))]
}

// Self describes the machine's own traffic. When Label is empty the machine
// takes no part: it neither sends to a zone nor hears from one.
type Self struct {
	Label string
	Line  int // in the settings file, 0 when absent
}

// DOI is a domain of interpretation (CIPSO draft, section 3.1).
type DOI struct {
	Number             cipso.DOI       // never 0
	Tags               []cipso.TagType // in order of preference: 1..5 of 1, 2, 5, each once
	AcceptNonCanonical bool
	CIPSO              string // file or directory with mappings of this domain only, or ""
	Line               int    // of its header in the settings file
}

// Zone is a set of interfaces whose hosts are trusted alike.
type Zone struct {
	Name         string
	Interfaces   []string       // at least one
	Networks     []netip.Prefix // IPv4, masked; none means everything
	Labels       netlabel.Trust
	DOI          cipso.DOI // one of Config.DOIs; 0 if and only if Labels is Refuse
	Label        string    // "" or the single label of hosts without an entry of their own
	Only         []string  // none means all labels
	Restrict     string    // file with a rule list that can only restrict, or ""
	LabelAmbient bool
	Tunnels      []string // admitted; names of netlabel.Tunnels
	Ethertypes   []uint16 // admitted besides IPv4, ARP and IPv6; 0x0600 and more
	ICMPErrors   bool     // ICMP errors about dropped packets may go there; never where labels are refused
	Line         int      // of its header in the settings file
}

// Queue says how packets get from the kernel to the daemon.
type Queue struct {
	Number  uint16
	Length  uint32 // packets, 1..65535
	Backend Backend
}

// Confinement says how the gateway's processes are kept from what they need not do.
type Confinement uint8

// Where packets are judged.
const (
	Strict Confinement = iota // in a process that holds no power over the machine
	Single                    // in the one that owns the queue and the netfilter rules
)

// String returns the word in a settings file.
func (c Confinement) String() string { return confinements[c] }

// KernelDOI says what becomes of the kernel's own list of domains.
type KernelDOI uint8

// While the daemon runs, Register has in the list what DOIs names. Leave leaves it
// alone.
const (
	Register KernelDOI = iota
	Leave
)

// String returns the word used in the settings.
func (k KernelDOI) String() string {
	return kernelDOIs[k%KernelDOI(len(kernelDOIs))]
}

// Backend is the netfilter expression that queues packets.
type Backend uint8

// Auto takes the first of the others that the kernel has.
const (
	Auto   Backend = iota
	Native         // the queue expression of nf_tables
	Compat         // the NFQUEUE target of xtables, through nft_compat
)

// String returns the word used in the settings.
func (b Backend) String() string {
	return backends[b%Backend(len(backends))]
}

// Format is how an audit record is written.
type Format uint8

// Text is the vocabulary of the kernel's audit records, JSON one object a line.
const (
	Text Format = iota
	JSON
)

// String returns the word used in the settings.
func (f Format) String() string {
	return formats[f%Format(len(formats))]
}

// Load reads and checks the settings file at path, whoever it belongs to. When
// its content is at fault the error is a policyfile.Problems that holds everything
// wrong with it.
func Load(path string) (*Config, error) {
	data, err := policyfile.Read(path, MaxSize)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse checks data as the content of the settings file at path, which is not
// opened: it appears in problems as given, and relative paths inside the file
// start from its directory. The error is a policyfile.Problems.
func Parse(path string, data []byte) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	return ParseAt(path, absolute, data)
}

// ParseAt is Parse for who may not look where he is: absolute is the path of the file
// from the root.
func ParseAt(path, absolute string, data []byte) (*Config, error) {
	doc, problems := parseDocument(path, data)
	if len(problems) > 0 {
		return nil, problems
	}
	var raw rawFile
	b := binder{doc: doc}
	b.table(doc.root, raw.keys(), "")
	c := checker{binder: b, dir: filepath.Dir(absolute)}
	config := c.file(&raw)
	config.Path = absolute
	if len(c.problems) > 0 {
		c.sort()
		return nil, c.problems
	}
	return config, nil
}
