package load

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"labelgate/engine"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

var update = flag.Bool("update", false, "write what Load says into the files of testdata; commit only what you understand")

// TestLoad loads whole gateways. A file of testdata is an archive: the first line
// of its comment is the settings file as a user would type it, its files are the
// gateway, and the last one, want, is what Load makes of them, word for word.
func TestLoad(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			path, _, _ := strings.Cut(string(archive.Comment), "\n")
			last := len(archive.Files) - 1
			if archive.Files[last].Name != "want" {
				t.Fatal("the last file is not called want")
			}
			golden, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(unpacked(t, archive.Files[:last]))
			got := said(path)
			if *update {
				archive.Files[last].Data = []byte(got)
				if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(archive.Files[last].Data), got); d != "" {
				t.Errorf("(-want +got); see -update\n%s", d)
			}
		})
	}
}

func unpacked(t *testing.T, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// said words what Load makes of a settings file.
func said(path string) string {
	g, err := Load(path, 1)
	var problems policyfile.Problems
	switch {
	case errors.As(err, &problems):
		return "refused\n" + problems.Error() + "\n"
	case err != nil:
		return "failed\n" + err.Error() + "\n"
	}
	s := g.Snapshot
	text := fmt.Sprintf("loaded: %s mode, %d rules, %d hosts\nfiles: %s\n", s.Mode(), s.Policy().RuleCount(), s.Entries(), strings.Join(g.Files, " "))
	if len(g.Warnings) > 0 {
		text += g.Warnings.Error() + "\n"
	}
	for z := netlabel.Zone(1); int(z) <= s.Zones(); z++ {
		text += fmt.Sprintf("zone %d %s %s DOI %d at %s\n", z, s.ZoneName(z), s.ZoneTrust(z), s.ZoneDOI(z), s.ZoneOrigin(z))
	}
	for l := engine.FirstLabel; int(l) < s.Policy().Labels(); l++ {
		text += fmt.Sprintf("label %s", s.LabelName(l))
		for _, d := range g.Config.DOIs {
			text += fmt.Sprintf(" DOI %d %x", d.Number, s.Encoding(d.Number, l))
		}
		text += "\n"
	}
	return text
}

// TestLoadExamples: what we show to users loads without a word.
func TestLoadExamples(t *testing.T) {
	names, err := filepath.Glob("../../examples/*/labelgate.toml")
	if err != nil || len(names) < 2 {
		t.Fatalf("%q, %v", names, err)
	}
	for _, name := range names {
		g, err := Options{Untrusted: func(policyfile.Problem) {}}.Load(name, 7) // whoever it was who unpacked them
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(g.Warnings) > 0 {
			t.Errorf("%s: %v", name, g.Warnings)
		}
		if g.Snapshot.Generation() != 7 || g.Files[0] != name {
			t.Errorf("%s: generation %d, files %q", name, g.Snapshot.Generation(), g.Files)
		}
	}
}

// TestLoadLeavesNothing: a set that is refused gives no gateway at all, and does
// not touch one that was loaded before.
func TestLoadLeavesNothing(t *testing.T) {
	dir := unpacked(t, []txtar.File{
		{Name: "labelgate.toml", Data: []byte("[[zone]]\nname = \"a\"\ninterfaces = [\"a0\"]\n")},
		{Name: "policy/accesses.d/site", Data: []byte("A B w\n")},
	})
	path := filepath.Join(dir, "labelgate.toml")
	before, err := Load(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy/accesses.d/site"), []byte("A B r\nC D w\nbroken\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if g, err := Load(path, 2); g != nil || err == nil {
		t.Errorf("%v, %v", g, err)
	}
	p := before.Snapshot.Policy()
	a, _ := p.Lookup("A")
	b, _ := p.Lookup("B")
	if _, known := p.Lookup("C"); known || !p.Check(a, b, engine.Write).Allowed || p.RuleCount() != 1 {
		t.Error("the gateway before has changed")
	}
}

// TestLoadAbsolute: an absolute path stays one in everything that is said.
func TestLoadAbsolute(t *testing.T) {
	dir := unpacked(t, []txtar.File{
		{Name: "labelgate.toml", Data: []byte("[[zone]]\nname = \"a\"\ninterfaces = [\"a0\"]\n")},
		{Name: "policy/accesses.d/site", Data: []byte("A B z\n")},
	})
	_, err := Load(filepath.Join(dir, "labelgate.toml"), 1)
	if err == nil || !strings.HasPrefix(err.Error(), dir+"/policy/accesses.d/site:1:5: ") {
		t.Errorf("%v", err)
	}
}
