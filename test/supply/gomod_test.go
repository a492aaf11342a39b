package supply

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type version struct{ Path, Version string }

// TestGoMod: what is built depends on nothing that can change behind our back.
func TestGoMod(t *testing.T) {
	var mod struct {
		Go, Toolchain    string
		Require, Exclude []version
		Replace          []any
	}
	if err := json.Unmarshal([]byte(run(t, root, "go", "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	sums := load(t, root+"/go.sum")
	exact := regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	for _, m := range mod.Require {
		if !exact.MatchString(m.Version) {
			t.Errorf("%s is required as %s, which is no exact version", m.Path, m.Version)
		}
		if !strings.Contains(sums, m.Path+" "+m.Version+"/go.mod h1:") {
			t.Errorf("go.sum does not have %s %s", m.Path, m.Version)
		}
	}
	// They lose packets, or panic.
	for _, v := range []string{"v1.10.0", "v1.11.0"} {
		if !slices.Contains(mod.Exclude, version{"github.com/mdlayher/netlink", v}) {
			t.Errorf("github.com/mdlayher/netlink %s is not excluded", v)
		}
	}
	if len(mod.Replace) > 0 {
		t.Errorf("modules are replaced: %v", mod.Replace)
	}
	if mod.Toolchain != "" {
		t.Errorf("a toolchain would be fetched: %s", mod.Toolchain)
	}
	// The sums of go.sum are checked for modules of the cache only, and binaries that
	// are built from copies do not tell them.
	for _, name := range []string{"vendor", "go.work"} {
		if _, err := os.Stat(root + "/" + name); err == nil {
			t.Errorf("there is a %s", name)
		}
	}
}

// TestNoNetwork: everything is built and tested from the module cache, asking nobody
// which versions there are.
func TestNoNetwork(t *testing.T) {
	c := exec.Command("go", "list", "-test", "-deps", "./...", "tool")
	c.Dir = root
	c.Env = append(environment(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}
