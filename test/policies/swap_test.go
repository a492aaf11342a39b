package policies

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/load"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// TestSwapped: two policies take each other's place all the time while they are
// loaded, and nothing is sealed. What is taken is one of them and never something
// of both.
func TestSwapped(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "labelgate.toml")
	must(t, os.WriteFile(path, []byte("policy = \"set/policy\"\n[[zone]]\nname = \"a\"\ninterfaces = [\"a0\"]\nrestrict = \"set/restrict\"\n"), 0o644))
	var digests [2][32]byte
	for i, set := range []string{"set", "other"} {
		word := string("AB"[i])
		for _, name := range []string{"policy/accesses.d/1", "policy/accesses.d/2", "policy/cipso.d/1", "policy/netlabel.d/1", "restrict"} {
			to := filepath.Join(dir, set, name)
			must(t, os.MkdirAll(filepath.Dir(to), 0o755))
			text := map[string]string{"1": word + " Z w\n", "2": word + " Y w\n", "restrict": word + " Z w\n"}[filepath.Base(to)]
			switch {
			case strings.Contains(to, "cipso.d"):
				text = word + " 5/1\n"
			case strings.Contains(to, "netlabel.d"):
				text = "10.0.0.1 " + word + "\n"
			}
			must(t, os.WriteFile(to, []byte(text), 0o644))
		}
	}
	swap := func() error {
		return unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "set"), unix.AT_FDCWD, filepath.Join(dir, "other"), unix.RENAME_EXCHANGE)
	}
	if err := swap(); errors.Is(err, unix.EINVAL) {
		t.Skip("needs a file system where two directories can change places at one moment")
	} else if err == nil {
		must(t, swap())
	}
	for i := range digests {
		g, err := load.Load(path, 1)
		must(t, err)
		digests[i] = g.Digest
		must(t, swap())
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := swap(); err != nil {
				done <- err
				return
			}
		}
	}()
	tried, taken, mixed := long.Count(3000, 100_000), 0, 0
	for range tried {
		switch g, err := load.Load(path, 1); {
		case err != nil && !strings.Contains(err.Error(), "changed while being read"):
			t.Fatal(err)
		case err != nil:
		case g.Digest == digests[0] || g.Digest == digests[1]:
			taken++
		default:
			mixed++
		}
	}
	close(stop)
	must(t, <-done)
	t.Logf("%d loads, %d of them taken", tried, taken)
	if taken == 0 || taken == tried {
		t.Error("nothing was swapped in time, or always")
	}
	long.Report(t, figures.Figure{ID: "policies/swapped/mixed", Value: float64(mixed), Unit: "sets"}.AtMost(0))
}
