package lab

import (
	"os"
	"path/filepath"

	example "labelgate/examples/lab"
)

// readOrExample reads a topology file. When none is named it unpacks the example
// lab; remove takes that away again if no lab came of it.
func readOrExample(file string, o Options) (t *Topology, remove func(), err error) {
	remove = func() {}
	if file != "" {
		t, err = Read(file)
		return t, remove, err
	}
	if err := prepare(); err != nil {
		return nil, remove, err
	}
	if err := os.MkdirAll(o.directory(), 0o755); err != nil {
		return nil, remove, err
	}
	dir, err := os.MkdirTemp(o.directory(), ".example-")
	if err != nil {
		return nil, remove, err
	}
	remove = func() {
		os.RemoveAll(dir)
		os.Remove(o.directory()) // unless a lab is there
	}
	if err := unpack(dir); err != nil {
		return nil, remove, err
	}
	if t, err = Read(filepath.Join(dir, "lab.toml")); err != nil {
		return nil, remove, err
	}
	t.unpacked = dir
	return t, remove, nil
}

// unpack writes the example's files into a directory.
func unpack(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return os.CopyFS(dir, example.Files)
}
