package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"labelgate/internal/config"
	"labelgate/internal/load"
	"labelgate/internal/manifest"
)

// sealFlags are the flags of seal.
type sealFlags struct {
	key, expires, generate string
	version                uint64
}

func newSeal(s *settings) *cobra.Command {
	var f sealFlags
	cmd := &cobra.Command{
		Use:   "seal FILE | DIRECTORY",
		Short: "List all files of a policy with their digests, and sign the list",
		Long: `Writes MANIFEST into the directory of the policy that a settings file names: each
file that labelgated reads, the settings included, with its size and SHA-256, and
a version that is one higher than the one before. From then on labelgated takes
the policy only as it is now: a file that is changed, cut off, missing or extra
refuses the whole. A directory stands for the labelgate.toml in it. What
'labelgate check' would not take is not sealed.

--key signs the list, into MANIFEST.sig beside it. The key is one of ssh-keygen
-t ed25519 or of --generate-key, which also says what to put into the settings.
With a public key only the list is written, and somebody who has the private one
signs it: ssh-keygen -Y sign -f KEY -n labelgate MANIFEST.

--expires takes days (90d), hours (12h), a date or a time as in
2027-01-31T12:00:00Z. From then on the policy is not taken any more.

Ends with 0 when the policy is sealed, 1 when something is wrong with it, and 2
when the command line or a file cannot be understood.`,
		Example: `  labelgate seal /etc/labelgate/labelgate.toml
  labelgate seal --generate-key ~/labelgate-key
  labelgate seal --key ~/labelgate-key --expires 90d /etc/labelgate`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.generate != "" && (len(args) > 0 || f.key != "" || f.expires != "" || f.version != 0):
				return usage("--generate-key goes alone")
			case f.generate != "":
				return generateKey(cmd, s, f.generate)
			case len(args) == 0:
				return usage("say which settings file: labelgate seal FILE")
			}
			return runSeal(cmd, s, &f, args[0])
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "sign with the key in `FILE`")
	cmd.Flags().StringVar(&f.expires, "expires", "", "do not take the policy after `WHEN`")
	cmd.Flags().Uint64Var(&f.version, "version", 0, "this version, not the next one")
	cmd.Flags().StringVar(&f.generate, "generate-key", "", "make a key, in `FILE` and FILE.pub, and do nothing else")
	return cmd
}

func runSeal(cmd *cobra.Command, s *settings, f *sealFlags, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "labelgate.toml")
	}
	now := time.Now().UTC().Truncate(time.Second)
	m := manifest.Manifest{Created: now, Version: f.version}
	var err error
	if m.Expires, err = parseExpiry(f.expires, now); err != nil {
		return err
	}
	key, err := readKey(f.key)
	if err != nil {
		return err
	}
	options := anybodys()
	options.Sealing = true
	g, err := options.Load(path, 1)
	if err != nil {
		return failed(err)
	}
	printProblems(cmd.ErrOrStderr(), g.Warnings)
	if err := key.fits(&g.Config.Manifest); err != nil {
		return err
	}
	if m.Version, err = nextVersion(g.Manifest, f.version); err != nil {
		return err
	}
	m.Key, m.Files = key.id(), g.Contents
	text, err := m.Append(nil)
	if err != nil {
		return found("%v", err)
	}
	if err := key.write(g.Manifest, text); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	written := manifest.Seal{Version: m.Version, Sum: sum[:], Created: m.Created, Expires: m.Expires, Signer: key.signer()}
	if err := sayWritten(cmd, s, g, key, asSeal(&written)); err != nil {
		return err
	}
	if key.kind == publicKey {
		return nil // until it is signed nobody takes it
	}
	if _, err := anybodys().Load(path, 1); err != nil {
		return failed(err)
	}
	return nil
}

func sayWritten(cmd *cobra.Command, s *settings, g *load.Gateway, key *sealKey, written *seal) error {
	if s.json {
		return printJSON(cmd.OutOrStdout(), struct {
			Manifest string   `json:"manifest"`
			Files    []string `json:"files"`
			*seal
		}{g.Manifest, g.Files, written})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n%s\n", g.Manifest, plural(len(g.Contents), "file", "files"), written)
	if key.kind == publicKey {
		fmt.Fprintf(cmd.ErrOrStderr(), "now sign it: ssh-keygen -Y sign -f KEY -n %s %s\n", manifest.Namespace, g.Manifest)
	}
	if g.Config.Manifest.Demand == config.Off {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s says manifest = %q: nobody looks at it\n", g.Config.Path, config.Off)
	}
	return nil
}

// failed ends with ExitDenied when files are at fault.
func failed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &exitError{code: ExitDenied, err: err}
}

// nextVersion returns the version that was asked for, or the next one.
func nextVersion(path string, asked uint64) (uint64, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return max(asked, 1), nil
	}
	if err != nil {
		return 0, err
	}
	before, err := manifest.Parse(data)
	switch {
	case err != nil && asked != 0:
		return asked, nil
	case err != nil:
		return 0, found("%s: %v; say which version is the next: --version N", path, err)
	case asked == 0:
		return before.Version + 1, nil
	case asked <= before.Version:
		return 0, found("version %d would not be above the one that is there, %d", asked, before.Version)
	}
	return asked, nil
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
