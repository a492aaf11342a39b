package cli

import (
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"labelgate/cipso"
	"labelgate/engine"
)

type encodeFlags struct {
	doi        uint32
	tag, level uint8
	categories string
	label      string
	policy     string
}

func newCIPSOEncode(s *settings) *cobra.Command {
	var f encodeFlags
	cmd := &cobra.Command{
		Use:   "encode --doi N [--tag 1|2|5] (--level L [--categories 1,5-7] | --label NAME [--policy DIR])",
		Short: "Print a CIPSO option in hexadecimal digits",
		Long: `encode prints the option that carries a level and categories, or a label. It is
printed without the zero bytes that pad it in a header.

A label is carried by its mapping in the policy's cipso.d, or else by its text
(Smack's direct encoding at level 250), if that has at most 23 bytes. Without
--tag the first of the tag types 1, 2 and 5 is taken that can carry it.`,
		Example: `  labelgate cipso encode --doi 3 --level 5 --categories 2,4,6-9
  labelgate cipso encode --doi 3 --tag 5 --label Secret --policy /etc/labelgate/policy`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := f.wanted(cmd)
			if err != nil {
				return err
			}
			return f.encode(cmd, s, l)
		},
	}
	flags := cmd.Flags()
	flags.Uint32Var(&f.doi, "doi", 0, "domain of interpretation, `1..4294967295`")
	flags.Uint8Var(&f.tag, "tag", 0, "tag `type`: 1 (bitmap), 2 (enumerated) or 5 (ranges)")
	flags.Uint8Var(&f.level, "level", 0, "sensitivity level, `0..255`")
	flags.StringVar(&f.categories, "categories", "", "`list` of categories and ranges, as in 1,5-7")
	flags.StringVar(&f.label, "label", "", "encode this `label` instead of a level and categories")
	flags.StringVar(&f.policy, "policy", "", "`directory` of the policy whose mappings count")
	return cmd
}

// wanted returns the level and categories that the flags ask for.
func (f *encodeFlags) wanted(cmd *cobra.Command) (*cipso.Label, error) {
	set := cmd.Flags().Changed
	switch {
	case f.doi == 0:
		return nil, usage("wants --doi with a number that is not 0, which is reserved")
	case set("tag") && f.tag != 1 && f.tag != 2 && f.tag != 5:
		return nil, usage("--tag is 1, 2 or 5, not %d", f.tag)
	case set("label") == set("level"):
		return nil, usage("wants either --level or --label")
	case set("label") && set("categories"):
		return nil, usage("--categories belongs to --level, not to --label")
	case set("policy") && !set("label"):
		return nil, usage("--policy belongs to --label")
	}
	if !set("label") {
		categories, err := cipso.ParseCategories(f.categories)
		if err != nil {
			return nil, usage("--categories: %w", err)
		}
		return &cipso.Label{Level: f.level, Categories: categories}, nil
	}
	if err := engine.CheckLabel(f.label); err != nil {
		return nil, usage("--label: %w", err)
	}
	book, err := openLabelBook(cmd, f.policy)
	if err != nil {
		return nil, err
	}
	l, ok := book.encode(f.label)
	if !ok {
		return nil, found("label %q has %d bytes: more than the %d that an option can spell, so it needs a mapping in cipso.d", f.label, len(f.label), cipso.MaxDirectLen)
	}
	return &l, nil
}

// encodedOption is what --json prints.
type encodedOption struct {
	Option     string `json:"option"`
	DOI        uint32 `json:"doi"`
	Tag        uint8  `json:"tag"`
	Level      uint8  `json:"level"`
	Categories string `json:"categories"`
}

func (f *encodeFlags) encode(cmd *cobra.Command, s *settings, l *cipso.Label) error {
	d := cipso.Definition{DOI: cipso.DOI(f.doi), Tags: []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges}}
	if f.tag != 0 {
		d.Tags = []cipso.TagType{cipso.TagType(f.tag)}
	}
	var buffer [cipso.MaxOptionLen]byte
	n, tag := d.Encode(&buffer, l)
	if n == 0 {
		which := "no tag type"
		if f.tag != 0 {
			which = fmt.Sprintf("tag type %d cannot carry, within the %d bytes of an option,", f.tag, cipso.MaxOptionLen)
		} else {
			which += fmt.Sprintf(" can carry, within the %d bytes of an option,", cipso.MaxOptionLen)
		}
		return found("%s level %d with categories %s", which, l.Level, l.Categories.String())
	}
	option := hex.EncodeToString(buffer[:n])
	if s.json {
		return printJSON(cmd.OutOrStdout(), encodedOption{option, f.doi, uint8(tag), l.Level, l.Categories.String()})
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), option)
	return err
}
