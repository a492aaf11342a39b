package cli

import (
	"os"

	"github.com/spf13/cobra"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// labelBook translates between labels and what stands for them on the wire, by
// the mappings of a policy and Smack's direct encoding at its usual level.
type labelBook struct {
	explicit []policyfile.Mapping
	known    func(label string) bool // the policy names the label
}

// openLabelBook reads the policy in dir. Without one the book holds only the
// labels that are always known.
func openLabelBook(cmd *cobra.Command, dir string) (*labelBook, error) {
	if dir == "" {
		p := engine.NewBuilder().Build()
		return &labelBook{known: func(label string) bool { _, ok := p.Lookup(label); return ok }}, nil
	}
	// A directory that is not there would pass for an empty policy.
	if _, err := os.ReadDir(dir); err != nil {
		return nil, err
	}
	set, err := policyfile.Load(dir, policyfile.Labelgate)
	if err != nil {
		return nil, err
	}
	printProblems(cmd.ErrOrStderr(), set.Warnings)
	hosts := make(map[string]bool)
	for _, h := range set.Hosts {
		for _, label := range append([]string{h.Label, h.UnlabeledLabel, h.Replacement}, h.Only...) {
			hosts[label] = true
		}
	}
	p := set.Rules.Build()
	return &labelBook{
		explicit: set.Mappings,
		known:    func(label string) bool { _, ok := p.Lookup(label); return ok || hosts[label] },
	}, nil
}

// encode returns what stands for a label: its mapping, or else its text. It
// reports false for a label that is too long for that. The last of several
// mappings wins.
func (b *labelBook) encode(label string) (cipso.Label, bool) {
	if m := b.mapping(label); m != nil {
		return cipso.Label{Level: m.Level, Categories: m.Categories}, true
	}
	l := cipso.Label{Level: cipso.DirectLevel}
	ok := cipso.DirectCategories(label, &l.Categories)
	return l, ok
}

func (b *labelBook) mapping(label string) *policyfile.Mapping {
	for i := len(b.explicit) - 1; i >= 0; i-- {
		if b.explicit[i].Label == label {
			return &b.explicit[i]
		}
	}
	return nil
}

// decode returns the label that o stands for, "" when the policy has none, and
// the text that o spells in the direct encoding, "" when it spells none.
func (b *labelBook) decode(o *cipso.Option) (label, direct string) {
	l := &o.Label
	direct = netlabel.Spelled(o, cipso.DirectLevel)
	for i := len(b.explicit) - 1; i >= 0; i-- {
		m := &b.explicit[i]
		if m.Level == l.Level && m.Categories.Equal(&l.Categories) && b.mapping(m.Label) == m {
			return m.Label, direct
		}
	}
	// A label with a mapping of its own is never sent as its text.
	if direct != "" && b.known(direct) && b.mapping(direct) == nil {
		return direct, direct
	}
	return "", direct
}
