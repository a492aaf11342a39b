package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"labelgate/engine"
	"labelgate/hostmap"
)

// header settles how a file is to be read, whatever the settings say.
const header = "# dialect: labelgate\n"

// AppendRules appends the rules of a policy as a file in our own dialect. Change
// and revoke lines come out as what they lead to. The error names a label that
// cannot be written, and then dst is unchanged.
func AppendRules(dst []byte, p *engine.Policy) ([]byte, error) {
	b := append(dst, header...)
	for r := range p.Rules() {
		subject := p.Name(r.Subject)
		if subject == revoke {
			return dst, fmt.Errorf("label %q cannot be written as a subject: the word has another meaning there", revoke)
		}
		var err error
		if b, err = appendLabel(b, subject, firstField); err != nil {
			return dst, err
		}
		if b, err = appendLabel(append(b, ' '), p.Name(r.Object), laterField); err != nil {
			return dst, err
		}
		b = append(append(append(b, ' '), r.Access.String()...), '\n')
	}
	return b, nil
}

// AppendMappings is AppendRules for mappings, in their order.
func AppendMappings(dst []byte, mappings []Mapping) ([]byte, error) {
	b := append(dst, header...)
	for i := range mappings {
		m := &mappings[i]
		var err error
		if b, err = appendLabel(b, m.Label, firstField); err != nil {
			return dst, err
		}
		b = strconv.AppendUint(append(b, ' '), uint64(m.Level), 10)
		if !m.Categories.Empty() {
			b = m.Categories.AppendText(append(b, '/'))
		}
		b = append(b, '\n')
	}
	return b, nil
}

// AppendHosts is AppendRules for entries of the host table, in their order.
func AppendHosts(dst []byte, entries []hostmap.Entry) ([]byte, error) {
	b := append(dst, header...)
	for i := range entries {
		var err error
		if b, err = appendHost(b, &entries[i]); err != nil {
			return dst, fmt.Errorf("entry %s: %w", entries[i].Prefix, err)
		}
	}
	return b, nil
}

func appendHost(b []byte, e *hostmap.Entry) (_ []byte, err error) {
	b = append(e.Prefix.AppendTo(b), ' ')
	if e.Kind == hostmap.CIPSO {
		b = append(b, "-CIPSO"...)
	} else if b, err = appendLabel(b, e.Label, laterField); err != nil {
		return nil, err
	}
	option := func(key, value string) {
		b = append(b, " "+key+"="+value...)
	}
	if e.Zone != "" {
		option("zone", e.Zone)
	}
	if e.DOI != 0 {
		option("doi", strconv.FormatUint(uint64(e.DOI), 10))
	}
	for _, l := range e.Only {
		if err = engine.CheckLabel(l); err != nil {
			return nil, err
		}
		option("only-label", l)
	}
	if e.OnLabel != hostmap.LabelDrop {
		option("on-label", onLabelWords()[e.OnLabel])
	}
	switch l := e.UnlabeledLabel; e.OnUnlabeled {
	case hostmap.UnlabeledAmbient:
		option("on-unlabeled", "ambient")
	case hostmap.UnlabeledAs:
		if err = engine.CheckLabel(l); err != nil {
			return nil, err
		}
		if slices.Contains(onUnlabeledWords(), l) {
			return nil, fmt.Errorf("label %q has another meaning as on-unlabeled=%s", l, l)
		}
		option("on-unlabeled", l)
	}
	if e.Replacement != "" {
		if err = engine.CheckLabel(e.Replacement); err != nil {
			return nil, err
		}
		option("web-as", e.Replacement)
	}
	if e.Via.IsValid() {
		option("via", e.Via.String())
	}
	return append(b, '\n'), nil
}

// position says where in a line a label stands.
type position uint8

const (
	firstField position = iota
	laterField
)

// appendLabel appends a label so that it is read as one. In the first column a #
// would begin a comment, so a space goes before it.
func appendLabel(b []byte, label string, at position) ([]byte, error) {
	if err := engine.CheckLabel(label); err != nil {
		return nil, err
	}
	if label == "#" {
		return nil, errors.New(`label "#" cannot be written: it would begin a comment`)
	}
	if at == firstField && label[0] == '#' {
		b = append(b, ' ')
	}
	return append(b, label...), nil
}

// Save writes a policy into a directory that must not exist yet: one file each in
// accesses.d, cipso.d and netlabel.d, in our own dialect. Nothing that was there
// before is changed.
func Save(dir string, rules *engine.Policy, mappings []Mapping, hosts []hostmap.Entry) error {
	accesses, err1 := AppendRules(nil, rules)
	cipso, err2 := AppendMappings(nil, mappings)
	netlabel, err3 := AppendHosts(nil, hosts)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"accesses.d", accesses}, {"cipso.d", cipso}, {"netlabel.d", netlabel}} {
		if bytes.Equal(f.data, []byte(header)) {
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, f.name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.name, "saved"), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
