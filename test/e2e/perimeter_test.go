package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"labelgate/internal/lab"
)

// The perimeter that most tests stand at: two labeled zones that speak different
// domains of interpretation, one that believes labels but does not ask for them,
// one that knows nothing of labels, and two machines in no zone at all.
const perimeterConfig = `
policy  = "policy"
logging = 3

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [2, 5]
cipso  = "labels-16"

[[zone]]
name       = "red"
interfaces = ["ge2e-alice", "ge2e-bob", "ge2e-mid", "ge2e-mallory"]
networks   = ["10.1.0.0/16"]
labels     = "require"
doi        = 3

[[zone]]
name       = "blue"
interfaces = ["ge2e-carol", "ge2e-mallet"]
networks   = ["10.2.0.0/16"]
labels     = "require"
doi        = 16

[[zone]]
name       = "green"
interfaces = ["ge2e-gfoo", "ge2e-gstrip", "ge2e-gnone", "ge2e-gcipso"]
networks   = ["10.3.0.0/16"]
labels     = "accept"
doi        = 3

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop", "ge2e-sec", "ge2e-web", "ge2e-webas", "ge2e-none", "ge2e-other"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

// Line numbers of the rules stand in the expectations.
const perimeterRules = `# subject object access
Foo    Pop  w
Pop    Foo  w
Secret Pop  r
Secret Foo  w
Mid    Foo  w
Wide   Foo  w
`

const perimeterHosts = `# prefix label
10.3.0.2  Foo  zone=green
10.3.0.18 Foo  zone=green on-label=strip
10.3.0.50 -CIPSO zone=green
10.4.0.2  Pop  zone=gray
10.4.0.18 Secret zone=gray
10.4.0.34 @    zone=gray
10.4.0.50 @    zone=gray web-as=Foo
`

func perimeterFiles() map[string]string {
	var wide, sparse strings.Builder
	for c := 20; c <= 60; c++ {
		fmt.Fprint(&wide, " ", c)
	}
	for c := 1; c < 64; c += 3 {
		fmt.Fprint(&sparse, " ", c)
	}
	return map[string]string{
		"labelgate.toml":         perimeterConfig,
		"labels-16":              "Secret 7 12 26\n",
		"policy/accesses.d/site": perimeterRules,
		"policy/netlabel.d/site": perimeterHosts,
		"policy/cipso.d/site":    "Secret 4 1 5\nMid 5 2 4 6\nWide 9" + wide.String() + "\nSparse 9" + sparse.String() + "\n",
	}
}

func perimeterTopology() []lab.Host {
	return []lab.Host{
		host("alice", "10.1.0.2/28", "red", "Foo", 3),
		host("bob", "10.1.0.18/28", "red", "Secret", 3),
		host("mid", "10.1.0.34/28", "red", "Mid", 3),
		host("mallory", "10.1.0.50/28", "red", "", 0), // sends what she likes
		host("carol", "10.2.0.2/28", "blue", "Foo", 16),
		host("mallet", "10.2.0.18/28", "blue", "", 0), // so does he
		host("gfoo", "10.3.0.2/28", "green", "", 0),
		host("gstrip", "10.3.0.18/28", "green", "", 0),
		host("gnone", "10.3.0.34/28", "green", "", 0),
		host("gcipso", "10.3.0.50/28", "green", "", 0),
		host("pop", "10.4.0.2/28", "gray", "", 0),
		host("sec", "10.4.0.18/28", "gray", "", 0),
		host("web", "10.4.0.34/28", "gray", "", 0),
		host("webas", "10.4.0.50/28", "gray", "", 0),
		host("none", "10.4.0.66/28", "gray", "", 0),
		host("other", "10.4.0.82/28", "gray", "", 0),
		host("out", "10.9.0.2/28", "", "", 0),
		host("beyond", "10.9.0.18/28", "", "", 0),
	}
}

// unlabeledHosts are those behind cables on which no label may ever appear.
func unlabeledHosts() []string {
	return []string{"pop", "sec", "web", "webas", "none", "other", "out", "beyond"}
}

// TestPerimeter holds the decisions of a perimeter against what is on its cables.
func TestPerimeter(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	write(t, dir, perimeterFiles())
	p := &perimeter{
		bench: newBench(t, "p", filepath.Join(dir, "labelgate.toml"), perimeterTopology()),
		dir:   dir, sent: map[uint16]*row{},
	}
	t.Run("decisions", p.decisions)
	t.Run("malformed", p.malformed)
	t.Run("quoted headers", p.quoted)
	t.Run("connections", p.connections)
	t.Run("gateway without a label", p.silentGateway)
	t.Run("labeled host", p.labeledHost)
	t.Run("no zone", p.noZone)
	t.Run("on the cables", p.finish)
}

// perimeter is the bench with what was done at it.
type perimeter struct {
	*bench
	dir  string
	sent map[uint16]*row // by source port

	labeled []labeledPacket // for the second opinion
}

// labeledPacket is a packet that left with a label, and what it must say.
type labeledPacket struct {
	row    string
	packet []byte
	carries
}

// policy is the directory of the policy.
func (p *perimeter) policy() string { return filepath.Join(p.dir, "policy") }
