package policyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// tree makes a policy to be changed, and returns the directory of its settings.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"labelgate.toml", "own", "policy/accesses.d/site", "policy/cipso.d/site"} {
		write(t, filepath.Join(dir, name), "text of "+name)
	}
	return dir
}

// TestDiskRefuses: each way of having files that somebody else decides about, that
// never end, or that are no files.
func TestDiskRefuses(t *testing.T) {
	mode := func(name string, mode fs.FileMode) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, name), mode)) }
	}
	node := func(kind uint32, device int) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "own")
			must(t, os.Remove(path))
			must(t, unix.Mknod(path, kind|0o600, device))
		}
	}
	link := func(name, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			must(t, os.Rename(path, filepath.Join(dir, "there")))
			must(t, os.Symlink(filepath.Join(dir, to), path))
		}
	}
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, dir string)
		read   string
		code   string // "": it is taken
		file   string // at fault
		hint   string
	}{
		{"as it is", nil, "own", "", "", ""},
		{"in a directory of a directory", nil, "policy/accesses.d/site", "", "", ""},
		{"everybody can write it", mode("own", 0o646), "own", "mode", "own", "chmod o-w"},
		{"a private group can write it", mode("own", 0o664), "own", "", "", ""},
		{"nobody can read it but the owner", mode("own", 0o600), "own", "", "", ""},
		{"everybody can write the settings' directory", mode(".", 0o777), "own", "mode", "", "chmod o-w"},
		{"everybody can add to the settings' directory", mode(".", 0o777|fs.ModeSticky), "own", "", "", ""},
		{"everybody can write the directory", mode("policy/accesses.d", 0o777), "policy/accesses.d/site", "mode", "policy/accesses.d", "chmod o-w"},
		{"everybody can write a directory on the way", mode("policy", 0o777), "policy/accesses.d/site", "mode", "policy", "chmod o-w"},
		{"a link", link("own", "there"), "own", "link", "own", "put in its place"},
		{"a link to nothing", link("own", "nowhere"), "own", "link", "own", "put in its place"},
		{"a directory that is a link", link("policy/accesses.d", "there"), "policy/accesses.d/site", "link", "policy/accesses.d", "put in its place"},
		{"a link in the middle", link("policy", "there"), "policy/accesses.d/site", "link", "policy", "put in its place"},
		{"a pipe", node(unix.S_IFIFO, 0), "own", "file-kind", "own", "regular files"},
		{"a socket", node(unix.S_IFSOCK, 0), "own", "file-kind", "own", "regular files"},
		{"a directory", nil, "policy", "file-kind", "policy", "regular files"},
		{"a file on the way", nil, "own/site", "file-kind", "own", "regular files"},
		{"nothing", nil, "absent", "file", "absent", ""},
		{"nothing on the way", nil, "absent/site", "file", "absent", ""},
		{"a name too long", nil, strings.Repeat("x", 300), "file", "x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t)
			if tt.change != nil {
				tt.change(t, dir)
			}
			d := NewDisk(dir, Owners())
			defer d.Close()
			data, err := d.Read(filepath.Join(dir, tt.read), 1<<20)
			if tt.code == "" {
				if err != nil || string(data) != "text of "+tt.read {
					t.Errorf("%q, %v", data, err)
				}
				return
			}
			if err == nil {
				t.Fatalf("taken: %q", data)
			}
			p := AsProblem(filepath.Join(dir, tt.read), err)
			if p.Code != tt.code || !strings.HasPrefix(p.File, filepath.Join(dir, tt.file)) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("%+v", p)
			}
			if _, again := d.Read(filepath.Join(dir, tt.read), 1<<20); again == nil || again.Error() != err.Error() {
				t.Errorf("the second time: %v", again)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDiskOwners: files of others, and of groups that others are in.
func TestDiskOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives files to others")
	}
	for _, tt := range []struct {
		name     string
		owner    int
		group    int
		mode     fs.FileMode
		owners   []uint32
		says     string // "": it is taken
		directly bool   // the directory, not the file
	}{
		{"root's", 0, 0, 0o644, Owners(), "", false},
		{"somebody else's", 1234, 1234, 0o644, Owners(), "owned by user 1234", false},
		{"somebody's who is trusted", 1234, 1234, 0o644, Owners(1234), "", false},
		{"a directory of somebody else's", 1234, 1234, 0o755, Owners(), "owned by user 1234", true},
		{"a directory of somebody else's to which all can add", 1234, 1234, 0o777 | fs.ModeSticky, Owners(), "owned by user 1234", true},
		{"another group can read it", 0, 50, 0o640, Owners(), "", false},
		{"another group can write it", 0, 50, 0o660, Owners(), "group 50 can write it", false},
		{"the group is root's", 1234, 0, 0o660, Owners(1234), "", false},
		{"the group is the owner's own", 1234, 1234, 0o660, Owners(1234), "", false},
		{"another group can write the directory", 0, 50, 0o775, Owners(), "group 50 can write it", true},
		{"files are nobody's who is trusted", 0, 0, 0o644, []uint32{77}, "owned by user 0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t)
			path := filepath.Join(dir, "own")
			at := path
			if tt.directly {
				at = dir
			}
			must(t, os.Chown(at, tt.owner, tt.group))
			must(t, os.Chmod(at, tt.mode))
			d := NewDisk(dir, tt.owners)
			defer d.Close()
			_, err := d.Read(path, 1<<20)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			var told Problems
			d = NewDisk(dir, tt.owners)
			defer d.Close()
			d.Untrusted = func(p Problem) { told = append(told, p) }
			for range 2 {
				if data, err := d.Read(path, 1<<20); err != nil || string(data) != "text of own" {
					t.Errorf("only told, and yet: %q, %v", data, err)
				}
			}
			if err := d.Changed(); err != nil {
				t.Error(err)
			}
			if (tt.says != "") != (len(told) > 0) || tt.says != "" && (!strings.Contains(told.Error(), tt.says) || !strings.Contains(told[0].Hint, "ch")) {
				t.Errorf("told %v, want %q", told, tt.says)
			}
		})
	}
}

// TestDiskDevice: a device is not even opened.
func TestDiskDevice(t *testing.T) {
	d := NewDisk("/dev", Owners())
	defer d.Close()
	d.Untrusted = func(Problem) {}
	for _, name := range []string{"zero", "tty"} {
		if _, err := d.Read("/dev/"+name, 1<<20); err == nil || AsProblem("", err).Code != "file-kind" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiskLimits(t *testing.T) {
	dir := tree(t)
	d := NewDisk(dir, Owners())
	defer d.Close()
	path := filepath.Join(dir, "own")
	if _, err := d.Read(path, int64(len("text of own"))); err != nil {
		t.Error(err)
	}
	large := filepath.Join(dir, "large")
	write(t, large, "")
	must(t, os.Truncate(large, MaxFile+1))
	if _, err := d.Read(large, MaxFile); err == nil || err.Error() != large+": larger than the 256 MiB that it may have" {
		t.Error(err)
	}
	if _, err := d.Read(filepath.Join(dir, "labelgate.toml"), 4); err == nil || !strings.Contains(err.Error(), "larger than the 4 bytes") {
		t.Error(err)
	}
	// What has no size of its own, and does not end there either.
	if _, err := NewDisk("/proc/self", nil).Read("/proc/self/maps", 64); err == nil || !strings.Contains(err.Error(), "larger than the 64 bytes") {
		t.Error(err)
	}
	d.size = MaxSet - 1
	if _, err := d.Read(filepath.Join(dir, "policy/accesses.d/site"), MaxFile); err == nil || AsProblem("", err).Code != "set-size" {
		t.Error(err)
	}
}

func TestDiskCounts(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "accesses.d"), 0o755))
	for i := range MaxFiles + 1 {
		f, err := os.Create(filepath.Join(dir, "accesses.d", fmt.Sprint(i)))
		must(t, err)
		f.Close()
	}
	_, err := Load(dir, Labelgate)
	if err == nil || err.(Problems)[0].Code != "too-many" || len(err.(Problems)) != 1 {
		t.Errorf("%v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "accesses.d", "0")))
	if _, err := Load(dir, Labelgate); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "cipso"), "")
	if _, err := Load(dir, Labelgate); err == nil || err.(Problems)[0].Code != "too-many" {
		t.Errorf("%v", err)
	}
}

// TestDiskChanged: what is not all of one moment is told.
func TestDiskChanged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(dir string) error
		file   string // "": nothing is said
	}{
		{"nothing", func(string) error { return nil }, ""},
		{"another file", func(dir string) error { return os.WriteFile(filepath.Join(dir, "unread"), nil, 0o644) }, ""},
		{"the same size", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "own"), []byte("TEXT of own"), 0o644)
		}, "own"},
		{"cut off", func(dir string) error { return os.Truncate(filepath.Join(dir, "own"), 4) }, "own"},
		{"grown", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "own"), []byte("text of own and more"), 0o644)
		}, "own"},
		{"removed", func(dir string) error { return os.Remove(filepath.Join(dir, "own")) }, "own"},
		{"not ours any more", func(dir string) error { return os.Chmod(filepath.Join(dir, "own"), 0o666) }, "own"},
		{"one more in a directory", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy/accesses.d/more"), nil, 0o644)
		}, "policy/accesses.d"},
		{"one less in a directory", func(dir string) error { return os.Remove(filepath.Join(dir, "policy/accesses.d/site")) }, "policy/accesses.d"},
		{"another directory", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "policy"), filepath.Join(dir, "before")); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(dir, "policy"), 0o755)
		}, "policy"},
		{"the same directory again", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "policy"), filepath.Join(dir, "before")); err != nil {
				return err
			}
			return os.CopyFS(filepath.Join(dir, "policy"), os.DirFS(filepath.Join(dir, "before")))
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t)
			d := NewDisk(dir, Owners())
			defer d.Close()
			if _, err := d.Policy(filepath.Join(dir, "policy")); err != nil {
				t.Fatal(err)
			}
			_, err := d.Read(filepath.Join(dir, "own"), 1<<20)
			must(t, err)
			d.Put(filepath.Join(dir, "labelgate.toml"), []byte("what another process read, and not what is there now"))
			must(t, tt.change(dir))
			err = d.Changed()
			if tt.file == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if p := AsProblem("", err); err == nil || p.Code != "changed" || p.File != filepath.Join(dir, tt.file) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestDiskMemory: what was read is what is there, with or without the disk.
func TestDiskMemory(t *testing.T) {
	dir := tree(t)
	d := NewDisk(dir, Owners())
	read := func(d *Disk) string {
		text, err := d.Policy(filepath.Join(dir, "policy"))
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(text.Names, text.Unread())
		for _, name := range []string{"own", "absent", "policy/cipso.d/site", "policy"} {
			data, err := d.Read(filepath.Join(dir, name), 1<<20)
			said += fmt.Sprintf("%s %q %v\n", name, data, err != nil)
		}
		for _, name := range []string{"own", "absent", "policy/cipso.d"} {
			names, _, err := d.FilesAt(filepath.Join(dir, name))
			said += fmt.Sprintf("%s %q %v\n", name, names, err != nil)
		}
		return said
	}
	want := read(d)
	d.Close()
	must(t, os.RemoveAll(dir))
	got := read(NewMemory(d.Files(), d.Listings()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRead: a file that anybody may have made, with links as they come.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	write(t, filepath.Join(dir, "good"), "text")
	must(t, os.Chmod(filepath.Join(dir, "good"), 0o666))
	must(t, os.Symlink("good", filepath.Join(dir, "link")))
	for _, tt := range []struct{ name, code string }{
		{name: "good"}, {name: "link"}, {name: "pipe", code: "file-kind"}, {name: ".", code: "file-kind"}, {name: "missing", code: "file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := Read(filepath.Join(dir, tt.name), MaxFile)
			switch {
			case tt.code == "" && (err != nil || string(data) != "text"):
				t.Errorf("%q, %v", data, err)
			case tt.code != "" && (err == nil || AsProblem("", err).Code != tt.code):
				t.Errorf("%v, want %s", err, tt.code)
			}
			if got, want := errors.Is(err, fs.ErrNotExist), tt.name == "missing"; got != want {
				t.Errorf("%v is ErrNotExist: %v", err, got)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "missing"), Labelgate); err == nil {
		t.Error("a missing directory was loaded")
	}
}

// TestRelative: names start where the settings' own name starts, and no name
// leads out on the way.
func TestRelative(t *testing.T) {
	dir := tree(t)
	must(t, os.Symlink("policy", filepath.Join(dir, "other")))
	must(t, os.Symlink(dir, dir+"-link"))
	defer os.Remove(dir + "-link")
	for _, tt := range []struct {
		name, in, root, read string
		ok                   bool
	}{
		{"here", dir, ".", "policy/cipso.d/site", true},
		{"from above", filepath.Dir(dir), filepath.Base(dir), filepath.Base(dir) + "/own", true},
		{"beside", filepath.Join(dir, "policy"), ".", "../own", true},
		{"beside, through a link", filepath.Join(dir, "policy"), ".", "../other/cipso.d/site", false},
		{"a root that is a link", dir, dir + "-link", dir + "-link/own", true},
		{"below a root that is a link", dir, dir + "-link", dir + "-link/policy/cipso.d/site", true},
		{"a link below that", dir, dir + "-link", dir + "-link/other/cipso.d/site", false},
		{"somewhere else", dir, "policy", filepath.Join(dir, "own"), true},
		{"somewhere else, through a link", dir, "policy", dir + "-link/own", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(tt.in)
			d := NewDisk(tt.root, Owners())
			defer d.Close()
			if data, err := d.Read(tt.read, 1<<20); (err == nil) != tt.ok {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}
