package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultDirectory holds a directory for each lab that is up.
const DefaultDirectory = "/run/labelgate-lab"

const stateFile = "state.json"

// state is what is needed to take a lab away, also when what built it is gone.
// It is written before the things it names are made, so that a crash at any
// moment leaves nothing that it does not name.
type state struct {
	Name       string    `json:"name"`
	File       string    `json:"file,omitempty"`
	Created    time.Time `json:"created"`
	Owner      process   `json:"owner"` // who builds or holds the lab; zero when it stands by itself
	Nodes      []string  `json:"nodes"` // GatewayName included
	Interfaces []string  `json:"interfaces"`
	Daemons    []process `json:"daemons,omitempty"`
	Unpacked   string    `json:"unpacked,omitempty"` // the example's files
}

func newState(t *Topology) *state {
	s := &state{Name: t.Name, File: t.Path, Created: time.Now().UTC(), Owner: self(), Nodes: []string{GatewayName}, Unpacked: t.unpacked}
	for i := range t.Hosts {
		s.Nodes = append(s.Nodes, t.Hosts[i].Name)
		s.Interfaces = append(s.Interfaces, t.Hosts[i].Interface)
	}
	return s
}

// claim makes the lab's directory; that there can be only one of a name is what
// keeps two labs apart.
func (s *state) claim(root string) (dir string, err error) {
	dir = filepath.Join(root, s.Name)
	if err := makeIn(root, dir); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("lab %s is up already; \"labelgate lab down %s\" removes it", s.Name, s.Name)
		}
		return "", err
	}
	if err := s.write(dir); err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

// makeIn makes a directory. The one above it comes and goes with the labs.
func makeIn(root, dir string) (err error) {
	for range 3 {
		if err := os.MkdirAll(root, 0o755); err != nil {
			return err
		}
		if err = os.Mkdir(dir, 0o755); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// write replaces the state file as a whole.
func (s *state) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stateFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readState reads the state of the lab in root/name. A directory without a state
// file, which a crash between two system calls leaves, has an empty state.
func readState(root, name string) (*state, error) {
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	s := &state{Name: name}
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	// The directory says which lab it is; names inside it become paths.
	if s.Name = name; slices.ContainsFunc(s.Nodes, func(n string) bool { return strings.ContainsAny(n, "/\x00") }) {
		return nil, fmt.Errorf("%s: names of nodes cannot contain /", filepath.Join(dir, stateFile))
	}
	return s, nil
}

// labNames lists the labs of a root directory in the order of their names.
func labNames(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
