package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"labelgate/internal/audit"
	audittrail "labelgate/internal/auditor/trail"
)

// verifyFlags are the flags of audit verify.
type verifyFlags struct {
	keys, seals []string
	sealingKey  string
	sinceSeal   bool
}

func newAuditVerify(s *settings) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Find out whether audit records were changed",
		Long: `verify reads the files of a trail, in any order, and says whether a record was
edited, taken out, moved or put in, whether a file is missing or was cut, and
whether the seals fit: FILE:LINE of the first place and what is wrong there.

By the chain alone it finds changes by somebody who did not make the chain anew.
--key finds those too, everywhere before the last seal. That the end was not cut
off, records and seals together, is known with --sealing-key, the gateway's own
file as it is now, or with --seals, copies of seals that were kept elsewhere
(seal-copy in the settings), one or more in a file among anything else.

Ends with 0 when all is as it was written, 1 when it is not, and 2 when a file
cannot be read. What could not be checked is said on standard error.`,
		Example: `  labelgate audit verify /var/log/labelgate/audit.log*
  labelgate audit verify --key seal.verify --sealing-key /var/lib/labelgate/seal.key /var/log/labelgate/audit.log*`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := f.options()
			if err != nil {
				return err
			}
			report, err := audittrail.Verify(args, options)
			var problem *audittrail.Problem
			if err != nil && !errors.As(err, &problem) {
				return err
			}
			return sayVerified(cmd, s, &report, problem)
		},
	}
	cmd.Flags().StringArrayVar(&f.keys, "key", nil, "`file` with verification keys, one a line; may stand more than once")
	cmd.Flags().StringVar(&f.sealingKey, "sealing-key", "", "the gateway's key `file`, which says how many seals there are")
	cmd.Flags().StringArrayVar(&f.seals, "seals", nil, "`file` with copies of seals; may stand more than once")
	cmd.Flags().BoolVar(&f.sinceSeal, "since-seal", false, "believe everything before the last seal")
	return cmd
}

func (f *verifyFlags) options() (o audittrail.Options, err error) {
	o.SinceSeal = f.sinceSeal
	for _, name := range f.keys {
		keys, err := readVerifyKeys(name)
		if err != nil {
			return o, err
		}
		o.Keys = append(o.Keys, keys...)
	}
	if f.sealingKey != "" {
		state, err := audittrail.ReadKeyState(f.sealingKey)
		if err != nil {
			return o, err
		}
		o.State = &state
	}
	for _, name := range f.seals {
		data, err := os.ReadFile(name)
		if err != nil {
			return o, err
		}
		seals := findSeals(data)
		if len(seals) == 0 {
			return o, fmt.Errorf("%s: there is no seal in it", name)
		}
		o.Seals = append(o.Seals, seals...)
	}
	return o, nil
}

func readVerifyKeys(name string) (keys []audittrail.VerifyKey, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, err := audittrail.ParseVerifyKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: there is no verification key in it", name)
	}
	return keys, nil
}

// findSeals finds the seals in a log, whatever stands before them in their lines.
func findSeals(log []byte) (seals []audit.Record) {
	for line := range bytes.Lines(log) {
		for _, start := range []string{"type=AVC msg=audit(", `{"seq":`} {
			i := bytes.Index(line, []byte(start))
			if i < 0 {
				continue
			}
			if r, _, err := audit.Parse(line[i:]); err == nil && r.Event == audit.EventSealed {
				seals = append(seals, r)
			}
		}
	}
	return seals
}

// verified is what verify prints as JSON.
type verified struct {
	Intact   bool       `json:"intact"`
	Files    int        `json:"files"`
	Records  uint64     `json:"records"`
	First    uint64     `json:"first"`
	Last     uint64     `json:"last"`
	Seals    uint64     `json:"seals"` // that a key fits
	Sealed   uint64     `json:"sealed"`
	SealedAt *time.Time `json:"sealed_at,omitempty"`
	Unsealed uint64     `json:"unsealed"`
	Notes    []string   `json:"notes,omitempty"`
	File     string     `json:"file,omitempty"`
	Line     int        `json:"line,omitempty"`
	Kind     string     `json:"kind,omitempty"`
	Problem  string     `json:"problem,omitempty"`
}

func sayVerified(cmd *cobra.Command, s *settings, r *audittrail.Report, p *audittrail.Problem) error {
	for _, note := range r.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
	}
	var err error
	switch {
	case s.json:
		v := verified{
			Intact: p == nil, Files: r.Files, Records: r.Lines, First: r.First, Last: r.Last,
			Seals: r.Seals, Sealed: r.Sealed, Unsealed: r.Unsealed, Notes: r.Notes,
		}
		if !r.SealedAt.IsZero() {
			v.SealedAt = &r.SealedAt
		}
		if p != nil {
			v.File, v.Line, v.Kind, v.Problem = p.File, p.Line, p.Kind, p.What
		}
		err = printJSON(cmd.OutOrStdout(), v)
	case p != nil:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), p)
	default:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), summary(r))
	}
	if err == nil && p != nil {
		return denied()
	}
	return err
}

// summary says in a line what is intact.
func summary(r *audittrail.Report) string {
	text := fmt.Sprintf("intact: records %d to %d in %s", r.First, r.Last, plural(r.Files, "file", "files"))
	switch {
	case r.Sealed == 0:
		return text + ", no seal"
	case r.Seals > 0:
		text += ", " + plural(int(r.Seals), "seal", "seals") + " checked"
	default:
		text += ", seals not checked"
	}
	text += fmt.Sprintf("; the last is record %d of %s", r.Sealed, r.SealedAt.UTC().Format(time.RFC3339))
	if r.Unsealed > 0 {
		text += fmt.Sprintf(", and %s behind it", plural(int(r.Unsealed), "record", "records"))
	}
	return text
}
