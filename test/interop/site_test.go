//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"labelgate/test/interop/orders"
)

// Labels of the guests' processes.
const (
	pop     = "Pop"                            // travels as its own text
	longest = "Twenty-three-characters"        // the longest that does: its option has 34 bytes
	mapped  = "Mapped"                         // has numbers, and others in the other domain
	long    = "A-long-label-with-a-mapping"    // as well, and needs them
	stray   = "A-long-label-without-a-mapping" // travels as a number of its own machine
	floor   = "_"                              // ambient: travels without an option
)

// Labels that the gateway gives to hosts that have none.
const (
	office   = "Office"
	vault    = "Vault"
	web      = "@"
	internet = "Internet" // what labeled hosts see in place of @
)

// machine is a host behind the gateway.
type machine struct {
	name    string
	address netip.Prefix
	cable   string   // the gateway's interface
	doi     uint32   // of a Smack guest; 0: knows nothing of labels
	labels  []string // of a guest's processes; of other hosts the one that the gateway gives them
	webAs   string   // replaces @ toward labeled hosts
	require bool     // the zone demands labels
	only    []string // labels that may come from and go to the zone, nil for all
	numbers []orders.Mapping
}

func (m *machine) smack() bool { return m.doi != 0 }

func (m *machine) gateway() netip.Addr { return m.address.Addr().Prev() }

// admits reports whether a label may come from or go to the machine's zone.
func (m *machine) admits(label string) bool { return m.only == nil || slices.Contains(m.only, label) }

func newMachine(name, address string, doi uint32, labels ...string) *machine {
	return &machine{name: name, address: netip.MustParsePrefix(address), cable: "gi-" + name, doi: doi, labels: labels}
}

// site is the whole network.
type site struct{ machines []*machine }

func newSite() *site {
	alpha := newMachine("alpha", "10.71.1.2/24", 3, pop, longest, mapped, long, stray, floor)
	alpha.numbers = []orders.Mapping{{Label: mapped, Level: 5, Categories: []int{2, 4, 6}}, {Label: long, Level: 12, Categories: []int{1, 17, 184}}}

	// The other domain has the same labels and numbers of its own for them. Its
	// zone demands labels, and takes not all of them.
	beta := newMachine("beta", "10.71.2.2/24", 16, pop, longest, mapped, long, floor)
	beta.numbers = []orders.Mapping{{Label: mapped, Level: 9, Categories: []int{1, 100}}, {Label: long, Level: 33, Categories: []int{3}}}
	beta.require = true
	beta.only = []string{pop, longest, mapped, long, floor, office, internet}

	visitors := newMachine("web", "10.71.3.34/28", 0, web)
	visitors.webAs = internet
	return &site{machines: []*machine{
		alpha, beta,
		newMachine("office", "10.71.3.2/28", 0, office),
		newMachine("vault", "10.71.3.18/28", 0, vault),
		visitors,
		newMachine("kiosk", "10.71.3.50/28", 0, web),
		newMachine("ambient", "10.71.3.66/28", 0, floor),
	}}
}

// rules are the same on the gateway and in both guests. Some lead only one way,
// so that datagrams pass and connections do not.
var rules = []string{
	pop + " " + office + " w",
	office + " " + pop + " w",
	pop + " " + floor + " w",
	floor + " " + pop + " w",
	pop + " " + stray + " w",
	pop + " " + mapped + " w",
	mapped + " " + pop + " w",
	mapped + " " + vault + " w",
	vault + " " + mapped + " w",
	mapped + " " + floor + " w",
	floor + " " + mapped + " w",
	mapped + " " + office + " r", // to read is not to write
	longest + " " + office + " w",
	office + " " + longest + " w",
	longest + " " + vault + " w",
	longest + " " + long + " w",
	long + " " + longest + " w",
	long + " " + vault + " w",
	vault + " " + long + " w",
	long + " " + floor + " w",
	internet + " " + pop + " w",
	internet + " " + longest + " w",
}

// settings of the gateway. %s are the labels of the zone of beta.
const settings = `
policy  = "policy"
logging = 3

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [1]
cipso  = "beta-labels"

[[zone]]
name       = "enclave"
interfaces = ["gi-alpha"]
networks   = ["10.71.1.0/24"]
labels     = "accept"
doi        = 3

[[zone]]
name       = "partner"
interfaces = ["gi-beta"]
networks   = ["10.71.2.0/24"]
labels     = "require"
doi        = 16
only       = ["%s"]

[[zone]]
name       = "office"
interfaces = ["gi-office", "gi-vault", "gi-web", "gi-kiosk", "gi-ambient"]
networks   = ["10.71.3.0/24"]
labels     = "refuse"

[audit]
output = "stderr"
format = "json"
`

// write writes the gateway's settings and policy below dir and returns the path
// of the settings.
func (s *site) write(dir string) (string, error) {
	alpha, beta := s.machines[0], s.machines[1]
	var hosts strings.Builder
	for _, m := range s.machines {
		switch {
		case m.smack() || m.labels[0] == floor: // the host that nobody has named is ambient
		case m.webAs != "":
			fmt.Fprintf(&hosts, "%s %s zone=office web-as=%s\n", m.address.Addr(), web, m.webAs)
		default:
			fmt.Fprintf(&hosts, "%s %s zone=office\n", m.address.Addr(), m.labels[0])
		}
	}
	for name, content := range map[string]string{
		"labelgate.toml":          fmt.Sprintf(settings, strings.Join(beta.only, `", "`)),
		"beta-labels":             numbers(beta),
		"policy/cipso.d/site":     numbers(alpha),
		"policy/accesses.d/site":  strings.Join(rules, "\n") + "\n",
		"policy/netlabel.d/hosts": hosts.String(),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "labelgate.toml"), nil
}

// numbers are a guest's mappings as the gateway reads them.
func numbers(m *machine) string {
	var b strings.Builder
	for _, n := range m.numbers {
		fmt.Fprintf(&b, "%s %d/%s\n", n.Label, n.Level, strings.Trim(strings.ReplaceAll(fmt.Sprint(n.Categories), " ", ","), "[]"))
	}
	return b.String()
}

// host is what a guest is told to be: as the gateway speaks for everybody behind
// it, everybody speaks labels.
func (m *machine) host() *orders.Host {
	return &orders.Host{
		Address: m.address, Gateway: m.gateway(), DOI: m.doi, Ambient: floor,
		Rules: rules, Mappings: m.numbers, Hosts: []string{"0.0.0.0/0 -CIPSO"},
	}
}
