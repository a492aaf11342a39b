package supply

import (
	"bytes"
	"debug/elf"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Faults are put in for tests by files with the build tag faults, or by packages of
// that name. None may be in what is delivered.

var faultSymbol = regexp.MustCompile(`^[^"]*/faults[./]`)

// faultFiles lists the sources that only the build tag brings into programs, by the
// names that they have in a program.
func faultFiles(t *testing.T, dir string, packages ...string) []string {
	t.Helper()
	files := func(tags string) (all []string) {
		args := []string{"list", "-deps", "-tags=" + tags, "-f", `{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}`}
		return strings.Fields(run(t, dir, "go", append(args, packages...)...))
	}
	without := map[string]bool{}
	for _, f := range files("") {
		without[f] = true
	}
	return slices.DeleteFunc(files("faults"), func(f string) bool { return without[f] })
}

// findFaults names what a program has of faults.
func findFaults(t *testing.T, file string, sources []string) (found []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		if bytes.Contains(content, []byte(s+"\x00")) {
			found = append(found, s)
		}
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := program.Symbols()
	if err != nil {
		t.Fatalf("%s: %v; without symbols nobody knows what is inside", file, err)
	}
	for _, s := range symbols {
		if faultSymbol.MatchString(s.Name) {
			found = append(found, s.Name)
		}
	}
	return found
}

// TestNoFaults: what is delivered cannot fail on purpose.
func TestNoFaults(t *testing.T) {
	sources := faultFiles(t, root, "./cmd/...")
	t.Logf("the build tag faults brings in %q", sources)
	for _, p := range release.programs(t) {
		if found := findFaults(t, p.file, sources); len(found) > 0 {
			t.Errorf("%s for %s has %q", p.name, p.arch, found)
		}
	}
}

// TestFaultsAreFound: where there are faults, the test above finds them.
func TestFaultsAreFound(t *testing.T) {
	dir, bin := "testdata/faulty", t.TempDir()
	sources := faultFiles(t, dir, ".")
	names := make([]string, 0, len(sources))
	for _, s := range sources {
		names = append(names, path.Base(s))
	}
	if slices.Sort(names); !slices.Equal(names, []string{"clock.go", "disk_faults.go"}) {
		t.Errorf("the build tag brings in %q", sources)
	}
	for _, tt := range []struct {
		tags string
		want int
	}{{"", 0}, {"faults", 3}} {
		file := filepath.Join(bin, "faulty"+tt.tags)
		run(t, dir, "go", "build", "-trimpath", "-buildvcs=false", "-tags="+tt.tags, "-o", file, ".")
		if found := findFaults(t, file, sources); len(found) < tt.want || tt.want == 0 && len(found) > 0 {
			t.Errorf("built with tags %q it has %q", tt.tags, found)
		}
	}
}
