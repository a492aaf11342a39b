package differential

import (
	"bytes"
	"fmt"
	"testing"

	"labelgate/netlabel"
	"labelgate/test/naive"
)

// stricter are the differences between a strict gateway and Linux, all there may
// be. The names up to foreign-label are those that records use, of packets that
// Linux takes; the others are of packets that Linux refuses too.
var stricter = []struct{ name, why string }{
	{"alignment", "the alignment byte of the tag is not 0"},
	{"category-range", "category 65535, or a range whose low end is above its high end"},
	{"second-tag", "Linux reads the first tag and ignores all others"},
	{"noncanonical", "zero bytes behind a bitmap, ranges that touch, a last low end of 0 spelled out"},
	{"category-encoding", "ranges that share an end"},
	{"data-after-end", "not only zeroes behind the end of the options"},
	{"ip-option", "an option without business at a perimeter"},
	{"foreign-label", "a label of another scheme"},
	{unread, "Linux points into its CIPSO option; it is dropped for another option, with no pointer, and the label is not read"},
	{furtherLeft, "Linux points behind its CIPSO option, in which is a fault that only a strict reader sees"},
}

const (
	unread      = "unread"
	furtherLeft = "further-left"
)

// comparison counts what the kernel and the gateway make of probes.
type comparison struct {
	t      *testing.T
	k      *kernel
	d      *domain
	counts map[string]int
	wrong  int
	out    []byte
}

// most is how many differences a run prints.
const most = 20

func (c *comparison) differ(p *probe, format string, args ...any) {
	c.wrong++
	if c.wrong <= most {
		c.t.Errorf("%s domain %d, options %x: %s", c.d.name, c.d.doi, p.area(), fmt.Sprintf(format, args...))
	}
}

// compare puts option areas to the kernel and to the gateway.
func (c *comparison) compare(areas [][]byte) {
	probes := make([]*probe, len(areas))
	for i, area := range areas {
		probes[i] = c.k.newProbe(area)
	}
	c.k.ask(probes)
	var second []*probe
	for _, p := range probes {
		second = append(second, c.one(p)...)
	}
	for len(second) > 0 {
		n := min(len(second), window)
		c.leaving(second[:n])
		second = second[n:]
	}
}

// one compares what was made of one probe, and returns what the gateway lets
// through of it as probes of their own.
func (c *comparison) one(p *probe) []*probe {
	r := read(p, c.d)
	compat, strict := c.d.judge(netlabel.Compat, netlabel.Input, p.packet, c.out), c.d.judge(netlabel.Strict, netlabel.Input, p.packet, c.out)
	for _, v := range []netlabel.Verdict{compat, strict} {
		if (v.Action == netlabel.Drop) != (v.Reason != netlabel.ReasonNone) {
			c.differ(p, "%s for reason %q", v.Action, v.Reason)
		}
	}
	if p.answer == silent {
		c.k.settle(p)
	}
	switch p.answer {
	case taken:
		c.counts["taken"]++
	case refused:
		c.counts["refused"]++
	case takenUnanswered:
		c.counts["unanswered/taken"]++
	case refusedUnanswered:
		c.counts["unanswered/refused"]++
	case notRouted:
		c.counts["unanswered/source-route"]++
		if !r.routed {
			c.differ(p, "the kernel neither takes nor refuses it")
		}
	}
	c.linux(p, r, compat)
	c.strict(p, r, strict, compat)
	if p.answer != taken {
		return nil
	}
	return c.through(p)
}

// takes reports whether the kernel found nothing wrong with the options.
func (p *probe) takes() bool { return p.answer != refused && p.answer != refusedUnanswered }

// pointsAt reports whether the kernel's pointer is this one, or nobody saw it.
func (p *probe) pointsAt(pointer int) bool {
	return p.pointer == pointer || p.answer == refusedUnanswered
}

// linux holds the compat gateway, and the naive reading, against the kernel.
func (c *comparison) linux(p *probe, r *reading, v netlabel.Verdict) {
	name, pointer := refusal(v)
	if !p.takes() {
		c.counts["refused/"+name]++
		if name == "" || !p.pointsAt(pointer) {
			c.differ(p, "the kernel points at byte %d, compat mode at %d: %q", p.pointer, pointer, name)
		}
		// The contents of other options are left to the gateway's own reading.
		if name != "option-malformed" && (r.linux.Fault != name || !p.pointsAt(r.linux.At)) {
			c.differ(p, "the kernel points at byte %d, a naive reader at %d: %q", p.pointer, r.linux.At, r.linux.Fault)
		}
		return
	}
	if name != "" {
		c.differ(p, "the kernel takes it, compat mode refuses byte %d: %q", pointer, name)
	}
	if r.linux.Fault != "" {
		c.differ(p, "the kernel takes it, a naive reader refuses byte %d: %q", r.linux.At, r.linux.Fault)
	}
	if v.HadOption != (r.label != nil) || p.answer == taken && !bytes.Equal(p.label, r.label) {
		c.differ(p, "the kernel brings back the label %x, a naive reader sees %x, compat mode one: %v", p.label, r.label, v.HadOption)
	}
}

// strict holds the strict gateway against the kernel, whose pointer is that of
// compat mode where nobody saw it.
func (c *comparison) strict(p *probe, r *reading, v, compat netlabel.Verdict) {
	name, pointer := refusal(v)
	if p.takes() {
		if name != r.strict.Fault || pointer != r.strict.At {
			c.differ(p, "the kernel takes it, strict mode refuses byte %d: %q; of the differences that may be it is byte %d: %q", pointer, name, r.strict.At, r.strict.Fault)
		}
		if name != "" {
			c.stricter(p, name)
		}
		return
	}
	switch {
	case name != "" && name == r.refusedOption && pointer == 0:
		c.stricter(p, unread)
	case name != "" && name == r.option.Fault && pointer == r.option.At && pointer < int(compat.Pointer):
		c.stricter(p, furtherLeft)
	case name == "" || !p.pointsAt(pointer):
		c.differ(p, "the kernel points at byte %d, strict mode at %d: %q", p.pointer, pointer, name)
	}
}

// stricter counts a difference that may be.
func (c *comparison) stricter(p *probe, name string) {
	for _, d := range stricter {
		if d.name == name {
			c.counts["stricter/"+name]++
			return
		}
	}
	c.differ(p, "the kernel takes it, strict mode refuses it: %q is in no table", name)
}

// refusal returns what a verdict finds wrong with the header and its options, ""
// for nothing: what it thinks of the label does not belong to it.
func refusal(v netlabel.Verdict) (name string, pointer int) {
	switch v.Reason {
	case netlabel.ReasonMalformedHeader:
		return v.HeaderFault.String(), int(v.Pointer)
	case netlabel.ReasonMalformedOption, netlabel.ReasonUnknownDOI:
		return v.OptionFault.String(), int(v.Pointer)
	case netlabel.ReasonNone, netlabel.ReasonUnknownLabel, netlabel.ReasonMappedLabel, netlabel.ReasonReservedLabel, netlabel.ReasonStarSubject:
		return "", 0
	}
	return v.Reason.String(), int(v.Pointer)
}

// reading is what a naive reader makes of a probe. Offsets count from the first
// byte of the packet.
type reading struct {
	linux  naive.Finding // what Linux refuses but for the contents of other options
	option naive.Finding // what only a strict reader refuses in the CIPSO option
	strict naive.Finding // what a strict reader refuses of what Linux takes

	label         []byte // the CIPSO option
	routed        bool   // a source route stands before all that Linux refuses
	refusedOption string // the reason that another option is for a strict reader
}

func read(p *probe, d *domain) *reading {
	var h naive.Packet
	r := &reading{linux: h.Read(p.packet)}
	if o := h.Find(134); o != nil {
		r.label = p.packet[o.At : o.At+o.Len]
		if f := naive.Linux(r.label, d.doi, d.tags); f.Fault != "" {
			r.linux = naive.Finding{Fault: f.Fault, At: o.At + f.At}
		} else if f := naive.Strict(r.label); f.Fault != "" {
			r.option = naive.Finding{Fault: f.Fault, At: o.At + f.At}
		}
	}
	for _, o := range h.Options[:h.Count] {
		switch o.Type {
		case 134, 148:
		case 131, 137:
			r.routed = r.routed || r.linux.Fault == "" || o.At < r.linux.At
			fallthrough
		default:
			if r.refusedOption == "" {
				r.refusedOption = "ip-option"
			}
		case 130, 133:
			r.refusedOption = "foreign-label"
		}
	}
	switch {
	case h.Tail != 0 && r.option.Fault == "":
		r.strict = naive.Finding{Fault: "data-after-end", At: h.Tail}
	case h.Tail == 0 && r.refusedOption != "":
		r.strict.Fault = r.refusedOption
	default:
		r.strict = r.option
	}
	return r
}
