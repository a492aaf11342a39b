package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"labelgate/internal/lab"
	"labelgate/test/figures"
	"labelgate/test/long"
)

// way is who reports errors to whom.
type way struct {
	name  string
	cable string // it comes in by the cable of this host
	from  string // source address, "" for that host's
	label string // that it puts on its errors itself, "" for none
	to    string
}

// ways is every kind of sender with every kind of receiver.
func ways() (all []way) {
	for _, from := range []way{
		{name: "a labeled host, labeled", cable: "other", label: "Abe"},
		{name: "a labeled host, unlabeled", cable: "other"},
		{name: "a router of a labeled zone, unlabeled", cable: "other", from: "10.1.150.1"},
		{name: "an unlabeled host", cable: "gray2"},
		{name: "a router of an unlabeled zone", cable: "gray2", from: "10.4.150.1"},
		{name: "a host of the other domain, labeled", cable: "mblue", label: "Abe"},
		{name: "a host of the other domain, unlabeled", cable: "mblue"},
		{name: "a host that may be labeled", cable: "mgreen", label: "Abe"},
		{name: "a host that need not be labeled", cable: "mgreen"},
	} {
		for _, to := range []string{"mgray", "mred", "mblue"} {
			if from.to = to; from.cable != to {
				all = append(all, from)
			}
		}
	}
	return all
}

// flowLabels is what the receivers' datagrams are labeled, and in which domain.
var flowLabels = map[string]struct {
	label string
	doi   uint32
	tag   uint8
}{"mgray": {label: "Pop"}, "mred": {"Foo", redDOI, 1}, "mblue": {"Bar", blueDOI, 2}}

// icmpKind is a type and code of ICMP with the second word of the header.
type icmpKind struct {
	kind, code byte
	word       [4]byte
}

// icmpKinds is every error of RFC 792, RFC 1122 and RFC 1812, the questions and
// answers, and types that nobody may send, or that quote in a way of their own.
func icmpKinds() (all []icmpKind) {
	for code := range byte(16) {
		k := icmpKind{kind: 3, code: code}
		if code == 4 {
			k.word = [4]byte{2: 1400 >> 8, 3: 1400 & 0xff}
		}
		all = append(all, k)
	}
	all = append(all,
		icmpKind{kind: 4}, icmpKind{kind: 11}, icmpKind{kind: 11, code: 1},
		icmpKind{kind: 12, word: [4]byte{9}}, icmpKind{kind: 12, word: [4]byte{22}}, icmpKind{kind: 12, word: [4]byte{58}},
		icmpKind{kind: 12, code: 1, word: [4]byte{cipsoType}}, icmpKind{kind: 12, code: 2, word: [4]byte{2}},
	)
	for code := range byte(4) {
		all = append(all, icmpKind{kind: 5, code: code, word: [4]byte{10, 1, 0, 50}})
	}
	for _, kind := range []byte{0, 8, 13, 14, 15, 16, 17, 18, 42, 43} {
		all = append(all, icmpKind{kind: kind, word: [4]byte{1, 2, 3, 4}})
	}
	for _, kind := range []byte{1, 2, 6, 7, 9, 10, 19, 20, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 44, 253, 254, 255} {
		all = append(all, icmpKind{kind: kind})
	}
	return all
}

func (k icmpKind) isError() bool { return k.kind == 3 || k.kind == 4 || k.kind == 11 || k.kind == 12 }

func (k icmpKind) isQuery() bool {
	return slices.Contains([]byte{0, 8, 13, 14, 15, 16, 17, 18, 42, 43}, k.kind)
}

// message is one ICMP message that was sent.
type message struct {
	icmpKind
	quote []byte
	lies  bool // the quote has what its receiver never sent, besides labels
	drawn bool // by chance
}

// strictMatrix sends every kind of message with quotes of every length, and looks
// what reaches whom.
func (e *errorsBench) strictMatrix(t *testing.T) {
	m := e.newMatrix(t, "strict")
	for _, w := range ways() {
		t.Run(w.name+" to "+w.to, func(t *testing.T) { m.way(t, w) })
	}
	report(t,
		figures.Figure{ID: "e2e/errors/messages", Value: float64(m.sent), Unit: "packets"}.AtLeast(40000),
		figures.Figure{ID: "e2e/errors/kinds", Value: float64(len(icmpKinds())), Unit: "types and codes"}.AtLeast(40),
		figures.Figure{ID: "e2e/errors/passed", Value: float64(m.passed), Unit: "packets"}.AtLeast(10000),
		figures.Figure{ID: "e2e/errors/passed-that-should-not", Value: float64(m.wrong), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/lost-that-should-pass", Value: float64(m.lost), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/not-its-receivers-packet", Value: float64(m.unfaithful), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/labels-on-unlabeled-cables", Value: float64(m.leaks["mgray"]), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/labels-of-the-other-domain", Value: float64(m.leaks["mred"] + m.leaks["mblue"]), Unit: "packets"}.AtMost(0),
	)
}

// compatMatrix: a Linux host believes errors that a perimeter does not, but no label
// leaves in a header that one quotes.
func (e *errorsBench) compatMatrix(t *testing.T) {
	e.settings(t, "mode = \"compat\"\n"+withSelf)
	defer e.settings(t, withSelf)
	m := e.newMatrix(t, "compat")
	m.compat = true
	for i, w := range ways() {
		if i%2 == 0 && !long.Long() {
			continue
		}
		t.Run(w.name+" to "+w.to, func(t *testing.T) { m.way(t, w) })
	}
	report(t,
		figures.Figure{ID: "e2e/errors/compat/messages", Value: float64(m.sent), Unit: "packets"}.AtLeast(20000),
		figures.Figure{ID: "e2e/errors/compat/passed", Value: float64(m.passed), Unit: "packets"}.AtLeast(10000),
		figures.Figure{ID: "e2e/errors/compat/labels-on-unlabeled-cables", Value: float64(m.leaks["mgray"]), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/errors/compat/labels-of-the-other-domain", Value: float64(m.leaks["mred"] + m.leaks["mblue"]), Unit: "packets"}.AtMost(0),
	)
}

type matrix struct {
	*errorsBench
	compat bool // only what must not be seen is looked for

	sent, passed, wrong, lost, unfaithful int
	leaks                                 map[string]int // by receiver

	random *rand.Rand // of the long form
}

func (e *errorsBench) newMatrix(t *testing.T, form string) *matrix {
	// Every option that there may be is known before one is looked for.
	for _, name := range []string{"Foo", "Bar", "Pop", "Abe", "_"} {
		e.option(t, redDOI, 1, name)
		e.option(t, blueDOI, 2, name)
	}
	m := &matrix{errorsBench: e, leaks: map[string]int{}}
	if long.Long() {
		seed := long.Seed(t, 1)
		m.random = rand.New(rand.NewPCG(seed, 0))
		report(t, figures.Figure{ID: "e2e/errors/" + form + "/seed", Value: float64(seed), Unit: "seed"})
	}
	return m
}

// subject is the datagram that errors report.
type subject struct {
	sent, got []byte // as it was sent, but for its time to live, and as it came
	need      int    // bytes behind its header that tell which flow it belongs to
}

// grew returns by how many bytes it did.
func (s *subject) grew() int { return max(0, len(s.got)-len(s.sent)) }

// way sends all messages of one sender to one receiver.
func (m *matrix) way(t *testing.T, w way) {
	for _, proto := range []uint8{protoUDP, protoTCP, protoICMP} {
		cables := m.watch(t, w.to, w.cable)
		about := m.reported(t, w, cables, proto)
		all := m.messages(t, about, proto)
		m.send(t, w, all)
		stop(t, cables)
		m.judge(t, w, about, all, cables[w.to])
		for range long.Factor() {
			cables := m.watch(t, w.to)
			all := m.drawn(about.got)
			m.send(t, w, all)
			stop(t, cables)
			m.judge(t, w, about, all, cables[w.to])
		}
	}
}

// messages returns what is said about a datagram: everything about one of UDP, every
// kind of error about the others.
func (m *matrix) messages(t *testing.T, about *subject, proto uint8) (all []message) {
	for _, k := range icmpKinds() {
		if m.compat && !k.isError() && !k.isQuery() && k.kind != 5 || proto != protoUDP && (!k.isError() || k.code > 4) {
			continue
		}
		for _, n := range cuts(about.got) {
			all = append(all, message{icmpKind: k, quote: about.got[:n]})
		}
	}
	if proto != protoUDP {
		return all
	}
	// Quotes of what was never on the sender's cable: a label where there was none,
	// another one, two, one behind the end of the options.
	for _, forged := range m.forged(t, about) {
		for _, k := range []icmpKind{{kind: 3, code: 3}, {kind: 3, code: 4, word: [4]byte{2: 5}}, {kind: 4}, {kind: 5}, {kind: 11}, {kind: 12, word: [4]byte{22}}} {
			for _, n := range cuts(forged.packet) {
				all = append(all, message{icmpKind: k, quote: forged.packet[:n], lies: forged.lies})
			}
		}
	}
	return all
}

// reported has the receiver send a datagram that reaches the sender of the errors.
func (m *matrix) reported(t *testing.T, w way, cables map[string]*lab.Capture, proto uint8) *subject {
	t.Helper()
	f := flowLabels[w.to]
	h := header{src: m.address(t, w.to, w.cable), dst: m.address(t, w.cable, w.to), proto: proto}
	s := &subject{need: 4}
	port := m.nextPort()
	switch proto {
	case protoUDP:
		h.body = udp(port, inboxPort, bytes.Repeat([]byte("q"), 100))
	case protoTCP:
		h.body = tcp(h, port, inboxPort)
	case protoICMP:
		h.body, s.need = icmpMessage(8, [4]byte{byte(port >> 8), byte(port)}, bytes.Repeat([]byte("q"), 100)), 6
	}
	if f.doi != 0 {
		h.options = m.option(t, f.doi, f.tag, f.label)
	}
	s.sent = h.bytes()
	m.raw(t, w.to, s.sent)
	if !eventually(func() bool {
		for _, p := range cables[w.cable].Packets() {
			if ip := p.IPv4(); !p.Outgoing && headerLen(ip) > 0 && ip[9] == proto && bytes.Equal(ip[12:16], s.sent[12:16]) {
				s.got = trim(ip)
			}
		}
		return s.got != nil
	}) {
		t.Fatal("the datagram that is to be reported does not arrive")
	}
	s.sent = changed(s.sent, 8, int(s.got[8])) // the gateway counted down
	if proto == protoTCP {
		// The segment size that its SYN offers does not change: it offers none.
		copy(s.sent[headerLen(s.sent):], s.got[headerLen(s.got):])
	}
	return s
}

// cuts are the lengths to which a quote is cut: nothing, every boundary in its
// header and around it, and nothing cut.
func cuts(packet []byte) []int {
	n := headerLen(packet)
	all := []int{0, 1, 8, 19, 20, 21, 22, 26, n - 4, n - 2, n - 1, n, n + 1, n + 3, n + 4, n + 7, n + 8, len(packet) - 1, len(packet)}
	slices.Sort(all)
	return slices.Compact(all)
}

type forgery struct {
	packet []byte
	lies   bool
}

// forged returns the packet that is reported with other options.
func (m *matrix) forged(t *testing.T, about *subject) (all []forgery) {
	sent := about.sent
	red, blue := m.option(t, redDOI, 1, "Foo"), m.option(t, blueDOI, 2, "Bar")
	body := sent[headerLen(sent):]
	alert := []byte{0x94, 4, 0, 0}
	for i, options := range [][]byte{
		append(alert, red...), slices.Concat(red, alert), alert,
		nil, red, blue, append([]byte{1, 1, 1}, red...),
		append([]byte{0}, red...), slices.Concat(red, red), slices.Concat(red, []byte{0x86, 40}), append([]byte{7, 40}, red...),
	} {
		h := header{src: netip.AddrFrom4([4]byte(sent[12:])), dst: netip.AddrFrom4([4]byte(sent[16:])), proto: protoUDP, ttl: sent[8], options: options, body: body}
		if p := h.bytes(); len(options) <= 40 && !bytes.Equal(p, about.got) {
			all = append(all, forgery{p, i < 3})
		}
	}
	return all
}

// drawn returns messages of the long form: any type and code, quotes of any length
// with a few bytes of the header changed.
func (m *matrix) drawn(got []byte) (all []message) {
	r := m.random
	for range 3000 {
		q := bytes.Clone(got)
		for range r.IntN(4) {
			q[r.IntN(headerLen(got)+8)] = byte(r.Uint32())
		}
		k := icmpKind{kind: byte(r.Uint32()), code: byte(r.Uint32())}
		if m.compat || r.IntN(4) != 0 { // Linux takes messages that nobody knows, and what they hold
			k.kind = []byte{3, 4, 5, 11, 12}[r.IntN(5)]
		}
		binary.BigEndian.PutUint32(k.word[:], r.Uint32()>>r.IntN(32))
		all = append(all, message{icmpKind: k, quote: q[:r.IntN(len(q)+1)], drawn: true})
	}
	return all
}

// send puts messages on the cable. Each is numbered by the identification of its
// header, which nobody changes.
func (m *matrix) send(t *testing.T, w way, all []message) {
	t.Helper()
	h := header{src: m.address(t, w.cable, w.to), dst: m.address(t, w.to, w.cable), proto: protoICMP}
	if w.from != "" {
		h.src = netip.MustParseAddr(w.from)
	}
	if w.label != "" {
		doi, tag := redDOI, uint8(1)
		if w.cable == "mblue" {
			doi, tag = blueDOI, 2
		}
		h.options = m.option(t, doi, tag, w.label)
	}
	for i, msg := range all {
		body := msg.quote
		if msg.isQuery() {
			body = bytes.Repeat([]byte{0x55}, len(body)) // what a query carries is data
		}
		h.body = slices.Concat([]byte{msg.kind, msg.code, 0, 0}, msg.word[:], body)
		binary.BigEndian.PutUint16(h.body[2:], ^sum(h.body))
		packet := h.bytes()
		binary.BigEndian.PutUint16(packet[4:], uint16(i))
		binary.BigEndian.PutUint16(packet[10:], 0)
		binary.BigEndian.PutUint16(packet[10:], ^sum(packet[:headerLen(packet)]))
		m.raw(t, w.cable, packet)
		if i%512 == 511 {
			m.settled(t, w.cable)
		}
	}
	m.settled(t, w.cable)
	m.sent += len(all)
}

// passes says what becomes of a message by the reference: an error passes that says
// which live flow it is about, a query that its sender may send.
func (w way) passes(about *subject, msg message) bool {
	switch {
	case msg.isError():
		n := headerLen(msg.quote)
		return n != 0 && len(msg.quote) >= n+about.need
	case msg.isQuery():
		labeled := w.label != ""
		unlabeledZone := w.cable == "gray2" || w.cable == "mgreen"
		ambient := w.from != "" || w.cable == "mgreen"
		return labeled || unlabeledZone && !(ambient && w.to == "mgray")
	}
	return false
}

// judge holds what reached the receiver against what was sent.
func (m *matrix) judge(t *testing.T, w way, about *subject, all []message, c *lab.Capture) {
	arrived := make([][]byte, len(all))
	for _, p := range c.Packets() {
		ip := p.IPv4()
		if p.Outgoing || ip == nil {
			continue
		}
		id := int(binary.BigEndian.Uint16(ip[4:]))
		leak := leakOf(w.to, ip)
		if leak == "" && (id >= len(all) || !all[id].drawn) {
			leak = pattern(w.to, ip)
		}
		if leak != "" {
			if t.Errorf("%s at %s: % x", leak, w.to, trim(ip)); m.leaks[w.to] > 20 {
				t.Fatal("and so on")
			}
			m.leaks[w.to]++
		}
		if headerLen(ip) != 0 && ip[9] == protoICMP && id < len(all) {
			arrived[id] = trim(ip)
		}
	}
	for i, msg := range all {
		want, got := w.passes(about, msg), arrived[i]
		anything := m.compat || msg.drawn // as long as it does not leak
		if anything {
			want = got != nil
		}
		switch what := fmt.Sprintf("%d/%d with % x", msg.kind, msg.code, msg.quote); {
		case got != nil && !want:
			m.wrong++
			t.Errorf("%s passed: % x", what, got)
		case got == nil && want:
			m.lost++
			t.Errorf("%s did not pass", what)
		case got != nil && anything:
			m.passed++
		case got != nil:
			m.passed++
			if wrong := m.faithful(t, w, about, msg, got); wrong != "" {
				m.unfaithful++
				t.Errorf("%s became % x: %s", what, got, wrong)
			}
		}
		if m.wrong+m.lost+m.unfaithful > 20 { // nobody reads more
			t.Fatal("and so on")
		}
	}
}

// leakOf says what of a packet its receiver must not see, as any host would read it:
// a CIPSO option in its header or in the one that it quotes where there may be none,
// one of another domain than its own elsewhere.
func leakOf(to string, ip []byte) string {
	q := quoted(ip)
	if to == "mgray" {
		switch {
		case labelOptions(ip) > 0:
			return "label"
		case q != nil && labelOptions(q) > 0:
			return "label in a quoted header"
		}
		return ""
	}
	for _, doi := range append(domains(ip), domains(q)...) {
		if slices.Contains(foreignTo(to), doi) {
			return fmt.Sprintf("label of domain %d", doi)
		}
	}
	return ""
}

// domains returns the domain of every CIPSO option that a header has, as
// labelOptions counts them.
func domains(b []byte) (all []uint32) {
	if len(b) < minHeader || b[0]>>4 != 4 {
		return nil
	}
	area := b[minHeader:max(minHeader, min(len(b), int(b[0]&15)*4))]
	for i := 0; i < len(area); {
		switch {
		case area[i] == cipsoType && len(area)-i >= 6:
			all = append(all, binary.BigEndian.Uint32(area[i+2:]))
		case area[i] == 0, area[i] == 1:
			i++
			continue
		}
		if i+1 >= len(area) || area[i+1] < 2 {
			break
		}
		i += int(area[i+1])
	}
	return all
}

// foreignTo returns the domains that a host knows nothing of.
func foreignTo(to string) []uint32 {
	switch to {
	case "mred":
		return []uint32{blueDOI}
	case "mblue":
		return []uint32{redDOI}
	}
	return []uint32{redDOI, blueDOI}
}

// pattern says which bytes of a packet come from a label that its receiver must not
// see, wherever they are. Quotes that were made up may hold any bytes, as data may.
func pattern(to string, ip []byte) string {
	for _, doi := range foreignTo(to) {
		if bytes.Contains(ip, binary.BigEndian.AppendUint32(nil, doi)) {
			return fmt.Sprintf("domain %d", doi)
		}
	}
	if to == "mgray" {
		for _, option := range encodings {
			if bytes.Contains(ip, option[6:]) {
				return "tag of a label"
			}
		}
	}
	return ""
}

// faithful says what is wrong with a message that passed: its option is that of the
// flow that it reports, or of its sender where that has one, and what it quotes is
// what its receiver sent.
func (m *matrix) faithful(t *testing.T, w way, about *subject, msg message, got []byte) string {
	sent := about.sent
	f := flowLabels[w.to]
	label := f.label
	switch {
	case w.label != "":
		label = w.label
	case msg.isQuery() && (w.from != "" || w.cable == "mgreen"):
		label = "_"
	case msg.isQuery():
		label = "Pop"
	}
	var option []byte
	if f.doi != 0 {
		option = m.option(t, f.doi, f.tag, label)
		option = append(bytes.Clone(option), make([]byte, -len(option)&3)...)
	}
	n := headerLen(got)
	area, behind := optionArea(got), len(got)-n
	if rest := len(area) - len(option); rest > behind {
		// The kernel takes no packet back that is shorter than its header was.
		area = bytes.TrimRight(area, "\x00\x01")
		option = bytes.TrimRight(option, "\x00")
	}
	if !bytes.Equal(area, option) {
		return fmt.Sprintf("option % x, want % x", area, option)
	}
	wellFormed(t, got)
	icmp := got[n:]
	if sum(icmp) != 0xffff {
		return "checksum"
	}
	if icmp[0] != msg.kind || icmp[1] != msg.code {
		return "type or code"
	}
	if msg.isQuery() || msg.lies {
		return ""
	}
	hl, body := headerLen(msg.quote), len(msg.quote)-headerLen(msg.quote)
	if w.label == "" {
		body = min(body, 8) // its label is lent, and it may say nothing of its own under it
	}
	if shown := icmp[8:]; !bytes.HasPrefix(sent, shown) || len(shown) != min(headerLen(sent)+body, len(sent)) {
		return fmt.Sprintf("it does not show what was sent, % x", sent[:min(headerLen(sent)+body, len(sent))])
	}
	word := msg.word
	switch {
	case msg.kind == 3 && msg.code == 4:
		if mtu := int(binary.BigEndian.Uint16(word[2:])); mtu > 68 {
			binary.BigEndian.PutUint16(word[2:], uint16(max(68, mtu-about.grew())))
		}
	case msg.kind == 12 && msg.code != 1 && int(word[0]) >= hl:
		word[0] = byte(int(word[0]) + headerLen(sent) - hl)
	case msg.kind == 12 && msg.code != 1 && word[0] >= minHeader && !bytes.Equal(sent[:headerLen(sent)], msg.quote[:hl]):
		word[0] = 0
		if f.doi != 0 {
			word[0] = minHeader
		}
	}
	if !bytes.Equal(icmp[4:8], word[:]) {
		return fmt.Sprintf("second word % x, want % x", icmp[4:8], word)
	}
	return ""
}
