package manifest

import (
	"fmt"
	"slices"
	"time"
)

// Seal is what is kept of the manifest of a policy in force, to hold the next one
// against. It can be handed from one process to another as JSON. The zero Seal is
// that of no policy at all.
type Seal struct {
	Version uint64    `json:"version,omitempty"` // 0: there was no manifest
	Sum     []byte    `json:"sum,omitempty"`     // SHA-256 of its text
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`  // zero: never
	Signer  string    `json:"signer,omitempty"`  // ID of the key whose signature was checked, "" when none was
	Heirs   []string  `json:"heirs,omitempty"`   // IDs of the keys that may sign the next
	Ignored bool      `json:"ignored,omitempty"` // the settings say that nobody is to look at a manifest
}

// Sealed reports whether there is a manifest.
func (s *Seal) Sealed() bool { return s.Version != 0 }

// Follow returns why a policy with the seal next must not take the place of one
// with the seal s; nil when it may.
//
// Versions never go back, and no two have the same number. What was sealed is not
// followed by what is not, unless its settings say so in so many words; what was
// signed only by what is signed with a key that the settings before had named, so
// that whoever can exchange all files still cannot exchange the keys.
func (s *Seal) Follow(next *Seal) error {
	switch {
	case !s.Sealed():
		return nil
	case s.Signer != "" && next.Signer == "":
		return fmt.Errorf("version %d in force is signed, and this is not", s.Version)
	case s.Signer != "" && !slices.Contains(s.Heirs, next.Signer):
		return fmt.Errorf("signed by key %s, which the settings in force do not name", next.Signer)
	case next.Ignored:
		return nil
	case !next.Sealed():
		return fmt.Errorf("version %d in force has a manifest, and this has none", s.Version)
	}
	return s.order(next)
}

// order holds versions alone against each other.
func (s *Seal) order(next *Seal) error {
	switch {
	case next.Version < s.Version:
		return fmt.Errorf("version %d is older than version %d, which is in force or was", next.Version, s.Version)
	case next.Version == s.Version && !slices.Equal(next.Sum, s.Sum):
		return fmt.Errorf("there is another version %d, which is in force or was", next.Version)
	}
	return nil
}

// skew is how much two clocks may differ.
const skew = 24 * time.Hour

// Fresh returns why a policy with this seal must not be taken at a time; nil when
// it may. A policy that expires needs a clock that can be right: before it was
// made, nobody knows what time it is.
func (s *Seal) Fresh(now time.Time) error {
	switch {
	case s.Expires.IsZero():
		return nil
	case !now.Before(s.Expires):
		return fmt.Errorf("expired %s", s.Expires.Format(timeForm))
	case now.Add(skew).Before(s.Created):
		return fmt.Errorf("made %s, and this machine's clock says %s: whether it has expired nobody knows", s.Created.Format(timeForm), now.UTC().Format(timeForm))
	}
	return nil
}
