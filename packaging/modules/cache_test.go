package modules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLicence(t *testing.T) {
	mit, isc := load(t, "texts/MIT.txt"), strings.Replace(load(t, "texts/ISC.txt"), "{and|and/or}", "and", 1)
	tests := []struct {
		name, dir string
		module    Module
		files     map[string]string
		want      Licence
		fails     string
	}{
		{
			"one", "github.com/!some!body/thing@v1.2.0", Module{Path: "github.com/SomeBody/thing", Version: "v1.2.0"},
			map[string]string{"LICENSE": mit, "doc.go": "package thing"},
			Licence{Names: []string{"MIT"}, Files: []File{{"LICENSE", mit}}}, "",
		},
		{
			"with a notice and another's part", "a.b/c@v1.0.0", Module{Path: "a.b/c", Version: "v1.0.0"},
			map[string]string{"LICENSE.md": mit, "NOTICE": "by A", "inner/COPYING": isc, "testdata/LICENSE": "odd", "license.go": "package c"},
			Licence{Names: []string{"ISC", "MIT"}, Files: []File{{"LICENSE.md", mit}, {"NOTICE", "by A"}, {"inner/COPYING", isc}}}, "",
		},
		{
			"none", "a.b/c@v1.0.0", Module{Path: "a.b/c", Version: "v1.0.0"},
			map[string]string{"NOTICE": "by A"}, Licence{}, "a.b/c v1.0.0: no file with a licence",
		},
		{
			"an unknown part", "a.b/c@v1.0.0", Module{Path: "a.b/c", Version: "v1.0.0"},
			map[string]string{"LICENSE": mit, "inner/LICENSE": "You may not."}, Licence{}, "a.b/c v1.0.0: inner/LICENSE is a licence that is not known",
		},
		{
			"not fetched", "a.b/c@v1.0.0", Module{Path: "a.b/c", Version: "v1.0.1"},
			map[string]string{"LICENSE": mit}, Licence{}, "go mod download fetches it",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				write(t, dir, filepath.Join(tt.dir, name), text)
			}
			got, err := Cache{Modules: dir}.Licence(tt.module)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("says %v, want %q in it", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestRead: this test is a binary that Go built.
func TestRead(t *testing.T) {
	b, err := Read(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	std := slices.IndexFunc(b.Modules, func(m Module) bool { return m.Path == Std })
	if std < 0 || b.Modules[std].Version == "" || b.Settings["GOOS"] != "linux" {
		t.Errorf("is read as %+v", b)
	}
	if _, err := Read("cache_test.go"); err == nil {
		t.Error("a text is taken for a binary")
	}
}

func TestLinked(t *testing.T) {
	a, b, later := Module{Path: "a", Version: "v1.0.0", Sum: "h1:a"}, Module{Path: "b", Version: "v1.0.0", Sum: "h1:b"}, Module{Path: "a", Version: "v1.1.0", Sum: "h1:c"}
	got, err := Linked([]*Binary{{Modules: []Module{b}}, {Modules: []Module{a, b}}})
	if d := cmp.Diff([]Module{a, b}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if _, err := Linked([]*Binary{{Modules: []Module{a}}, {Modules: []Module{later}}}); err == nil {
		t.Error("two versions of a module are taken for one release")
	}
}
