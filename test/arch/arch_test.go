// Package arch holds the rules of ARCHITECTURE.md about who may import whom.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func list(t *testing.T, pattern string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Deps,Standard", pattern)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
	return all
}

func ours(path string) bool { return path == "labelgate" || strings.HasPrefix(path, "labelgate/") }

func TestImports(t *testing.T) {
	all := list(t, "./...")
	const module = "labelgate/"
	type rule struct{ name, dependency, allowed string }
	var rules []rule
	add := func(name, dependency string, allowed ...string) {
		rules = append(rules, rule{name, dependency, strings.Join(allowed, " ")})
	}
	add("only the queue talks nfqueue", "github.com/florianl/go-nfqueue", module+"internal/queue")
	add("only nft installs rules", "github.com/google/nftables", module+"internal/nft", module+"internal/queue/queuetest")
	add("queues of their own are for tests", module+"internal/queue/queuetest", module+"test/bench")
	add("only kerneldoi talks generic netlink", "github.com/mdlayher/genetlink", module+"internal/kerneldoi")
	add("gopacket is for captures and the lab", "github.com/google/gopacket", module+"internal/capture", module+"internal/lab")
	add("only the sandbox writes programs for the kernel's filters", "golang.org/x/net/bpf", module+"internal/sandbox")
	add("only the host table knows its table", "github.com/gaissmai/bart", module+"hostmap")
	add("only the daemon's main starts the daemon", module+"internal/daemon", module+"cmd/labelgated")
	add("nothing starts programs but the lab", "os/exec", module+"internal/lab", module+"internal/lab/labtest", module+"test/gate", module+"test/router/guest")
	add("only the auditor writes to the journal", "github.com/coreos/go-systemd/v22/journal", module+"internal/auditor")
	add("structured logs belong to the daemon", "log/slog", module+"internal/daemon", module+"cmd/labelgated")
	add("only metrics are for Prometheus", "github.com/prometheus", module+"internal/metrics")
	add("only metrics are served by HTTP", "net/http", module+"internal/metrics")
	add("metrics belong to the daemon's control process", module+"internal/metrics", module+"internal/daemon")
	add("what goes with a release is in no program", module+"packaging", module+"packaging/release", module+"packaging/sbom")
	// One reader asks who owns a file; a second would forget to.
	for _, i := range all[module+"internal/load"].Imports {
		if i == "os" {
			t.Errorf("internal/load imports %s; files are read by internal/policyfile", i)
		}
	}
	for _, i := range all[module+"internal/manifest"].Imports {
		if !all[i].Standard {
			t.Errorf("internal/manifest imports %s; it is to rest on the standard library alone", i)
		}
	}
	for _, p := range all {
		if !ours(p.ImportPath) {
			continue
		}
		for _, r := range rules {
			for _, i := range p.Imports {
				if (i == r.dependency || strings.HasPrefix(i, r.dependency+"/")) && !slices.Contains(strings.Fields(r.allowed), p.ImportPath) {
					t.Errorf("%s imports %s, but %s", p.ImportPath, i, r.name)
				}
			}
		}
	}
}

// TestCore: what decides about packets rests on the standard library alone, and
// of that on nothing that waits, prints or knows the time.
func TestCore(t *testing.T) {
	all := list(t, "./...")
	for _, name := range []string{"labelgate/cipso", "labelgate/engine", "labelgate/internal/ipv4", "labelgate/internal/flow", "labelgate/internal/fragment"} {
		p, ok := all[name]
		if !ok {
			t.Errorf("%s does not exist", name)
			continue
		}
		for _, i := range p.Imports {
			if !all[i].Standard {
				t.Errorf("%s imports %s; it is to rest on the standard library alone", name, i)
			}
			if slices.Contains([]string{"time", "context", "net", "os", "log", "log/slog"}, i) {
				t.Errorf("%s imports %s; a decision neither waits nor knows the time", name, i)
			}
		}
	}
	for _, i := range all["labelgate/netlabel"].Imports {
		if !all[i].Standard && !ours(i) {
			t.Errorf("netlabel imports %s; third parties come in through hostmap only", i)
		}
	}
}

// TestSplit: what stands between the process with the capability and the one
// without knows packets and verdicts, and nothing of what is in them.
func TestSplit(t *testing.T) {
	all := list(t, "./...")
	for _, i := range all["labelgate/internal/split"].Imports {
		if !all[i].Standard && i != "golang.org/x/sys/unix" && i != "labelgate/internal/queue" {
			t.Errorf("internal/split imports %s; it carries packets and does not look into them", i)
		}
	}
}

// TestAuditor: what writes and checks records knows no packets, labels or settings.
func TestAuditor(t *testing.T) {
	allowed := []string{"labelgate/internal/audit", "labelgate/internal/auditor", "labelgate/internal/auditor/trail"}
	for path := range list(t, "./internal/auditor/...") {
		if ours(path) && !slices.Contains(allowed, path) {
			t.Errorf("the auditor pulls in %s", path)
		}
	}
}

// TestSandbox: what takes rights away serves every process, and so knows nothing of
// what they do.
func TestSandbox(t *testing.T) {
	all := list(t, "./...")
	for _, i := range all["labelgate/internal/sandbox"].Imports {
		if !all[i].Standard && i != "golang.org/x/sys/unix" && i != "golang.org/x/net/bpf" {
			t.Errorf("internal/sandbox imports %s; it knows the kernel and nothing else", i)
		}
	}
}

// TestControlKnowsNothing: what answers on the control socket passes on what others
// know. It rests on the standard library, system calls and the words for problems
// in files.
func TestControlKnowsNothing(t *testing.T) {
	all := list(t, "./...")
	for _, i := range all["labelgate/internal/control"].Imports {
		if !all[i].Standard && i != "golang.org/x/sys/unix" && i != "labelgate/internal/policyfile" {
			t.Errorf("internal/control imports %s; what it says comes from its Backend", i)
		}
	}
}

// TestDaemonStaysSmall: what runs with privileges pulls in no terminal, no
// command line library and no capture reader.
func TestDaemonStaysSmall(t *testing.T) {
	all := list(t, "./cmd/labelgated")
	for path := range all {
		for _, bad := range []string{"github.com/spf13/cobra", "github.com/google/gopacket", "os/exec", "labelgate/internal/cli", "labelgate/internal/lab"} {
			if path == bad || strings.HasPrefix(path, bad+"/") {
				t.Errorf("labelgated pulls in %s", path)
			}
		}
	}
}
