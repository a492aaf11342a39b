package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The names of the files, in the directory of the policy.
const (
	Name          = "MANIFEST"
	SignatureName = "MANIFEST.sig"
)

// Limits of a manifest.
const (
	MaxSize    = 16 << 20     // in bytes
	MaxVersion = 1<<63 - 1    // the versions are 1..MaxVersion
	MaxPath    = 4096         // of a file's name, in bytes
	timeForm   = time.RFC3339 // of times, which are in UTC and whole seconds
)

// Manifest describes one version of a policy.
type Manifest struct {
	Version uint64    // rises from one to the next
	Created time.Time // in UTC, whole seconds
	Expires time.Time // likewise; zero: never
	Key     string    // ID of the key that signs it, "" for none
	Files   []File    // sorted bytewise by their paths, each once
}

// File is one file of a policy.
type File struct {
	Path string // relative to the directory of the settings file, or absolute
	Size int64  // in bytes
	Sum  [sha256.Size]byte
}

// NewFile describes a file of that content.
func NewFile(path string, data []byte) File {
	return File{Path: path, Size: int64(len(data)), Sum: sha256.Sum256(data)}
}

// Sort brings files into the order of a manifest.
func Sort(files []File) {
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
}

// Digest is one digest of all files, which must be sorted. It does not depend on
// anything else that a manifest says.
func Digest(files []File) [sha256.Size]byte {
	return sha256.Sum256(appendFiles(nil, files))
}

// Append appends the manifest as text. The error names what cannot be written;
// then dst is unchanged.
func (m *Manifest) Append(dst []byte) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	return appendSum(m.appendBody(dst), len(dst)), nil
}

const firstLine = "labelgate manifest 1"

func (m *Manifest) appendBody(b []byte) []byte {
	b = append(b, firstLine...)
	b = strconv.AppendUint(append(b, "\nversion "...), m.Version, 10)
	b = m.Created.AppendFormat(append(b, "\ncreated "...), timeForm)
	b = append(b, "\nexpires "...)
	if m.Expires.IsZero() {
		b = append(b, "never"...)
	} else {
		b = m.Expires.AppendFormat(b, timeForm)
	}
	b = append(append(b, "\nkey "...), cmp.Or(m.Key, "none")...)
	return appendFiles(append(b, '\n'), m.Files)
}

func appendFiles(b []byte, files []File) []byte {
	for i := range files {
		f := &files[i]
		b = fmt.Appendf(b, "%x  %d  %s\n", f.Sum, f.Size, f.Path)
	}
	return b
}

// appendSum seals a text that begins at from against faults: without its last line
// a text that was cut off could pass for a shorter one.
func appendSum(b []byte, from int) []byte {
	return fmt.Appendf(b, "sum %x\n", sha256.Sum256(b[from:]))
}

// summed returns a text without its sum, or reports false when they do not fit.
func summed(data []byte) ([]byte, bool) {
	const length = len("sum \n") + 2*sha256.Size
	if len(data) < length {
		return nil, false
	}
	body := data[:len(data)-length]
	return body, bytes.Equal(appendSum(bytes.Clone(body), 0), data)
}

// check returns what cannot be written.
func (m *Manifest) check() error {
	switch {
	case m.Version < 1 || m.Version > MaxVersion:
		return fmt.Errorf("a version is 1..%d, not %d", uint64(MaxVersion), m.Version)
	case !writable(m.Created):
		return fmt.Errorf("created %v is not a whole second of UTC in the years 1 to 9999", m.Created)
	case !m.Expires.IsZero() && !writable(m.Expires):
		return fmt.Errorf("expires %v is not a whole second of UTC in the years 1 to 9999", m.Expires)
	case m.Key != "" && !isID(m.Key):
		return fmt.Errorf("key %q is not an ID", m.Key)
	}
	for i := range m.Files {
		if err := checkPath(m.Files[i].Path); err != nil {
			return err
		}
		switch {
		case m.Files[i].Size < 0:
			return fmt.Errorf("%s: a size below zero", m.Files[i].Path)
		case i > 0 && m.Files[i-1].Path >= m.Files[i].Path:
			return fmt.Errorf("%s: files are not sorted, or one is named twice", m.Files[i].Path)
		}
	}
	return nil
}

func writable(t time.Time) bool {
	return t.Location() == time.UTC && t.Nanosecond() == 0 && t.Year() >= 1 && t.Year() <= 9999
}

func checkPath(path string) error {
	if path == "" || len(path) > MaxPath {
		return fmt.Errorf("the name of a file is 1..%d bytes, not %d", MaxPath, len(path))
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return fmt.Errorf("%q: a manifest has no place for the name of a file with control characters", path)
		}
	}
	return nil
}
