package netlabel_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"labelgate/cipso"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// sender is the sending host as the steps of a group left it.
type sender struct {
	doi            cipso.DOI
	direct, mapped uint8
	final          []hostmap.Entry // netlabel at the end of the group
	previous       string          // packet of the row before
}

// TestKernelSend holds Process in compat mode against what a Smack kernel put on
// the packets of its processes. Rows that tell of a write are the state of those
// that follow: the kernel took them, and so does Compile.
func TestKernelSend(t *testing.T) {
	rows := recorded(t, "wire/cipso_wire.tsv")
	l := newLedger(t, "send")
	hosts := make(map[string]*sender)
	for _, r := range rows {
		group := r.get("group")
		if hosts[group] == nil {
			hosts[group] = newSender(t, group)
		}
		differs := hosts[group].row(t, r)
		l.judge(t, r.line, group, r.get("case"), r.get("label"), differs)
	}
	l.close(t, 1131)
}

func newSender(t *testing.T, group string) *sender {
	t.Helper()
	s := &sender{doi: 3, direct: cipso.DirectLevel, mapped: cipso.MappedLevel}
	p := newPolicy()
	for _, line := range recordedLines(t, "wire/state/wire_"+group+".netlabel") {
		if line != "" {
			p.apply(t, write{"netlabel", line})
		}
	}
	s.final = p.hosts
	return s
}

// row compares one row.
func (h *sender) row(t *testing.T, r row) []string {
	t.Helper()
	switch r.get("method") {
	case "doi":
		n, err := strconv.ParseUint(r.get("note"), 10, 32)
		if err != nil {
			t.Fatalf("line %d: doi %q", r.line, r.get("note"))
		}
		h.doi = cipso.DOI(n)
		return nil
	case "direct/mapped":
		for _, f := range strings.Fields(r.get("note")) {
			name, number, _ := strings.Cut(f, "=")
			n, err := strconv.ParseUint(number, 10, 8)
			if err != nil {
				t.Fatalf("line %d: %s", r.line, f)
			}
			if name == "direct" {
				h.direct = uint8(n)
			} else {
				h.mapped = uint8(n)
			}
		}
		return nil
	case "netlabel":
		// The table at the end has it.
		want := newPolicy()
		want.apply(t, write{"netlabel", r.get("dst_rule")})
		for _, e := range h.final {
			if e.Prefix == want.hosts[0].Prefix.Masked() && e.Label == want.hosts[0].Label {
				return nil
			}
		}
		return []string{"the entry vanished"}
	case "setlabel":
		return []string{"no packet: " + r.get("result")}
	}
	return h.packet(t, r)
}

// packet compares a packet, or that there was none.
func (h *sender) packet(t *testing.T, r row) []string {
	t.Helper()
	kind, _, _ := strings.Cut(r.get("packet"), " ")
	self := r.get("label")
	if r.get("group") == "loopback" && (kind == "tcp-SA" || kind == "tcp-A" && h.previous == "tcp-PA") {
		self = "_" // the far end: it is on this host too
	}
	h.previous = kind
	s := h.snapshot(t, r, self)
	b := h.build(t, r, kind)
	out := make([]byte, len(b)+netlabel.MaxGrowth)
	v := s.Process(netlabel.Output, 0, b, out)
	sends := kind != "-"
	switch {
	case sends && v.Action == netlabel.Drop:
		return []string{"refused: " + v.Reason.String()}
	case !sends && v.Action != netlabel.Drop:
		return []string{"sent, the kernel has " + r.get("result")}
	case !sends:
		if !v.Checked || r.get("result") != "EACCES" {
			return []string{"no packet: " + r.get("result") + " here " + v.Reason.String()}
		}
		return nil
	}
	if got := optionArea(leaving(&v, b, out)); got != r.get("ip_options_hex") {
		return []string{"options: " + v.Action.String()}
	}
	return nil
}

// build makes the packet as a kernel without labels would send it.
func (h *sender) build(t *testing.T, r row, kind string) []byte {
	t.Helper()
	p := sent{src: netip.MustParseAddr("10.9.0.1"), dst: netip.MustParseAddr(r.get("dst")).Unmap()}
	if p.dst.IsLoopback() {
		p.src = p.dst
	}
	method := r.get("method")
	switch {
	case strings.HasPrefix(method, "tcp"):
		p.proto, p.flags = tcp, 0x02
		if kind != "-" && kind != "tcp-S" {
			p.flags = 0x10
		}
		if kind == "tcp-SA" {
			p.flags = 0x12
		}
	case strings.HasPrefix(method, "udp"):
		p.proto = udp
	case method == "icmp-raw":
		p.proto = icmp
	default:
		t.Fatalf("line %d: method %q", r.line, method)
	}
	if _, at, ok := strings.Cut(kind, "-frag@"); ok {
		offset, err := strconv.ParseUint(strings.TrimSuffix(at, "+"), 10, 13)
		if err != nil {
			t.Fatalf("line %d: %q", r.line, kind)
		}
		p.fragment = uint16(offset / 8)
		if strings.HasSuffix(at, "+") {
			p.fragment |= 0x2000
		}
	}
	if strings.Contains(r.get("result"), "setsockopt:OK") {
		p.options = unhex(t, r.get("ip_options_hex")) // the process's own
	}
	return p.bytes()
}

// snapshot makes the sending host of a row, with the labels that it needs.
func (h *sender) snapshot(t *testing.T, r row, self string) *netlabel.Snapshot {
	t.Helper()
	p := newPolicy()
	p.doi = h.doi
	h.rules(t, p)
	for _, e := range h.final {
		if h.inForce(r.get("dst_rule"), e) {
			p.hosts = append(p.hosts, e)
		}
	}
	if ambient, ok := strings.CutPrefix(r.get("note"), "ambient label is "); ok {
		p.apply(t, write{"ambient", ambient})
	} else if _, ambient, ok := strings.Cut(r.get("case"), "ambient="); ok {
		p.apply(t, write{"ambient", ambient})
	}
	if self != r.get("label") {
		return p.compileAt(t, self, h.direct, h.mapped)
	}
	p.intern(t, self)
	wire := wireLabel(t, r.get("level"), r.get("cats"))
	if explicit(r, &wire) {
		p.mappings = append(p.mappings, netlabel.Mapping{Label: self, Level: wire.Level, Categories: wire.Categories})
	}
	return p.compileAt(t, self, h.direct, h.mapped)
}

// explicit says whether the row's label has a mapping of its own. Long labels
// are given one: the kernel's number of a label means something only there.
func explicit(r row, wire *cipso.Label) bool {
	label := r.get("label")
	switch group := r.get("group"); {
	case len(label) > cipso.MaxDirectLen:
		return true
	case r.get("case") == "before_map":
		return false // the row shows the mapping that it got later
	case group == "cat", group == "level", group == "multi", strings.HasPrefix(label, "Exp"):
		return true
	case strings.HasPrefix(r.get("case"), "floor_with_explicit_map"):
		return true
	}
	return false
}

// rules of the group dest were not recorded. Each label there is named for what
// it may do to the hosts.
func (h *sender) rules(t *testing.T, p *policy) {
	t.Helper()
	for subject, access := range map[string]string{"CanR": "r", "CanA": "a", "CanL": "l", "CanW": "w"} {
		for _, e := range h.final {
			if e.Label != "" {
				p.apply(t, write{"load2", subject + " " + e.Label + " " + access})
			}
		}
	}
}

// inForce says whether an entry was there yet: those for networks that hold
// others came last.
func (h *sender) inForce(rule string, e hostmap.Entry) bool {
	switch e.Prefix.Bits() {
	case 0:
		return strings.Contains(rule, "0.0.0.0/0")
	case 16:
		return strings.Contains(rule, "10.9.0.0/16")
	}
	return true
}
