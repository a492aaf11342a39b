package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const memoryLine = "labelgate version 1"

// MaxMemory is the size in bytes of the largest file that Recall takes.
const MaxMemory = 512

// AppendMemory appends what is to be known of a seal after a restart, as text.
func AppendMemory(dst []byte, s *Seal) []byte {
	return appendSum(appendMemory(dst, s), len(dst))
}

func appendMemory(b []byte, s *Seal) []byte {
	return fmt.Appendf(b, "%s\nversion %d\nmanifest %x\n", memoryLine, s.Version, s.Sum)
}

// Recall reads that text.
func Recall(data []byte) (*Seal, error) {
	broken := errors.New("cut off or changed since it was written")
	if len(data) > MaxMemory {
		return nil, broken
	}
	body, ok := summed(data)
	if !ok {
		return nil, broken
	}
	line := bytes.Split(body, []byte("\n"))
	if len(line) != 4 {
		return nil, broken
	}
	version, err1 := strconv.ParseUint(string(bytes.TrimPrefix(line[1], []byte("version "))), 10, 63)
	sum, err2 := hex.DecodeString(string(bytes.TrimPrefix(line[2], []byte("manifest "))))
	s := &Seal{Version: version, Sum: sum}
	if err1 != nil || err2 != nil || !s.Sealed() || !bytes.Equal(appendMemory(nil, s), body) {
		return nil, broken
	}
	return s, nil
}

// Remembered returns why a policy with the seal next must not be loaded after one
// with the seal s was in force in an earlier run; nil when it may.
func (s *Seal) Remembered(next *Seal) error {
	switch {
	case next.Ignored:
		return nil
	case !next.Sealed():
		return fmt.Errorf("version %d was in force and had a manifest, and this has none", s.Version)
	}
	return s.order(next)
}

// Remember writes the text into a file, in place of what was there: wholly or not
// at all. It is called when the policy is in force.
func Remember(path string, s *Seal) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(AppendMemory(nil, s))
	if err == nil {
		err = f.Chmod(0o644) // whoever judges packets reads it, and may be another user
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
