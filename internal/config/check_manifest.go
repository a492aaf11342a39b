package config

import (
	"slices"

	"labelgate/internal/manifest"
)

// maxKeys is how many keys may sign: one, the next one while keys are exchanged,
// and those of a few people.
const maxKeys = 16

func (c *checker) manifest(f *rawFile) Manifest {
	m := Manifest{
		Demand: Demand(c.word(f.manifest, "manifest", demands[:])),
		State:  c.path(f.manifestState, "manifest-state", ""),
	}
	known := !f.manifest.faulty && (!f.manifest.set || slices.Contains(demands[:], f.manifest.value))
	switch keys := f.manifestKeys; {
	case !known:
	case m.Demand == Signed && keys.absent():
		c.problem(f.manifest.at, "missing", `labelgate seal --generate-key makes a key`, "manifest = %q needs the public keys that may sign, in manifest-keys", Signed)
	case m.Demand == Signed && keys.set && len(keys.value) == 0:
		c.problem(keys.at, "missing", "", "manifest-keys is empty: nobody could sign")
	case m.Demand != Signed && keys.set:
		c.problem(keys.at, "value", `write manifest = "signed"`, "manifest-keys are not looked at with manifest = %q", m.Demand)
	}
	if m.Demand == Off && f.manifestState.set {
		c.problem(f.manifestState.at, "value", "", "manifest-state has no use with manifest = %q", Off)
	}
	for i, t := range f.manifestKeys.value {
		if i == maxKeys {
			c.problem(t.at, "value", "", "%d keys are more than %d", len(f.manifestKeys.value), maxKeys)
			break
		}
		key, err := manifest.ParsePublicKey(t.value)
		switch {
		case err != nil:
			c.problem(t.at, "key", "", "manifest-keys: %v", err)
		case slices.ContainsFunc(m.Keys, func(k manifest.PublicKey) bool { return k.Key.Equal(key.Key) }):
			c.problem(t.at, "duplicate", "", "the key %s is named twice", key.ID())
		default:
			m.Keys = append(m.Keys, key)
		}
	}
	return m
}
