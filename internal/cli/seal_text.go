package cli

import (
	"time"

	"labelgate/internal/manifest"
)

// seal is what a manifest says of itself, as JSON and for people.
type seal struct {
	Version uint64    `json:"version"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Signer  string    `json:"signer,omitempty"`
}

func asSeal(s *manifest.Seal) *seal {
	if !s.Sealed() {
		return nil
	}
	return &seal{s.Version, s.Created, s.Expires, s.Signer}
}

// String is one line.
func (s *seal) String() string {
	text := "sealed: version " + utoa(s.Version) + " of " + s.Created.Format(time.RFC3339)
	if s.Expires.IsZero() {
		text += ", does not expire"
	} else {
		text += ", expires " + s.Expires.Format(time.RFC3339)
	}
	if s.Signer != "" {
		text += ", signed by " + s.Signer
	}
	return text
}
