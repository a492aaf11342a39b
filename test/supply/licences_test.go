package supply

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"labelgate/packaging/modules"
	"labelgate/test/figures"
)

// acceptable are licences under which somebody else's software may be inside. Others
// may be fine: that is to be decided, and named here.
var acceptable = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// cache is where the sources of the modules are.
func cache(t *testing.T) modules.Cache {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	return modules.Cache{Modules: lines[0], Go: lines[1]}
}

func binaries(t *testing.T) []*modules.Binary {
	t.Helper()
	var files []string
	for _, p := range release.programs(t) {
		files = append(files, p.file)
	}
	all, err := modules.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLicences: everything inside has a licence, and one that can be accepted.
func TestLicences(t *testing.T) {
	linked, err := modules.Linked(binaries(t))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, m := range linked {
		l, err := cache(t).Licence(m)
		if err != nil {
			refused++
			t.Error(err)
			continue
		}
		for _, name := range l.Names {
			if !slices.Contains(acceptable, name) {
				refused++
				t.Errorf("%s is under %s, which nobody has accepted", m.Path, name)
			}
		}
	}
	report(t, figures.Figure{ID: "licences/refused", Value: float64(refused), Unit: "modules"}.AtMost(0))
	if modules.Identify(load(t, root+"/LICENSE")) != "Apache-2.0" {
		t.Error("LICENSE is not Apache-2.0")
	}
}

// TestThirdParty: the page with the licences is that of what is inside now.
func TestThirdParty(t *testing.T) {
	page, err := cache(t).Notices(binaries(t))
	if err != nil {
		t.Fatal(err)
	}
	if load(t, root+"/packaging/THIRD_PARTY.md") != page {
		t.Error("packaging/THIRD_PARTY.md is not about what is linked now; make licenses writes it anew")
	}
}
