// Package explain turns a verdict into the numbered steps by which it was
// reached, each with the line of the policy that it rests on. It decides
// nothing: it only words what netlabel.Snapshot.Process found.
package explain

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// Step is one line of an explanation.
type Step struct {
	Number int    `json:"step,omitempty"` // 0 for remarks below the numbered steps
	Name   string `json:"name"`
	Text   string `json:"text"`
	At     string `json:"at,omitempty"` // file:line, where the step rests on one
}

// Explanation is a packet's whole way through a snapshot.
type Explanation struct {
	Allowed bool   `json:"allowed"`
	Action  string `json:"action"` // as netlabel.Action
	Reason  string `json:"reason,omitempty"`
	Steps   []Step `json:"steps"`

	// Leaves is the IP header of what leaves in hex, empty when nothing does;
	// Option is the CIPSO option in it, unpadded.
	Leaves string `json:"leaves,omitempty"`
	Option string `json:"option,omitempty"`
}

// Case is what Process was given and what it answered.
type Case struct {
	Direction netlabel.Direction
	Packet    []byte
	Out       []byte // as Process filled it
	Verdict   netlabel.Verdict
}

// Explain words a verdict of s.
func Explain(s *netlabel.Snapshot, c Case) Explanation {
	e := explainer{s: s, c: &c, v: &c.Verdict}
	e.view.Parse(c.Packet, ipv4.Compat) // what cannot be parsed stays zero
	e.out.Allowed = c.Verdict.Action != netlabel.Drop
	e.out.Action = c.Verdict.Action.String()
	e.out.Reason = c.Verdict.Reason.String()
	e.source()
	e.label()
	e.target()
	e.rule()
	e.verdict()
	return e.out
}

type explainer struct {
	s    *netlabel.Snapshot
	c    *Case
	v    *netlabel.Verdict
	view ipv4.View
	out  Explanation

	doi    cipso.DOI // of the packet's option; valid, as is direct, after option
	direct string    // what that spells, if anything
}

func (e *explainer) step(name, at, format string, args ...any) {
	e.out.Steps = append(e.out.Steps, Step{Number: len(e.out.Steps) + 1, Name: name, Text: fmt.Sprintf(format, args...), At: at})
}

func (e *explainer) remark(name, at, format string, args ...any) {
	e.out.Steps = append(e.out.Steps, Step{Name: name, Text: fmt.Sprintf(format, args...), At: at})
}

func (e *explainer) source() {
	if e.c.Direction == netlabel.Output {
		e.step("source", "", "%s  this machine", e.view.Src)
		return
	}
	zone := e.s.ZoneName(e.v.InZone)
	if zone == "" {
		e.step("source", "", "%s  came in by an interface of no zone", e.view.Src)
		return
	}
	where := fmt.Sprintf("%s  from zone %s, which %s labels", e.view.Src, zone, verb(e.s.ZoneTrust(e.v.InZone)))
	entry := e.s.Entry(e.v.SourceEntry)
	if e.v.Exempt || e.v.Reason != netlabel.ReasonNone && e.v.Reason < netlabel.ReasonLabelFromUnlabeledZone {
		e.step("source", origin(e.s.ZoneOrigin(e.v.InZone)), "%s", where) // decided before its entry was asked for
		return
	}
	if entry == nil {
		e.step("source", origin(e.s.ZoneOrigin(e.v.InZone)), "%s; no entry in the host table", where)
		return
	}
	e.step("source", at(entry), "%s; in %s, %s", where, entry.Prefix, e.kind(entry, e.v.InZone))
}

func verb(t netlabel.Trust) string {
	return map[netlabel.Trust]string{netlabel.Refuse: "refuses", netlabel.Accept: "accepts", netlabel.Require: "requires"}[t]
}

func (e *explainer) kind(entry *hostmap.Entry, zone netlabel.Zone) string {
	if entry.Kind == hostmap.CIPSO {
		doi := cipso.DOI(entry.DOI)
		if doi == 0 {
			doi = e.s.ZoneDOI(zone)
		}
		return fmt.Sprintf("speaks CIPSO, DOI %d", doi)
	}
	if entry.Via.IsValid() {
		return fmt.Sprintf("single label %q, behind %s, which speaks labels", entry.Label, entry.Via)
	}
	return fmt.Sprintf("single label %q", entry.Label)
}

func (e *explainer) label() {
	subject := e.s.LabelName(e.v.Subject)
	switch e.v.SubjectFrom {
	case netlabel.FromFlow:
		e.step("label", "", "%s, the datagram that it reports was  →  %q", e.option(), subject)
	case netlabel.FromSelf:
		if subject == "" {
			e.step("label", "", "this machine has none")
			return
		}
		e.step("label", "", "this machine's own label  →  %q", subject)
	case netlabel.FromPacket:
		option := e.option()
		mapping, _ := e.s.Mapping(e.doi, e.v.Subject)
		if subject == "" {
			subject = "no label of the policy"
		} else {
			subject = fmt.Sprintf("%q", subject)
		}
		e.step("label", origin(mapping.Origin), "%s  →  %s", option, subject)
	case netlabel.FromEntry:
		e.step("label", e.entryAt(e.v.SourceEntry), "%s, the host's entry says  →  %q", e.option(), subject)
	case netlabel.FromZone:
		e.step("label", origin(e.s.ZoneOrigin(e.v.InZone)), "no option, the zone's hosts are  →  %q", subject)
	case netlabel.FromAmbient:
		if e.s.Entry(e.v.SourceEntry) != nil {
			e.step("label", e.entryAt(e.v.SourceEntry), "no option, the host's entry says ambient  →  %q", subject)
			return
		}
		e.step("label", "", "no option and no entry: ambient  →  %q", subject)
	default:
		if e.v.Exempt {
			e.step("label", "", "none: what a link's hosts and routers tell each other is nobody's")
			return
		}
		e.step("label", "", "%s", e.option())
	}
}

// option words the packet's option as any tool would read it.
func (e *explainer) option() string {
	if e.view.CIPSO == 0 {
		return "no option"
	}
	raw := e.c.Packet[e.view.CIPSO:e.view.HeaderLen]
	decoder := cipso.Decoder{Compat: true}
	var o cipso.Option
	if _, fault := decoder.Decode(raw, &o); fault.Code != cipso.NoFault {
		return "option " + pointed(e.c.Packet[e.view.CIPSO:e.view.CIPSO+e.view.CIPSOLen], int(e.v.Pointer)-e.view.CIPSO)
	}
	e.doi = o.DOI
	text := fmt.Sprintf("DOI %d, level %d", o.DOI, o.Label.Level)
	if e.direct = netlabel.Spelled(&o, e.s.Direct()); e.direct != "" {
		return text + fmt.Sprintf(", spells %q", e.direct)
	}
	if !o.Label.Categories.Empty() {
		text += ", categories " + o.Label.Categories.String()
	}
	return text
}

func (e *explainer) target() {
	dst := e.view.Dst
	if e.c.Direction == netlabel.Input {
		if label := e.s.LabelName(e.s.Self()); label != "" {
			e.step("target", "", "%s  this machine, label %q", dst, label)
		} else {
			e.step("target", "", "%s  this machine, which has no label of its own", dst)
		}
		return
	}
	if e.v.OutZone == 0 {
		switch {
		case e.v.Reason == netlabel.ReasonNoDestinationZone:
			e.step("target", "", "%s  lives in no zone", dst)
		case e.v.Reason == netlabel.ReasonGroupDestination:
			e.step("target", "", "%s  stands for many hosts", dst)
		case e.v.Exempt:
			e.step("target", "", "%s  stands for hosts of this link, and no router carries it on", dst)
		}
		return
	}
	where := fmt.Sprintf("%s  in zone %s, which %s labels", dst, e.s.ZoneName(e.v.OutZone), verb(e.s.ZoneTrust(e.v.OutZone)))
	zoneAt := origin(e.s.ZoneOrigin(e.v.OutZone))
	entry := e.s.Entry(e.v.DestEntry)
	switch {
	case entry != nil:
		e.step("target", at(entry), "%s; is %s, %s", where, entry.Prefix, e.kind(entry, e.v.OutZone))
	case e.v.ObjectFrom == netlabel.FromZone:
		e.step("target", zoneAt, "%s; the zone's hosts are %q", where, e.s.LabelName(e.v.Object))
	case e.v.ObjectFrom == netlabel.FromAmbient:
		e.step("target", zoneAt, "%s; no entry: ambient, %q", where, e.s.LabelName(e.v.Object))
	case e.v.ObjectFrom == netlabel.FromWire:
		e.step("target", zoneAt, "%s; no entry: a labeled host, DOI %d", where, e.s.ZoneDOI(e.v.OutZone))
	default:
		e.step("target", zoneAt, "%s", where) // dropped before its entry was asked for
	}
}

func (e *explainer) entryAt(i int32) string {
	if entry := e.s.Entry(i); entry != nil {
		return at(entry)
	}
	return ""
}

func at(entry *hostmap.Entry) string {
	return origin(engine.Origin{File: entry.File, Line: entry.Line})
}

func origin(o engine.Origin) string {
	if o.File == "" {
		return ""
	}
	return o.String()
}

func (e *explainer) rule() {
	subject, object := e.s.LabelName(e.v.Subject), e.s.LabelName(e.v.Object)
	if !e.v.Checked {
		if e.v.ObjectFrom == netlabel.FromWire && e.v.Action != netlabel.Drop {
			e.step("rule", "", "none asked: the far host enforces, and is told the label")
		}
		return
	}
	p := e.s.Policy()
	d := e.v.Decision
	where := ""
	granted := ""
	if d.Rule != engine.NoRule {
		r := p.Rule(d.Rule)
		where, granted = r.Origin.String(), fmt.Sprintf(" (grants %s)", r.Access)
	} else if d.Step == engine.StepNoRule {
		granted = fmt.Sprintf(" among %d", p.RuleCount())
	}
	if e.v.Reason == netlabel.ReasonLayer {
		granted += fmt.Sprintf(" in the restriction of zone %s", e.s.ZoneName(e.v.Layer))
	}
	e.step("rule", where, "%s → %s, wants w: %s%s", subject, object, d.Step, granted)
}

func (e *explainer) verdict() {
	v := e.v
	if v.Action == netlabel.Drop {
		e.step("verdict", "", "DENY  %s: %s%s", v.Reason, v.Reason.Explain(), e.fault())
		e.hints()
		e.live()
		return
	}
	leaving := e.c.Packet
	if v.Length != 0 {
		leaving = e.c.Out[:v.Length]
	}
	var out ipv4.View
	sound := out.Parse(leaving, ipv4.Compat).Code == ipv4.NoFault
	text := map[netlabel.Action]string{
		netlabel.Pass:    "leaves as it came",
		netlabel.Add:     fmt.Sprintf("its option for %q is put on", e.s.LabelName(v.Emitted)),
		netlabel.Strip:   "its option is taken out",
		netlabel.Replace: fmt.Sprintf("its option is exchanged for %q in DOI %d", e.s.LabelName(v.Emitted), domain(&out)),
		netlabel.Blank:   "its option is overwritten in place",
	}[v.Action]
	if v.Clamped {
		text += ", its TCP segment size is lowered"
	}
	text += e.requoted(&out)
	if v.Held {
		text += "; it is judged again where its destination is known"
	}
	e.step("verdict", "", "ALLOW  %s", text)
	if !sound {
		return
	}
	e.out.Leaves = hex.EncodeToString(leaving[:out.HeaderLen])
	if out.CIPSO != 0 {
		e.out.Option = hex.EncodeToString(leaving[out.CIPSO : out.CIPSO+out.CIPSOLen])
	}
	e.remark("leaves", "", "%s", words(leaving[:out.HeaderLen]))
	e.live()
}

// domain returns the domain of a packet's option, 0 for none.
func domain(v *ipv4.View) cipso.DOI {
	if v.CIPSO == 0 {
		return 0
	}
	return cipso.DOI(binary.BigEndian.Uint32(v.Packet[v.CIPSO+2:]))
}

// words groups a header into its 32-bit words.
func words(header []byte) string {
	var b strings.Builder
	for i := 0; i < len(header); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString(header[i:min(i+4, len(header))]))
	}
	return b.String()
}

// pointed writes bytes in hex, the one at fault in brackets.
func pointed(b []byte, at int) string {
	if at < 0 || at >= len(b) {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%x[%02x]%x", b[:at], b[at], b[at+1:])
}

func (e *explainer) fault() string {
	switch {
	case e.v.OptionFault != cipso.NoFault:
		return fmt.Sprintf(" (%s, byte %d of the header)", e.v.OptionFault, e.v.Pointer)
	case e.v.HeaderFault != ipv4.NoFault:
		return fmt.Sprintf(" (%s, byte %d of the header)", e.v.HeaderFault, e.v.Pointer)
	}
	return ""
}
