package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// TestBadPolicies: a running gateway is told to take policies that allow what is
// forbidden and forbid what is allowed, each bad in one way. All of its packets are
// judged by the policy before, and each refusal is one record.
func TestBadPolicies(t *testing.T) {
	needLab(t)
	s := newTempting(t)
	allowed, forbidden := s.stream(t, "pop"), s.stream(t, "sec")
	r := rand.New(rand.NewPCG(long.Seed(t, 8), 2))
	tried := long.Count(200, 2000)
	taken := 0
	for n := range tried {
		f := tamperings[n%len(tamperings)]
		s.restore(t)
		f.do(t, s, r)
		d := s.Daemon(lab.GatewayName)
		if _, err := d.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := d.Tail(1); !strings.Contains(last, "reload refused") {
			t.Errorf("%s: log %q", f.name, last)
			taken++
		}
		if !eventually(func() bool { return s.count(t, audit.EventPolicyRefused) == n+1 }) {
			t.Fatalf("%s: %d records after %d refusals", f.name, s.count(t, audit.EventPolicyRefused), n+1)
		}
	}
	sent, passed, _ := allowed.stop(t)
	against, wrong, _ := forbidden.stop(t)
	s.probe(t, "alice", "pop", lab.UDP, lab.Passed)
	s.probe(t, "alice", "sec", lab.UDP, lab.Dropped)
	time.Sleep(100 * time.Millisecond) // for records that there must not be
	if n := s.count(t, audit.EventPolicyLoaded); n != s.loads {
		t.Errorf("%d records of policies taken, want %d", n, s.loads)
	}
	report(t,
		figures.Figure{ID: "e2e/bad-policies", Value: float64(tried), Unit: "sets"}.AtLeast(200),
		figures.Figure{ID: "e2e/bad-policies/accepted", Value: float64(taken), Unit: "sets", Against: "corrupt policies"}.AtMost(0),
		figures.Figure{ID: "e2e/bad-policies/records-too-many", Value: float64(s.count(t, audit.EventPolicyRefused) - tried), Unit: "records"}.AtMost(0),
		figures.Figure{ID: "e2e/bad-policies/records-without-a-file", Value: float64(s.unsaid(t)), Unit: "records"}.AtMost(0),
		figures.Figure{ID: "e2e/bad-policies/forbidden-delivered", Value: float64(wrong), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/bad-policies/allowed-lost", Value: float64(sent - passed), Unit: "packets"}.AtMost(0),
	)
	t.Logf("%d allowed packets sent and %d forbidden ones", sent, against)

	// It was what was done to them and nothing else that they were refused for.
	s.restore(t)
	if _, err := s.Daemon(lab.GatewayName).Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.probe(t, "alice", "pop", lab.UDP, lab.Dropped)
	s.probe(t, "alice", "sec", lab.UDP, lab.Passed)
}

// tempting is a gateway with a sealed policy in force, and another one, sealed as
// well, that would turn it around.
type tempting struct {
	*lifecycle
	files map[string]string // of the other one
	older map[string]string // its manifest and signature with an older version
	keys  [2]string         // files: the gateway's, and somebody else's
	loads int               // records of policies taken before
}

const (
	manifestFile  = "policy/MANIFEST"
	signatureFile = "policy/MANIFEST.sig"
)

func newTempting(t *testing.T) *tempting {
	t.Helper()
	dir, keys := t.TempDir(), t.TempDir()
	s := &tempting{files: map[string]string{}, older: map[string]string{}, keys: [2]string{filepath.Join(keys, "ours"), filepath.Join(keys, "theirs")}}
	for _, key := range s.keys {
		labelgate(t, "seal", "--generate-key", key)
	}
	public, err := os.ReadFile(s.keys[0] + ".pub")
	must(t, err)
	// What becomes of each packet is of no interest: only refusals are counted.
	settings := fmt.Sprintf("manifest = \"signed\"\nmanifest-keys = [%q]\n%s", strings.TrimSpace(string(public)),
		strings.Replace(lifecycleConfig, "logging = 3", "logging = 0", 1))
	write(t, dir, map[string]string{"labelgate.toml": settings, "policy/netlabel.d/site": lifecycleHosts, rulesFile: without(lifecycleRules, "Foo", "Pop") + "Foo Secret w\n"})
	s.seal(t, dir, 3, s.older)
	s.seal(t, dir, 9, s.files)
	write(t, dir, map[string]string{rulesFile: lifecycleRules})
	os.Remove(filepath.Join(dir, manifestFile))
	s.seal(t, dir, 5, nil)
	s.lifecycle = &lifecycle{dir: dir, bench: newBench(t, "b", filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("alice", "10.1.0.2/28", "red", "Foo", 3),
		host("mallory", "10.1.0.18/28", "red", "", 0),
		host("pop", "10.4.0.2/28", "gray", "", 0),
		host("sec", "10.4.0.18/28", "gray", "", 0),
	})}
	s.probe(t, "alice", "pop", lab.UDP, lab.Passed)
	s.probe(t, "alice", "sec", lab.UDP, lab.Dropped)
	s.loads = s.count(t, audit.EventPolicyLoaded)
	return s
}

// seal seals what is in dir, and keeps it in files.
func (s *tempting) seal(t *testing.T, dir string, version int, files map[string]string) {
	t.Helper()
	labelgate(t, "seal", "--key", s.keys[0], "--version", fmt.Sprint(version), dir)
	for _, name := range []string{"labelgate.toml", rulesFile, "policy/netlabel.d/site", manifestFile, signatureFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		if files != nil {
			files[name] = string(data)
		}
	}
}

// restore puts the whole other policy there, as it was sealed.
func (s *tempting) restore(t *testing.T) {
	t.Helper()
	for _, name := range []string{"policy", "labelgate.toml", "elsewhere"} {
		must(t, os.RemoveAll(s.at(name)))
	}
	write(t, s.dir, s.files)
}

// unsaid returns how many refusals have a record that does not say why.
func (s *tempting) unsaid(t *testing.T) (n int) {
	t.Helper()
	for _, r := range s.records(t, lab.GatewayName, 0) {
		if r.Event == audit.EventPolicyRefused && !strings.Contains(r.Detail, s.dir) {
			n++
		}
	}
	return n
}

// count returns how many records of an event the gateway has written.
func (s *tempting) count(t *testing.T, event string) (n int) {
	t.Helper()
	for _, r := range s.records(t, lab.GatewayName, 0) {
		if r.Event == event {
			n++
		}
	}
	return n
}
