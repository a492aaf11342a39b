package load

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"labelgate/internal/config"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
)

// applies reports whether what was read is to be held against a manifest.
func (c *collection) applies(text *policyfile.Text) bool {
	demand := c.cfg.Manifest.Demand
	return demand != config.Off && !c.options.Sealing && (demand != config.Check || slices.Contains(text.Names, manifest.Name))
}

// verify holds what was read against the manifest, as far as the settings demand
// it, and against what was in force before.
func (c *collection) verify(text *policyfile.Text) error {
	if c.options.Sealing {
		return nil
	}
	path := c.manifest(manifest.Name)
	c.seal.Ignored = c.cfg.Manifest.Demand == config.Off
	if c.applies(text) {
		if !slices.Contains(text.Names, manifest.Name) {
			return c.problem(path, "manifest", "missing, and the settings demand it", "labelgate seal "+c.path+" writes it")
		}
		if err := c.sealed(path); err != nil {
			return err
		}
	}
	return c.follows(path)
}

// sealed holds everything that was read against the manifest at path.
func (c *collection) sealed(path string) error {
	data, err := c.disk.Read(path, manifest.MaxSize)
	if err != nil {
		return readProblem(path, err)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		var syntax *manifest.SyntaxError
		errors.As(err, &syntax)
		return policyfile.Problems{{File: path, Line: syntax.Line, Code: "manifest", Message: syntax.Message, Hint: "labelgate seal " + c.path + " writes it anew"}}
	}
	sum := sha256.Sum256(data)
	seal := manifest.Seal{Version: m.Version, Sum: sum[:], Created: m.Created, Expires: m.Expires}
	if c.cfg.Manifest.Demand == config.Signed {
		if seal.Signer, err = c.signed(m, data); err != nil {
			return err
		}
		for _, k := range c.cfg.Manifest.Keys {
			seal.Heirs = append(seal.Heirs, k.ID())
		}
	}
	if problems := c.compare(m); len(problems) > 0 {
		return problems
	}
	now := time.Now
	if c.options.Now != nil {
		now = c.options.Now
	}
	if err := seal.Fresh(now()); err != nil {
		return c.problem(path, "manifest-expired", err.Error(), "seal the policy anew, if it is still the right one")
	}
	if !seal.Expires.IsZero() {
		c.deadline = now().Add(seal.Expires.Sub(now()))
	}
	c.seal = seal
	return nil
}

// signed returns the ID of the key that signed the manifest.
func (c *collection) signed(m *manifest.Manifest, data []byte) (string, error) {
	path := c.manifest(manifest.SignatureName)
	signature, err := c.disk.Read(path, manifest.MaxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return "", c.problem(path, "manifest-signature", "missing, and the settings demand that the manifest is signed", "labelgate seal --key FILE "+c.path+" signs it")
	}
	if err != nil {
		return "", readProblem(path, err)
	}
	key, err := manifest.Verify(signature, data, c.cfg.Manifest.Keys)
	switch {
	case err != nil:
		return "", c.problem(path, "manifest-signature", err.Error(), "")
	case m.Key != key.ID():
		return "", c.problem(path, "manifest-signature", fmt.Sprintf("made by key %s, and the manifest names %s", key.ID(), orNone(m.Key)), "")
	}
	return key.ID(), nil
}

func orNone(key string) string {
	if key == "" {
		return "none"
	}
	return "key " + key
}

// compare lists how the files differ from what the manifest says of them.
func (c *collection) compare(m *manifest.Manifest) policyfile.Problems {
	var problems policyfile.Problems
	paths := make(map[string]string) // from names in a manifest to those that people typed
	for _, f := range c.disk.Files() {
		paths[c.name(f.Path)] = f.Path
	}
	for _, d := range m.Compare(c.contents()) {
		path := paths[d.Path]
		if path == "" {
			path = asNamed(c.path, d.Path)
		}
		problems = append(problems, policyfile.Problem{
			File: path, Code: "manifest-file", Message: d.Message, Hint: "if it is right as it is now: labelgate seal " + c.path,
		})
	}
	return problems
}

// follows holds the seal against that of the policy in force, and against what
// was in force in an earlier run.
func (c *collection) follows(path string) error {
	if before := c.options.Before; before != nil {
		if err := before.Follow(&c.seal); err != nil {
			return c.problem(path, "manifest-version", err.Error(), "give it a higher version with labelgate seal, or restart labelgated to begin anew")
		}
	}
	state := c.state()
	if state == "." || c.seal.Ignored {
		return nil
	}
	data, err := c.disk.Read(state, manifest.MaxMemory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first start
	}
	if err != nil {
		return readProblem(state, err)
	}
	remembered, err := manifest.Recall(data)
	if err != nil {
		return c.problem(state, "manifest-state", err.Error(), "remove it to begin anew, and every version is taken once more")
	}
	if err := remembered.Remembered(&c.seal); err != nil {
		return c.problem(path, "manifest-version", err.Error(), state+" remembers that: give this a higher version with labelgate seal")
	}
	return nil
}

func (c *collection) problem(path, code, message, hint string) error {
	return policyfile.Problems{{File: path, Code: code, Message: message, Hint: hint}}
}
