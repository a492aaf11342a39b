package supply

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// architectures are those that a release is for.
var architectures = []string{"amd64", "arm64"}

// release is one that make made of the sources as they are, for all tests.
var release made

type made struct {
	once sync.Once
	dir  string
	err  string
}

// built returns the directory of the release.
func (r *made) built(t *testing.T) string {
	t.Helper()
	needTool(t, "make", "git", "sha256sum")
	r.once.Do(func() {
		dir, err := os.MkdirTemp("", "lgsupply")
		if err != nil {
			t.Fatal(err)
		}
		r.err = "make release failed"
		r.dir = dir
		run(t, root, "make", "-s", "release", "DIST="+filepath.Join(dir, "dist"))
		r.err = ""
	})
	if r.err != "" {
		t.Fatal(r.err)
	}
	return filepath.Join(r.dir, "dist")
}

func (r *made) remove() {
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}

// program is one of those of the release.
type program struct {
	name, arch, file string
	info             *buildinfo.BuildInfo
}

func (r *made) programs(t *testing.T) []program {
	t.Helper()
	dir := r.built(t)
	var all []program
	for _, arch := range architectures {
		for _, name := range []string{"labelgate", "labelgated"} {
			p := program{name: name, arch: arch, file: filepath.Join(dir, "linux-"+arch, name)}
			info, err := buildinfo.ReadFile(p.file)
			if err != nil {
				t.Fatal(err)
			}
			p.info = info
			all = append(all, p)
		}
	}
	return all
}

// setting is one of the build.
func (p program) setting(key string) string {
	for _, s := range p.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// TestRelease: what a release consists of, and how it was built.
func TestRelease(t *testing.T) {
	for _, p := range release.programs(t) {
		for key, want := range map[string]string{
			"GOARCH": p.arch, "GOOS": "linux", "CGO_ENABLED": "0", "-trimpath": "true", "-tags": "", "-race": "", "vcs.revision": "",
		} {
			if got := p.setting(key); got != want {
				t.Errorf("%s for %s was built with %s=%s, want %s", p.name, p.arch, key, got, want)
			}
		}
	}
	dir := release.built(t)
	run(t, dir, "sha256sum", "--check", "--strict", "SHA256SUMS")
	for _, name := range []string{"LICENSE", "THIRD_PARTY.md", "labelgate.cdx.json"} {
		if load(t, filepath.Join(dir, name)) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}
