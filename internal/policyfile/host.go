package policyfile

import (
	"bytes"
	"net/netip"
	"slices"

	"labelgate/hostmap"
	"labelgate/internal/suggest"
)

// Hosts reads entries of the host table: "ADDRESS[/LENGTH] LABEL", where -CIPSO
// in place of the label is for hosts that carry labels themselves. In our own
// dialect options may follow:
//
//	zone=NAME                          the entry holds in that zone only
//	on-label=drop|strip|honour         single label: what becomes of a labeled packet
//	doi=NUMBER                         -CIPSO: the domain of interpretation they speak
//	only=LABEL[,LABEL...]              -CIPSO: the labels they may have
//	only-label=LABEL                   -CIPSO: one more, which may have a comma in it
//	on-unlabeled=drop|ambient|LABEL    -CIPSO: what becomes of an unlabeled packet
//	web-as=LABEL                       @: its label toward hosts that carry labels
//
// A second entry for one prefix and zone is an error.
func Hosts(file string, data []byte, d Dialect) ([]hostmap.Entry, Problems) {
	r := newReporter()
	h := hosts{reporter: r}
	h.read(file, data, d, bothFamilies)
	return h.list, r.sorted()
}

// family says which addresses a file may hold. Linux has a file for each; in our
// own dialect one may hold both.
type family uint8

const (
	bothFamilies family = iota
	ipv4Only
	ipv6Only
)

// hosts is the host table of a set.
type hosts struct {
	*reporter
	list []hostmap.Entry
	keys map[hostKey]int32
}

type hostKey struct {
	prefix netip.Prefix
	zone   string
}

func (h *hosts) read(file string, data []byte, d Dialect, only family) {
	f := h.open(file, data, d)
	if f == nil {
		return
	}
	n := min(bytes.Count(f.data, []byte("\n")), 1<<20)
	h.list = slices.Grow(h.list, n)
	if h.keys == nil {
		h.keys = make(map[hostKey]int32, n)
	}
	for f.scan() {
		if !f.comment(false) && !f.blank() {
			h.line(f, only)
		}
	}
}

// line reads one entry.
func (h *hosts) line(f *reader, only family) {
	at, _ := f.field(0)
	if f.text[at.start] == '#' {
		f.noComments(at.start)
		return
	}
	p, x := f.prefix(at)
	if x != nil {
		f.report(x)
		return
	}
	if six := p.Addr().Is6(); f.dialect != Labelgate && (six && only == ipv4Only || !six && only == ipv6Only) {
		f.fail(at.start+1, "family", "Linux has netlabel for IPv4 and ipv6host for IPv6", "the address is of the other family")
		return
	}
	e := hostmap.Entry{Prefix: p.Masked(), File: f.name, Line: f.line}
	label, ok := f.hostLabel(at, &e)
	if !ok {
		return
	}
	if f.dialect == Labelgate {
		if !f.options(label.end, &e) {
			return
		}
	} else if more, ok := f.field(label.end); ok {
		hint := "the kernel would ignore it"
		if f.text[more.start] == '#' {
			hint = "the " + f.dialect.String() + " dialect has no comments"
		}
		f.fail(more.start+1, "fields", hint, "text follows the label")
		return
	}
	if h.add(f, at, &e) {
		f.lintHost(at, label, p, &e)
	}
}

// hostLabel reads what stands behind the prefix.
func (f *reader) hostLabel(prefix field, e *hostmap.Entry) (field, bool) {
	at, ok := f.field(prefix.end)
	if !ok {
		f.fail(len(f.text)+1, "fields", "write PREFIX LABEL, or PREFIX -CIPSO", "the label is missing")
		return at, false
	}
	text := string(at.of(f.text))
	if text[0] == '-' {
		return at, f.hostKind(at, text, e)
	}
	e.Label, ok = f.label(at)
	return at, ok
}

func (f *reader) hostKind(at field, text string, e *hostmap.Entry) bool {
	hint := suggest.Hint(text, []string{"-CIPSO"})
	switch {
	case text == "-CIPSO" && e.Prefix.Addr().Is4():
		e.Kind = hostmap.CIPSO
		return true
	case text == "-CIPSO":
		f.fail(at.start+1, "option", "give the hosts a single label", "-CIPSO is for IPv4 only: CIPSO is an IPv4 option")
		return false
	case text == "-DELETE":
		hint = "take the line out: the table is built anew each time"
	case hint == "":
		hint = "the only one is -CIPSO; a label does not begin with -"
	}
	f.fail(at.start+1, "option", hint, "unknown option %s", quote(text))
	return false
}

// add takes an entry, unless there is one with its key.
func (h *hosts) add(f *reader, at field, e *hostmap.Entry) bool {
	key := hostKey{e.Prefix, e.Zone}
	if i, ok := h.keys[key]; ok {
		f.fail(at.start+1, "duplicate-host", "leave one of them out; Linux would take the last", "%s has an entry already, at %s", e.Prefix, h.list[i].Origin())
		return false
	}
	h.keys[key] = int32(len(h.list))
	h.list = append(h.list, *e)
	return true
}

// lintHost warns of a good entry that may do something else than was meant.
func (f *reader) lintHost(at, label field, p netip.Prefix, e *hostmap.Entry) {
	if p != e.Prefix {
		f.warn(at.start+1, "host-bits", "write "+e.Prefix.String(), "bits are set behind the prefix length %d; they are not looked at", p.Bits())
	}
	if p.Addr().Is6() && p.Bits()%16 != 0 {
		f.warn(at.start+1, "prefix-16", "use a length that is a multiple of 16 where both must agree", "a Linux host with Smack does not read a length of %d as a prefix of the address", p.Bits())
	}
	if e.Label == "@" && e.Zone == "" {
		hint := "bind it to the outside zone with zone=NAME"
		if f.dialect != Labelgate {
			hint = "the labelgate dialect can bind it to a zone with zone=NAME"
		}
		f.warn(label.start+1, "web-everywhere", hint, "what comes from these addresses may be written to anything, whichever zone it comes from")
	}
}
