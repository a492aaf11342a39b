package policyfile

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk takes files from disk for one policy, and keeps what it has read. It
// belongs to one goroutine, and holds directories open until Close.
//
// A Disk with owners trusts nobody else: neither files nor directories that
// belong to others or that others can write, and no symbolic links, for whoever
// may put one there chooses what is read. Everything is asked of the open
// descriptor, so that nothing can be exchanged between the question and the use.
type Disk struct {
	// Untrusted, if it is set, is told what is wrong with owners and modes, once for
	// each file, and everything is read all the same.
	Untrusted func(Problem)

	root   string   // names below it are opened from it
	owners []uint32 // nil: everybody
	memory bool     // there is no disk: what it was given is all there is

	open     map[string]*directory
	files    []File
	read     map[string]outcome
	listings map[string][]string
	told     map[string]bool // of which Untrusted knows
	size     int64
}

// outcome is what became of reading a file. What has failed has failed: it must
// not be there after all when it is asked for again.
type outcome struct {
	data  []byte
	err   error
	given bool // by Put
}

// File is a file that was read.
type File struct {
	Path string // as it was asked for
	Data []byte // must not be changed
}

// The limits of what a Disk reads.
const (
	// MaxFiles is how many files one policy may have, those that the settings name
	// included.
	MaxFiles = 10_000
	// MaxSet is the size in bytes that they may have together.
	MaxSet = 512 << 20
)

// NewDisk returns a Disk for what is named relative to root, the directory of the
// settings file. Symbolic links that lead to root are followed: it is whoever
// starts the program who names it. None is on the way from there. Without owners,
// files are taken as they are, links included.
func NewDisk(root string, owners []uint32) *Disk {
	return &Disk{
		root: filepath.Clean(root), owners: owners,
		open: make(map[string]*directory), read: make(map[string]outcome), listings: make(map[string][]string), told: make(map[string]bool),
	}
}

// NewMemory returns a Disk without a disk: it has what another one had read.
func NewMemory(files []File, listings map[string][]string) *Disk {
	d := NewDisk("", nil)
	d.memory = true
	d.listings = listings
	for _, f := range files {
		d.Put(f.Path, f.Data)
	}
	return d
}

// started is the user that this program was started as. It is asked now, because a
// process that judges packets becomes another user, and may not ask any more.
var started = uint32(os.Geteuid())

// Owners returns those whose files a gateway takes: root, the user that this
// program was started as, and more.
func Owners(more ...uint32) []uint32 {
	owners := append([]uint32{0, started}, more...)
	slices.Sort(owners)
	return slices.Compact(owners)
}

// Close lets go of the open directories. What was read stays.
func (d *Disk) Close() {
	for _, dir := range d.open {
		unix.Close(dir.fd)
	}
	clear(d.open)
}

// Files returns what was read, in that order.
func (d *Disk) Files() []File { return d.files }

// Listings returns the names in each directory that was listed.
func (d *Disk) Listings() map[string][]string { return d.listings }

// Put gives the Disk the content of a file, which it then does not read itself.
func (d *Disk) Put(path string, data []byte) {
	path = filepath.Clean(path)
	d.files = append(d.files, File{path, data})
	d.read[path] = outcome{data: data, given: true}
}

// Known returns the content of a file that was read or given before.
func (d *Disk) Known(path string) []byte { return d.read[filepath.Clean(path)].data }

// Read reads a file of at most limit bytes, once: it returns the same each time.
// The error is an *fs.PathError when the system refused, and a Problems with what
// is wrong with the file otherwise.
func (d *Disk) Read(path string, limit int64) ([]byte, error) {
	path = filepath.Clean(path)
	if o, ok := d.read[path]; ok {
		return o.data, o.err
	}
	data, err := d.limited(path, limit)
	if err == nil {
		d.files = append(d.files, File{path, data})
	}
	d.read[path] = outcome{data: data, err: err}
	return data, err
}

func (d *Disk) limited(path string, limit int64) ([]byte, error) {
	if d.memory {
		return nil, refused(path, unix.ENOENT)
	}
	if len(d.files) == MaxFiles {
		return nil, Problems{{File: path, Code: "too-many", Message: fmt.Sprintf("more than the %d files that a policy may have", MaxFiles)}}
	}
	data, err := d.fetch(path, limit)
	if err != nil {
		return nil, err
	}
	if d.size += int64(len(data)); d.size > MaxSet {
		return nil, Problems{{File: path, Code: "set-size", Message: fmt.Sprintf("with this file there are more than the %d MiB that a policy may have", MaxSet>>20)}}
	}
	return data, nil
}

// List returns the names in a directory, sorted bytewise. Its errors are those of
// Read.
func (d *Disk) List(path string) ([]string, error) {
	path = filepath.Clean(path)
	if names, ok := d.listings[path]; ok {
		return names, nil
	}
	if d.memory {
		if o, ok := d.read[path]; ok && o.err == nil {
			return nil, Problems{*kind(path, &unix.Stat_t{Mode: unix.S_IFREG}, unix.S_IFDIR)}
		}
		return nil, refused(path, unix.ENOENT)
	}
	names, err := d.list(path)
	if err == nil {
		d.listings[path] = names
	}
	return names, err
}

// Changed reads everything once more and reports the first difference. What was
// the same both times was there all at once, at the moment between the two: no
// file of it is new while another is old.
func (d *Disk) Changed() error {
	second := NewDisk(d.root, d.owners)
	if d.Untrusted != nil {
		second.Untrusted = func(Problem) {} // it was said the first time
	}
	defer second.Close()
	for _, path := range slices.Sorted(maps.Keys(d.listings)) {
		if names, err := second.list(path); err != nil || !slices.Equal(names, d.listings[path]) {
			return changed(path)
		}
	}
	for _, f := range d.files {
		if d.read[f.Path].given {
			continue
		}
		if data, err := second.fetch(f.Path, int64(len(f.Data))); err != nil || string(data) != string(f.Data) {
			return changed(f.Path)
		}
	}
	return nil
}

func changed(path string) Problems {
	return Problems{{File: path, Code: "changed", Message: "changed while being read", Hint: "try again when whoever writes it has finished"}}
}

// refused is an error of the system about a file.
func refused(path string, err error) error {
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// within reports whether path is root or below it.
func (d *Disk) within(path string) bool {
	rel, err := filepath.Rel(d.root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
