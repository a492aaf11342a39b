// Package load reads a settings file and the policy it names, and compiles both
// into a snapshot. The daemon and every verb that needs a whole gateway go
// through it, so that what one of them accepts the others accept too.
//
// It has two steps, which two processes may take: Collect reads files and knows
// whom to trust, and Bundle.Compile looks into them.
package load

import (
	"crypto/sha256"
	"time"

	"labelgate/internal/config"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// Gateway is everything that a settings file stands for. It is never changed.
type Gateway struct {
	Config   *config.Config
	Snapshot *netlabel.Snapshot
	Warnings policyfile.Problems // what looks wrong but means something
	Files    []string            // every file that was read, the settings first

	// Contents describes the files that the gateway is made of, as a manifest would:
	// all of Files but the manifest itself and what belongs to it.
	Contents []manifest.File
	// Digest is one digest of Contents. Where the same files lie in the same places
	// below the settings' directory it is the same.
	Digest [sha256.Size]byte
	// Numbering is a digest of the order of labels and zones. Where it is the same,
	// the numbers in packet marks mean the same.
	Numbering [sha256.Size]byte
	// Manifest is the path at which the manifest is, or would be.
	Manifest string
	// Seal is what is to be known of the manifest when the next policy comes.
	Seal manifest.Seal
	// Deadline is when the policy expires, on the clock that is never set, if this
	// process has read the manifest; zero: never.
	Deadline time.Time
}

// Options are what Collect and Load have to know besides the files. The zero
// Options are those of a first start.
type Options struct {
	// Owners are the users whose files are taken, besides root and the user that
	// this program was started as.
	Owners []uint32
	// Before is the seal of the policy in force, which the new one must follow; nil
	// when there is none.
	Before *manifest.Seal
	// Now tells the time; nil: time.Now.
	Now func() time.Time
	// Untrusted, if it is set, is told what is wrong with the owners and modes of
	// files, and they are taken all the same: for programs that only answer questions.
	Untrusted func(policyfile.Problem)
	// Sealing says that a manifest is about to be made: that one which is there is
	// not looked at.
	Sealing bool
}

// Load builds a Gateway. Nothing is changed when it fails: its error, a
// policyfile.Problems where files are at fault, names everything wrong at once.
// generation becomes that of the snapshot.
func Load(path string, generation uint32) (*Gateway, error) {
	return Options{}.Load(path, generation)
}

// Parse is Load with the settings' content, which another process has read from
// the file at path.
func Parse(path string, data []byte, generation uint32) (*Gateway, error) {
	return Options{}.Parse(path, data, generation)
}

// Load is the function Load with options.
func (o Options) Load(path string, generation uint32) (*Gateway, error) {
	c, err := o.open(path)
	if err != nil {
		return nil, err
	}
	return c.gateway(generation)
}

// Parse is the function Parse with options.
func (o Options) Parse(path string, data []byte, generation uint32) (*Gateway, error) {
	c := o.given(path)
	c.disk.Put(path, data)
	return c.gateway(generation)
}

// gateway takes both steps. What is wrong with some files does not keep what is
// wrong with the others from being said, unless there is a manifest: then nobody
// looks into a file before it is known to be the right one.
func (c *collection) gateway(generation uint32) (*Gateway, error) {
	err := c.collect()
	if err != nil && !c.partial {
		return nil, err
	}
	l := loader{path: c.path, cfg: c.cfg, disk: c.disk}
	g, problems := l.load(generation)
	switch {
	case problems != nil:
		return nil, problems
	case err != nil:
		return nil, err
	}
	g.Seal, g.Deadline = c.seal, c.deadline
	g.Contents, g.Manifest = c.contents(), c.manifest(manifest.Name)
	g.Digest = manifest.Digest(g.Contents)
	return g, nil
}
