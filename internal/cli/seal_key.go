package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"labelgate/internal/config"
	"labelgate/internal/manifest"
)

// keyKind is what seal was given to sign with.
type keyKind uint8

const (
	noKey keyKind = iota
	publicKey
	privateKey
)

// sealKey is a key of one of these kinds.
type sealKey struct {
	kind    keyKind
	public  manifest.PublicKey
	private manifest.PrivateKey
}

// readKey reads the key file of that name, "" for none.
func readKey(name string) (*sealKey, error) {
	if name == "" {
		return &sealKey{}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(string(data), "-----BEGIN") {
		key, err := manifest.ParsePublicKey(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return &sealKey{kind: publicKey, public: key}, nil
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others can read this private key (chmod 600 %s)", name, name)
	}
	key, err := manifest.ParsePrivateKey(data)
	if errors.Is(err, manifest.ErrEncrypted) {
		return nil, fmt.Errorf("%s: %w; seal with --key %s.pub, and sign with ssh-keygen", name, err, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &sealKey{kind: privateKey, public: key.Public(), private: key}, nil
}

// id is what a manifest names it by.
func (k *sealKey) id() string {
	if k.kind == noKey {
		return ""
	}
	return k.public.ID()
}

// signer is the id of a key that signs at once.
func (k *sealKey) signer() string {
	if k.kind != privateKey {
		return ""
	}
	return k.public.ID()
}

// fits refuses a seal that the settings would not take.
func (k *sealKey) fits(m *config.Manifest) error {
	if m.Demand != config.Signed {
		return nil
	}
	if k.kind == noKey {
		return found("the settings demand a signature: say --key FILE")
	}
	if !slices.ContainsFunc(m.Keys, func(p manifest.PublicKey) bool { return p.Key.Equal(k.public.Key) }) {
		return found("the settings do not name this key; add it to manifest-keys: %q", k.public)
	}
	return nil
}

// write writes the manifest, and the signature or none in the place of the one
// before. Should only one of the two come to be, the policy is refused.
func (k *sealKey) write(path string, text []byte) error {
	signature := filepath.Join(filepath.Dir(path), manifest.SignatureName)
	if k.kind == privateKey {
		if err := replaceFile(signature, manifest.Sign(k.private, text)); err != nil {
			return err
		}
	} else if err := os.Remove(signature); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replaceFile(path, text)
}

// replaceFile puts a whole file in the place of another.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// madeKey is what --generate-key prints as JSON.
type madeKey struct {
	File   string `json:"file"`
	ID     string `json:"id"`
	Public string `json:"public"`
}

func generateKey(cmd *cobra.Command, s *settings, name string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	var check [4]byte
	if _, err := rand.Read(check[:]); err != nil {
		return err
	}
	key := manifest.PrivateKey{Key: private, Comment: filepath.Base(name)}
	if err := newFile(name, key.Marshal(binary.BigEndian.Uint32(check[:])), 0o600); err != nil {
		return err
	}
	if err := newFile(name+".pub", []byte(key.Public().String()+"\n"), 0o644); err != nil {
		return err
	}
	made := madeKey{name, key.Public().ID(), key.Public().String()}
	if s.json {
		return printJSON(cmd.OutOrStdout(), made)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: key %s; put this into the settings:\n\nmanifest      = %q\nmanifest-keys = [%q]\n", name, made.ID, config.Signed, made.Public)
	return err
}

// newFile writes a file that must not be there.
func newFile(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
