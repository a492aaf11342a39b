package policyfile

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"labelgate/hostmap"
	"labelgate/internal/suggest"
)

// HostOptions lists the options that an entry of a host file can have.
func HostOptions() []string { return optionKeys() }

// optionKeys are the options of an entry, in the order in which they are written.
func optionKeys() []string {
	return []string{"zone", "doi", "only", "only-label", "on-label", "on-unlabeled", "web-as", "via"}
}

// maxZone is the length of the longest name of a zone.
const maxZone = 32

// options reads what follows the label of an entry.
func (f *reader) options(i int, e *hostmap.Entry) bool {
	var seen uint // a bit for each key
	for at, ok := f.field(i); ok; at, ok = f.field(at.end) {
		text := string(at.of(f.text))
		key, value, ok := strings.Cut(text, "=")
		index := slices.Index(optionKeys(), key)
		o := option{reader: f, key: key, text: value, at: field{at.start + len(key) + 1, at.end}}
		switch {
		case !ok && text[0] == '#':
			f.fail(at.start+1, "option", "a comment begins with a # that stands alone", "unknown option %s", quote(text))
			return false
		case index < 0:
			hint := suggest.Hint(key, optionKeys())
			if hint == "" {
				hint = "an entry is a prefix, a label, and options such as zone=NAME; known: " + strings.Join(optionKeys(), " ")
			}
			f.fail(at.start+1, "option", hint, "unknown option %s", quote(key))
			return false
		case !ok || value == "":
			f.fail(at.end+1, "option", "write "+key+"=VALUE", "option %s has no value", key)
			return false
		case seen>>index&1 != 0 && key != "only-label":
			f.fail(at.start+1, "option", "leave one of them out", "option %s is given twice", key)
			return false
		case !o.fits(e):
			f.fail(at.start+1, "option", "", "option %s is for %s", key, o.bearer())
			return false
		}
		seen |= 1 << index
		if !o.apply(e) {
			return false
		}
	}
	return true
}

// option is one key=value of an entry.
type option struct {
	*reader
	key, text string
	at        field // of the value
}

// bearer says which entries may have the option.
func (o *option) bearer() string {
	switch o.key {
	case "doi", "only", "only-label", "on-unlabeled":
		return "-CIPSO entries"
	case "on-label", "via":
		return "entries with a single label"
	case "web-as":
		return "entries with the label @"
	}
	return "all entries"
}

func (o *option) fits(e *hostmap.Entry) bool {
	switch o.bearer() {
	case "-CIPSO entries":
		return e.Kind == hostmap.CIPSO
	case "entries with a single label":
		return e.Kind == hostmap.SingleLabel
	case "entries with the label @":
		return e.Label == "@"
	}
	return true
}

func (o *option) apply(e *hostmap.Entry) (ok bool) {
	switch o.key {
	case "zone":
		e.Zone = o.text
		return o.zone()
	case "doi":
		n, err := strconv.ParseUint(o.text, 10, 32)
		if err != nil || n == 0 {
			o.fail(o.at.start+1, "option", "", "%s is not a domain of interpretation: it is a number of 1 to 4294967295", quote(o.text))
			return false
		}
		e.DOI = uint32(n)
	case "only":
		return o.only(e)
	case "only-label":
		return o.onlyLabel(o.at, e)
	case "on-label":
		return o.word(onLabelWords(), func(i int) { e.OnLabel = hostmap.OnLabel(i) })
	case "on-unlabeled":
		return o.onUnlabeled(e)
	case "via":
		return o.via(e)
	case "web-as":
		e.Replacement, ok = o.label(o.at)
		if ok && (e.Replacement == "@" || e.Replacement == "*") {
			o.fail(o.at.start+1, "option", "choose a label with a meaning there", "label %s must not be put on a packet", e.Replacement)
			return false
		}
		return ok
	}
	return true
}

// via reads the next hop that speaks labels for the entry's hosts.
func (o *option) via(e *hostmap.Entry) bool {
	a, err := netip.ParseAddr(o.text)
	if err != nil || a.Zone() != "" || a.Is4() != e.Prefix.Addr().Is4() {
		o.fail(o.at.start+1, "option", "write the address of the gateway before the hosts, as in via=10.1.0.1", "%s cannot be the next hop to %s", quote(o.text), e.Prefix)
		return false
	}
	e.Via = a
	return true
}

func (o *option) zone() bool {
	for i, c := range []byte(o.text) {
		if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' && c != '.' || i == maxZone {
			o.fail(o.at.start+i+1, "option", "", "%s cannot be a zone: its name is 1..%d letters, digits or any of - _ .", quote(o.text), maxZone)
			return false
		}
	}
	return true
}

// only reads labels between commas. A label may have a comma in it; such a one
// needs only-label.
func (o *option) only(e *hostmap.Entry) bool {
	i := o.at.start
	for part := range strings.SplitSeq(o.text, ",") {
		if part == "" {
			o.fail(i+1, "option", "a label with a comma in it is written only-label=LABEL", "a label is missing in the list")
			return false
		}
		if !o.onlyLabel(field{i, i + len(part)}, e) {
			return false
		}
		i += len(part) + 1
	}
	return true
}

func (o *option) onlyLabel(at field, e *hostmap.Entry) bool {
	l, ok := o.label(at)
	if !ok {
		return false
	}
	if slices.Contains(e.Only, l) {
		o.fail(at.start+1, "option", "", "label %s is named twice", quote(l))
		return false
	}
	e.Only = append(e.Only, l)
	return true
}

// onLabelWords are by hostmap.OnLabel.
func onLabelWords() []string { return []string{"drop", "strip", "honour"} }

// onUnlabeledWords are by hostmap.OnUnlabeled; anything else is a label.
func onUnlabeledWords() []string { return []string{"drop", "ambient"} }

func (o *option) word(words []string, set func(int)) bool {
	if i := slices.Index(words, o.text); i >= 0 {
		set(i)
		return true
	}
	hint := suggest.Hint(o.text, words)
	if hint == "" {
		hint = "it is one of " + strings.Join(words, ", ")
	}
	o.fail(o.at.start+1, "option", hint, "option %s cannot be %s", o.key, quote(o.text))
	return false
}

func (o *option) onUnlabeled(e *hostmap.Entry) (ok bool) {
	if i := slices.Index(onUnlabeledWords(), o.text); i >= 0 {
		e.OnUnlabeled = hostmap.OnUnlabeled(i)
		return true
	}
	if hint := suggest.Hint(o.text, onUnlabeledWords()); hint != "" {
		o.warn(o.at.start+1, "label-like-word", hint, "%s is taken for a label", quote(o.text))
	}
	e.OnUnlabeled = hostmap.UnlabeledAs
	e.UnlabeledLabel, ok = o.label(o.at)
	return ok
}
