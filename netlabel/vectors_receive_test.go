package netlabel_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/netlabel"
)

// fate is what became of a packet: what a kernel did, or a Verdict.
type fate struct {
	delivered bool
	reason    string // ours, when it was not
	action    string // ours, when it was
	label     string // which the receiver saw
	icmp      string // type/code/pointer of an error that comes back; TCP: type/code
	options   string // that leave, hex; of what is forwarded
	answer    string // options of the answer to a TCP SYN, or "none"
}

// differs says what is otherwise here than in the kernel.
func (kernel fate) differs(here fate) []string {
	var all []string
	add := func(name, kernel, here string) {
		if kernel != here {
			all = append(all, fmt.Sprintf("%s %s here %s", name, kernel, here))
		}
	}
	switch {
	case kernel.delivered && !here.delivered:
		all = append(all, "refused: "+here.reason)
	case !kernel.delivered && here.delivered:
		all = append(all, "delivered as "+here.label)
	}
	if kernel.delivered && here.delivered {
		add("label", kernel.label, here.label)
		if kernel.options != here.options {
			all = append(all, "options: "+here.action)
		}
	}
	if !kernel.delivered {
		add("icmp", orNone(kernel.icmp), orNone(here.icmp))
	}
	if kernel.answer != "" {
		add("answer", kernel.answer, here.answer)
	}
	return all
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// TestKernelReceive holds Process in compat mode against what a Smack kernel did
// with the packets that it was given.
func TestKernelReceive(t *testing.T) {
	rows := recorded(t, "receive/rx_vectors.tsv")
	l := newLedger(t, "receive")
	hosts := make(map[string]*receivers)
	for _, r := range rows {
		group, who := r.get("group"), r.get("receiver")
		if r.get("proto") == "forward" {
			who = "forward"
		}
		if hosts[group] == nil {
			hosts[group] = newReceivers(t, group)
		}
		s := hosts[group].snapshot(t, r.get("case"), who)
		kernel := recordedFate(t, r)
		here := judge(t, s, r, kernel.answer)
		l.judge(t, r.line, group, r.get("case"), who, kernel.differs(here))
	}
	l.close(t, 1748)
}

var (
	anIPv4Error = regexp.MustCompile(`^type(12/code0/ptr\d+|3/code10)( |$)`)
	answerToSYN = regexp.MustCompile(`^SYN -> (nothing|icmp-type(\d+)-code(\d+)|tcp-flags-12 opts=([0-9a-f]*))`)
)

// recordedFate reads what the kernel did. Answers that are no refusal, such as
// those to an echo request, only tell that the packet was taken.
func recordedFate(t *testing.T, r row) fate {
	t.Helper()
	k := fate{delivered: r.get("delivered") == "1", label: r.get("label_seen")}
	back := r.get("icmp_back")
	switch {
	case r.get("group") == "echo":
		k.delivered = !anIPv4Error.MatchString(back)
	case r.get("proto") == "tcp":
		m := answerToSYN.FindStringSubmatch(r.get("note"))
		if m == nil {
			t.Fatalf("line %d: note %q", r.line, r.get("note"))
		}
		if m[2] != "" {
			k.icmp = m[2] + "/" + m[3]
		}
		// The label of a socket with an IPIN of its own is not recorded.
		if strings.HasPrefix(m[1], "tcp") && !strings.HasPrefix(r.get("receiver"), "IPIN") {
			k.answer = orNone(m[4])
		}
		return k
	case r.get("proto") == "forward":
		k.label, k.options = "", strings.TrimPrefix(k.label, "opts out: ")
	}
	if m := anIPv4Error.FindStringSubmatch(back); m != nil {
		k.icmp = strings.NewReplacer("code", "", "ptr", "").Replace(m[1])
	} else if back != "" && k.delivered != (r.get("group") == "echo") {
		t.Fatalf("line %d: icmp_back %q", r.line, back)
	}
	return k
}

var (
	receiver = netip.MustParseAddr("10.9.0.1")
	beyond   = netip.MustParseAddr("10.10.0.2")
)

// judge feeds the row's packets to Process.
func judge(t *testing.T, s *netlabel.Snapshot, r row, answer string) fate {
	t.Helper()
	first, second, fragments := strings.Cut(r.get("ip_options_hex"), "+")
	p := sent{src: netip.MustParseAddr(r.get("src")), dst: receiver, options: unhex(t, first), proto: udp}
	direction := netlabel.Input
	switch r.get("proto") {
	case "forward":
		direction, p.dst = netlabel.Forward, beyond
	case "icmp":
		p.proto = icmp
	case "tcp":
		p.proto, p.flags = tcp, 0x02
	}
	if fragments {
		p.fragment = 0x2000
	}
	here := one(s, direction, p)
	switch {
	case fragments:
		// Each is judged; an answer is only due to the first.
		p.options, p.fragment = unhex(t, second), 8
		if h := one(s, direction, p); here.delivered && !h.delivered {
			here.delivered, here.reason = false, "2nd "+h.reason
		}
	case p.proto == tcp && r.get("group") == "tcp":
		here.icmp, _ = cutPointer(here.icmp)
		if answer != "" {
			here.answer = answers(s, p)
		}
		// The rest of the connection.
		p.flags = 0x10
		if strings.HasSuffix(r.get("case"), "without options)") {
			p.options = nil
		}
		if h := one(s, direction, p); !h.delivered {
			here.delivered, here.reason = false, h.reason
		}
	}
	if r.get("group") == "echo" {
		here.label = ""
	}
	return here
}

func cutPointer(icmp string) (string, bool) {
	if strings.Count(icmp, "/") < 2 {
		return icmp, false
	}
	return icmp[:strings.LastIndexByte(icmp, '/')], true
}

// one judges one packet.
func one(s *netlabel.Snapshot, d netlabel.Direction, p sent) fate {
	b := p.bytes()
	out := make([]byte, len(b)+netlabel.MaxGrowth)
	v := s.Process(d, near, b, out)
	h := fate{delivered: v.Action != netlabel.Drop, reason: v.Reason.String()}
	if typ, code, pointer, ok := v.ICMP(d); ok {
		h.icmp = fmt.Sprintf("%d/%d", typ, code)
		if typ == 12 {
			h.icmp = fmt.Sprintf("%s/%d", h.icmp, pointer)
		}
	}
	switch {
	case !h.delivered:
	case d == netlabel.Input:
		h.label = s.LabelName(v.Subject)
	default:
		h.action, h.options = v.Action.String(), optionArea(leaving(&v, b, out))
	}
	return h
}

// answers returns the options of the answer to a packet.
func answers(s *netlabel.Snapshot, to sent) string {
	p := sent{src: to.dst, dst: to.src, proto: tcp, flags: 0x12}
	b := p.bytes()
	out := make([]byte, len(b)+netlabel.MaxGrowth)
	v := s.Process(netlabel.Output, 0, b, out)
	if v.Action == netlabel.Drop {
		return "refused: " + v.Reason.String()
	}
	return orNone(optionArea(leaving(&v, b, out)))
}

// receivers makes the hosts of one group.
type receivers struct {
	group  string
	writes []write
	known  []readBack // at the end
	made   map[string]*netlabel.Snapshot
}

func newReceivers(t *testing.T, group string) *receivers {
	t.Helper()
	return &receivers{
		group: group, writes: setup(t, group), known: readBacks(t, "receive/state/rx_"+group+".cipso2"),
		made: make(map[string]*netlabel.Snapshot),
	}
}

// during returns the writes that were in force in a case: those up to the one
// that its name tells of.
func (h *receivers) during(t *testing.T, test string) []write {
	t.Helper()
	var last write
	switch word, rest, _ := strings.Cut(test, " "); {
	case h.group == "cache" && !strings.HasPrefix(test, "later-known step2") && !strings.HasPrefix(test, "later-known step3"):
		// Later was not known before the second step.
		return h.writes[:slices.Index(h.writes, write{"load2", "Later Rcv w\n"})]
	case h.group == "doi" && strings.HasPrefix(word, "doi="):
		last = write{"doi", strings.TrimPrefix(word, "doi=")}
	case h.group == "netlabel" && word == "netlabel":
		f := strings.Fields(rest)
		last = write{"netlabel", f[0] + " " + f[1]}
	case strings.HasPrefix(word, "ambient="):
		last = write{"ambient", strings.TrimPrefix(word, "ambient=")}
	case strings.HasPrefix(test, "default @, 10.9/16 -CIPSO"):
		last = write{"netlabel", "10.9.0.0/16 -CIPSO"}
	case word == "default":
		last = write{"netlabel", "0.0.0.0/0 @"}
	default:
		return h.writes
	}
	i := slices.Index(h.writes, last)
	if i < 0 {
		t.Fatalf("%s: no write of %v", test, last)
	}
	return h.writes[:i+1]
}

// snapshot returns a host whose label is that of the receiver in a case.
func (h *receivers) snapshot(t *testing.T, test, who string) *netlabel.Snapshot {
	t.Helper()
	writes := h.during(t, test)
	self := strings.TrimPrefix(who, "IPIN=")
	switch who {
	case "kernel", "closed port":
		self = "*" // anybody may ask, whatever the rules
	case "forward":
		self = ""
	}
	key := fmt.Sprint(len(writes), " ", self)
	if h.made[key] == nil {
		p := newPolicy()
		for _, w := range writes {
			p.apply(t, w)
		}
		h.others(t, p)
		h.made[key] = p.compile(t, self, h.known)
	}
	return h.made[key]
}

// others makes known the labels that came into being without a write that was
// recorded: of receivers, and of what flushed the cache.
func (h *receivers) others(t *testing.T, p *policy) {
	t.Helper()
	all := newPolicy()
	for _, w := range h.writes {
		all.apply(t, w)
	}
	before := labels(all)
	for _, r := range slices.Backward(h.known) {
		if slices.Contains(before, r.label) {
			continue
		}
		p.intern(t, r.label)
		if r.label == "ZZflush" {
			p.mappings = append(p.mappings, netlabel.Mapping{Label: r.label, Level: r.wire.Level, Categories: r.wire.Categories})
		}
	}
}

func labels(p *policy) []string {
	all := p.rules.Build()
	var names []string
	for l := engine.Label(1); int(l) < all.Labels(); l++ {
		names = append(names, all.Name(l))
	}
	return names
}

// TestKernelLabelOrder: the labels of each group came into being in the order
// that the tests give them.
func TestKernelLabelOrder(t *testing.T) {
	for _, group := range []string{"bad", "cache", "doi", "echo", "frag", "netlabel", "sizes", "tcp", "valid"} {
		h := newReceivers(t, group)
		p := newPolicy()
		for _, w := range h.writes {
			p.apply(t, w)
		}
		names := labels(p)
		var want []string
		for _, r := range slices.Backward(h.known) {
			if slices.Contains(names, r.label) {
				want = append(want, r.label)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %v, in the kernel %v", group, names, want)
		}
	}
}
