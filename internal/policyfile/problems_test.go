package policyfile

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the problems are into the files of testdata/problems; commit only what you understand")

// TestProblems reads policies with mistakes and compares what is said of them,
// word for word. A file of testdata/problems is an archive: its comment names the
// dialect, its files are the policy, and the last one, problems, what is expected.
func TestProblems(t *testing.T) {
	names, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			word, _, _ := strings.Cut(string(archive.Comment), "\n")
			d, err := ParseDialect(word)
			if err != nil {
				t.Fatal(err)
			}
			last := len(archive.Files) - 1
			if archive.Files[last].Name != "problems" {
				t.Fatal("the last file is not called problems")
			}
			dir := filepath.Join(t.TempDir(), "policy")
			unpack(t, dir, archive.Files[:last])
			got := load(dir, d)
			if *update {
				archive.Files[last].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[last].Data), got); diff != "" {
				t.Errorf("problems differ (-want +got); see -update\n%s", diff)
			}
		})
	}
}

// load returns what Load says of a directory, and whether it took it.
func load(dir string, d Dialect) string {
	set, err := Load(dir, d)
	said := "loaded\n"
	var problems Problems
	if err != nil {
		said, problems = "refused\n", err.(Problems)
	} else {
		problems = set.Warnings
	}
	for _, p := range problems {
		said += p.String() + "  [" + p.Code + "]\n"
	}
	return strings.ReplaceAll(said, dir, "policy")
}

// unpack writes files. Of their text, \xNN for a byte that an editor would not
// keep is undone: 0d, 00, ef, bb, bf and 0b.
func unpack(t *testing.T, dir string, files []txtar.File) {
	t.Helper()
	bytes := strings.NewReplacer(`\x0d`, "\r", `\x00`, "\x00", `\xef`, "\xef", `\xbb`, "\xbb", `\xbf`, "\xbf", `\x0b`, "\v", `\x1b`, "\x1b", `\t`, "\t", `\s`, " ")
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := string(f.Data)
		if to, ok := strings.CutPrefix(text, "link "); ok {
			if err := os.Symlink(strings.TrimSpace(to), path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(bytes.Replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
