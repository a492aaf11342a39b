package load

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/internal/config"
	"labelgate/internal/policyfile"
)

// TestParse: the settings' bytes are those that were given, whatever is in the
// file by now.
func TestParse(t *testing.T) {
	s := newSite(t)
	want, err := Load(s.path, 3)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.write("labelgate.toml", "nonsense")
	got, err := Parse(s.path, data, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest || got.Snapshot.Generation() != 3 || cmp.Diff(want.Files, got.Files) != "" {
		t.Errorf("%x, want %x; %q, want %q", got.Digest, want.Digest, got.Files, want.Files)
	}
	if _, err := Parse(s.path, []byte("mode = 1\n"), 3); err == nil || !strings.HasPrefix(err.Error(), s.path+":1:8: ") || !strings.Contains(err.Error(), "| mode = 1") {
		t.Errorf("%v", err)
	}
}

// TestBundle: a bundle that went through another process is the same gateway, and
// needs no file.
func TestBundle(t *testing.T) {
	one := key(1)
	s := newSite(t, signedBy(one), "[[doi]]\nnumber = 3\ncipso = \"own\"")
	s.write("own/site", "A 5/1\n")
	s.write("own/copy~", "A 6/1\n")
	s.seal(7, &one, nil)
	want, err := s.load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Options{}.Collect(s.path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(s.path)); err != nil {
		t.Fatal(err)
	}
	var there Bundle
	if err := json.Unmarshal(data, &there); err != nil {
		t.Fatal(err)
	}
	if _, err := new(Bundle).Config(); err == nil {
		t.Error("settings out of nothing")
	}
	for _, b := range []*Bundle{b, &there} {
		if cfg, err := b.Config(); err != nil || cmp.Diff(want.Config, cfg, comparers...) != "" {
			t.Errorf("%+v, %v", cfg, err)
		}
		got, err := b.Compile(1)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]any{want.Digest, want.Numbering, want.Files, want.Warnings, want.Contents, want.Seal, want.Manifest, want.Config},
			[]any{got.Digest, got.Numbering, got.Files, got.Warnings, got.Contents, got.Seal, got.Manifest, got.Config}, comparers...); d != "" {
			t.Error(d)
		}
	}
	for i := range there.Files {
		if strings.HasSuffix(there.Files[i].Path, "accesses.d/site") {
			there.Files[i].Data = []byte("bad\n")
		}
	}
	if _, err := there.Compile(1); err == nil || !strings.Contains(err.Error(), "accesses.d/site:1:") {
		t.Errorf("%v", err)
	}
}

var comparers = []cmp.Option{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// TestCollect: what cannot be taken is not collected, and what cannot be
// understood is.
func TestCollect(t *testing.T) {
	s := newSite(t)
	s.write("policy/accesses.d/site", "bad\n")
	b, err := Options{}.Collect(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Compile(1); err == nil {
		t.Error("compiled")
	}
	if err := os.Remove(s.at("office-rules")); err != nil {
		t.Fatal(err)
	}
	if _, err := (Options{}).Collect(s.path); err == nil || !strings.Contains(err.Error(), "office-rules") {
		t.Errorf("%v", err)
	}
	if _, err := (Options{}).Collect(s.path + "x"); err == nil {
		t.Error("collected nothing")
	}
}

// TestOptions: whose files are taken, and what a verb hears of the others.
func TestOptions(t *testing.T) {
	s := newSite(t)
	if err := os.Chmod(s.at("policy/accesses.d/site"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s.path, 1); err == nil || !strings.Contains(err.Error(), "accesses.d/site: everybody can write it\n  hint: chmod o-w ") {
		t.Errorf("%v", err)
	}
	var told policyfile.Problems
	if _, err := s.load(Options{Untrusted: func(p policyfile.Problem) { told = append(told, p) }}); err != nil || len(told) != 1 {
		t.Errorf("%v, told %v", err, told)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives a file to somebody else")
	}
	s = newSite(t)
	if err := os.Chown(s.path, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s.path, 1); err == nil || !strings.Contains(err.Error(), "labelgate.toml: owned by user 1234") {
		t.Errorf("%v", err)
	}
	if _, err := s.load(Options{Owners: []uint32{1234}}); err != nil {
		t.Error(err)
	}
}

// TestReads: a process that may read these and nothing else can load it all.
func TestReads(t *testing.T) {
	s := newSite(t, `manifest-state = "/var/lib/labelgate/version"`, "policy = \"/etc/elsewhere\"\n[[doi]]\nnumber = 3\ncipso = \"/etc/own\"")
	cfg, err := config.Load(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{filepath.Dir(s.path), "/etc/elsewhere", "/var/lib/labelgate"}, Directories(cfg)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/etc/own", s.at("office-rules")}, Files(cfg)); d != "" {
		t.Error(d)
	}
}

// TestNames: a file of the settings' directory is named from there, one from
// elsewhere absolutely, however the settings were named on the command line.
func TestNames(t *testing.T) {
	s := newSite(t, `policy = "../beside"`)
	outside := filepath.Join(filepath.Dir(filepath.Dir(s.path)), "beside")
	if err := os.MkdirAll(filepath.Join(outside, "accesses.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "accesses.d/site"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{outside + "/accesses.d/site", "labelgate.toml", "office-rules"}
	above := filepath.Dir(filepath.Dir(s.path))
	for _, tt := range []struct{ in, path string }{
		{"/", s.path}, {filepath.Dir(s.path), "labelgate.toml"}, {filepath.Dir(s.path), "./labelgate.toml"},
		{above, filepath.Base(filepath.Dir(s.path)) + "/labelgate.toml"}, {outside, "../" + filepath.Base(filepath.Dir(s.path)) + "/labelgate.toml"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Chdir(tt.in)
			g, err := Load(tt.path, 1)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range g.Contents {
				got = append(got, f.Path)
			}
			if d := cmp.Diff(want, got); d != "" || g.Files[0] != tt.path {
				t.Errorf("%q %s", g.Files, d)
			}
		})
	}
}

// TestLabels: a policy with too many labels is refused before it costs memory.
func TestLabels(t *testing.T) {
	s := newSite(t)
	var b strings.Builder
	for i := range MaxLabels/2 + 1 {
		b.WriteString("a" + num(i) + " b" + num(i) + " w\n")
	}
	s.write("policy/accesses.d/many", b.String())
	if _, err := Load(s.path, 1); err == nil || !strings.Contains(err.Error(), "more than the 1048576 labels") {
		t.Errorf("%v", err)
	}
}

func num(i int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	return string([]byte{digits[i/46656%36], digits[i/1296%36], digits[i/36%36], digits[i%36]})
}
