package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// GatewayName is the name of the node between the hosts.
const GatewayName = "gateway"

// HostInterface is the name of every host's only interface.
const HostInterface = "eth0"

// Topology says what a lab consists of. It is not changed by this package.
type Topology struct {
	Path   string // of the file it was read from, "" for none
	Name   string // 1..32 of a-z, 0-9 and -
	Config string // absolute path of the gateway's labelgate.toml
	Hosts  []Host // at least one
	Expect []Expectation

	unpacked string // directory that goes with the lab, "" for none
}

// Host is a machine behind the gateway, on a subnet of its own.
type Host struct {
	Name      string       // as Topology.Name, and not "gateway"
	Interface string       // the gateway's end of its cable
	Address   netip.Prefix // its IPv4 address and the length of the subnet's prefix
	Gateway   netip.Addr   // the gateway's address in that subnet
	Zone      string       // of the gateway's settings; for people, and checked when not empty
	Label     string       // "": it knows nothing of labels
	DOI       uint32       // of its labels; valid iff Label is not empty
	Policy    string       // its own policy directory, "" for the gateway's rules and mappings
	MTU       int          // of its cable, 0 for the kernel's default
}

// Labeled reports whether the host sends labels itself.
func (h *Host) Labeled() bool { return h.Label != "" }

// Host returns the host with that name, nil when there is none.
func (t *Topology) Host(name string) *Host {
	for i := range t.Hosts {
		if t.Hosts[i].Name == name {
			return &t.Hosts[i]
		}
	}
	return nil
}

// maxFile is the size in bytes beyond which a topology file is refused unread.
const maxFile = 1 << 20

// Read reads and checks the topology file at path. When its content is at fault
// the error is a policyfile.Problems.
func Read(path string) (*Topology, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many for a lab's file (limit %d)", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse checks data as the content of the topology file at path, which is not
// opened; relative paths inside it start from its directory. The error is a
// policyfile.Problems that holds everything wrong with it.
func Parse(path string, data []byte) (*Topology, error) {
	doc := document{path: path, data: data}
	raw := doc.decode()
	if len(doc.problems) > 0 {
		return nil, doc.problems
	}
	t := doc.topology(raw)
	if t.check(doc.problem); len(doc.problems) > 0 {
		return nil, doc.sorted()
	}
	return t, nil
}

// absolute makes a path of the file absolute; "" stays.
func absolute(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	abs, err := filepath.Abs(filepath.Join(filepath.Dir(file), path))
	if err != nil {
		return path
	}
	return abs
}
