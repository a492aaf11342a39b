package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStateSurvivesWriting(t *testing.T) {
	root := filepath.Join(t.TempDir(), "labs")
	s := newState(&Topology{Name: "x", Path: "x.toml", Hosts: []Host{{Name: "a", Interface: "ga"}}})
	s.Daemons = []process{{Node: "a", PID: 7, Exe: "/bin/x", Start: 9}}
	dir, err := s.claim(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readState(root, "x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if !got.Owner.alive() {
		t.Error("this process is not found alive")
	}
	if _, err := s.claim(root); err == nil || !strings.Contains(err.Error(), "is up already") {
		t.Errorf("claimed twice: %v", err)
	}
	if err := os.Mkdir(filepath.Join(root, ".example-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if names, err := labNames(root); err != nil || len(names) != 1 || names[0] != "x" {
		t.Errorf("labs %q, %v", names, err)
	}
	// What a crash between making the directory and writing the file leaves.
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	if got, err := readState(root, "x"); err != nil || got.Name != "x" || len(got.Nodes) != 0 {
		t.Errorf("without a file: %+v, %v", got, err)
	}
}

// A state file is not a way to remove other files.
func TestStateWithPathsIsRefused(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "x", stateFile), []byte(`{"nodes":["../../etc"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readState(root, "x"); err == nil || !strings.Contains(err.Error(), "cannot contain /") {
		t.Errorf("error %v", err)
	}
}

func TestProcessIsNotItsNumber(t *testing.T) {
	c := exec.Command("sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	p, err := identify(c.Process.Pid)
	if err != nil || !p.alive() {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, other := range []process{
		{PID: p.PID, Exe: p.Exe, Start: p.Start + 1},
		{PID: p.PID, Exe: p.Exe + "x", Start: p.Start},
	} {
		if err := other.end(time.Second); err != nil {
			t.Error(err)
		}
		if !p.alive() {
			t.Fatalf("ended by %+v", other)
		}
	}
	if err := p.end(5 * time.Second); err != nil {
		t.Error(err)
	}
	<-ended
	if p.alive() {
		t.Error("alive")
	}
	if err := p.end(time.Second); err != nil {
		t.Errorf("ended twice: %v", err)
	}
}
