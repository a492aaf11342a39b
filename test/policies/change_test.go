package policies

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What can be done to a site.

func owned(name string) func(*site) {
	return func(s *site) { must(s.t, os.Lchown(s.at(name), 4321, 4321)) }
}

func mode(name string, mode os.FileMode) func(*site) {
	return func(s *site) { must(s.t, os.Chmod(s.at(name), mode)) }
}

// link puts a link to a file or directory into its place, which is otherwise as it
// was.
func link(name string) func(*site) {
	return func(s *site) {
		to := filepath.Join(filepath.Dir(s.at(name)), ".there")
		must(s.t, os.Rename(s.at(name), to))
		must(s.t, os.Symlink(to, s.at(name)))
	}
}

// node puts something in the place of the rules that is no file.
func node(kind uint32, device int) func(*site) {
	return func(s *site) {
		must(s.t, os.Remove(s.at(rules)))
		must(s.t, unix.Mknod(s.at(rules), kind|0o600, device))
	}
}

func remove(name string) func(*site) {
	return func(s *site) { must(s.t, os.RemoveAll(s.at(name))) }
}

func replace(s *site, name, old, new string) {
	s.t.Helper()
	text := string(s.read(name))
	if !strings.Contains(text, old) {
		s.t.Fatalf("%s has no %q", name, old)
	}
	s.write(name, []byte(strings.Replace(text, old, new, 1)))
}
