package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// live is a flow of datagrams of UDP, one of which has passed.
type live struct {
	from, to string
	port     uint16
	sent     []byte // as the receiver got it
}

// begin sends the first datagram of a flow, and waits until it has arrived.
func (e *errorsBench) begin(t *testing.T, from, to, options string) *live {
	t.Helper()
	f := &live{from: from, to: to, port: e.nextPort()}
	cables := e.watch(t, to)
	defer stop(t, cables)
	e.again(t, f, options)
	if !eventually(func() bool {
		got := datagrams(cables[to], "", false, f.port)
		if len(got) == 1 {
			f.sent = got[0]
		}
		return f.sent != nil
	}) {
		t.Fatalf("nothing arrives from %s at %s", from, to)
	}
	return f
}

// again sends one more.
func (e *errorsBench) again(t *testing.T, f *live, options string) {
	t.Helper()
	e.raw(t, f.from, header{
		src: e.address(t, f.from, f.to), dst: e.address(t, f.to, f.from), proto: protoUDP, options: e.area(t, options),
		body: udp(f.port, inboxPort, bytes.Repeat([]byte("f"), 60)),
	}.bytes())
}

// claim is an ICMP error that claims to report a datagram.
type claim struct {
	name    string
	cable   string // it comes by the cable of this host
	src     string // "" for that host's address
	dst     string // "" for the source of the datagram
	options string
	kind    [2]byte
	quote   []byte
	reason  string // why it is dropped, "" when it passes
}

// claims sends errors and returns how often something else became of one than
// should.
func (e *errorsBench) claims(t *testing.T, all []claim) (wrong int) {
	for _, c := range all {
		if !t.Run(c.name, func(t *testing.T) { e.claim(t, &c) }) {
			wrong++
		}
	}
	return wrong
}

func (e *errorsBench) claim(t *testing.T, c *claim) {
	to := c.dst
	if to == "" {
		for _, h := range e.Topology().Hosts {
			if h.Address.Addr() == netip.AddrFrom4([4]byte(c.quote[12:])) {
				to = h.Name
			}
		}
	}
	cables := e.watch(t, to)
	h := header{src: e.address(t, c.cable, to), dst: e.address(t, to, c.cable), proto: protoICMP, options: e.area(t, c.options)}
	if c.src != "" {
		h.src = netip.MustParseAddr(c.src)
	}
	h.body = icmpMessage(c.kind[0], [4]byte{2: 4, 3: 176}, c.quote)
	h.body[1] = c.kind[1]
	binary.BigEndian.PutUint16(h.body[2:], 0)
	binary.BigEndian.PutUint16(h.body[2:], ^sum(h.body))
	before := len(e.records(t, lab.GatewayName, 0))
	if err := e.SendRaw(c.cable, h.bytes()); err != nil {
		t.Fatal(err)
	}
	arrived := func() bool { return countErrors(cables[to]) > 0 }
	if c.reason == "" {
		if !eventually(arrived) {
			t.Error("it does not pass")
		}
		return
	}
	r := e.record(t, lab.GatewayName, before, func(a *audit.Record) bool {
		return a.Proto == protoICMP && a.ICMPType == c.kind[0] && a.Action == audit.Denied
	})
	if r == nil || r.Reason != c.reason {
		t.Errorf("record %+v, want %q", r, c.reason)
	}
	time.Sleep(2 * time.Millisecond)
	if arrived() {
		t.Error("it passed")
	}
}

// changed returns a datagram with some bytes changed, its header checksum right.
func changed(packet []byte, changes ...int) []byte {
	p := bytes.Clone(packet)
	for i := 0; i < len(changes); i += 2 {
		p[changes[i]] = byte(changes[i+1])
	}
	binary.BigEndian.PutUint16(p[10:], 0)
	binary.BigEndian.PutUint16(p[10:], ^sum(p[:headerLen(p)]))
	return p
}

// flows: an error passes that is about a datagram which passed lately, says so to
// who sent that, and comes from where it went. Everything else is a stranger's.
func (e *errorsBench) flows(t *testing.T) {
	const unsolicited, missing = "unsolicited-error", "label-missing"
	gray, red, blue := e.begin(t, "mgray", "other", ""), e.begin(t, "mred", "gray2", "<Foo>"), e.begin(t, "mblue", "other", "[Bar]")
	q := gray.sent
	n := headerLen(q)
	tooBig, port := [2]byte{3, 4}, [2]byte{3, 3}
	denied := header{src: e.address(t, "mred", "sec"), dst: e.address(t, "sec", "mred"), proto: protoUDP, body: udp(gray.port, inboxPort, make([]byte, 40))}.bytes()
	e.raw(t, "mred", header{src: e.address(t, "mred", "sec"), dst: e.address(t, "sec", "mred"), proto: protoUDP, options: e.area(t, "<Foo>"), body: denied[minHeader:]}.bytes())
	swapped := changed(q, slices.Concat(swap(q))...)
	wrong, all := 0, []claim{
		{name: "labeled", cable: "other", options: "<Abe>", kind: port, quote: q},
		{name: "unlabeled", cable: "other", kind: tooBig, quote: q},
		{name: "by a router", cable: "other", src: "10.1.150.1", kind: tooBig, quote: q},
		{name: "about a labeled datagram", cable: "gray2", kind: tooBig, quote: red.sent},
		{name: "about a datagram of the other domain", cable: "other", kind: tooBig, quote: blue.sent},

		{name: "another source port, labeled", cable: "other", options: "<Abe>", kind: tooBig, quote: changed(q, n+1, int(q[n+1]^1)), reason: unsolicited},
		{name: "another source port", cable: "other", kind: tooBig, quote: changed(q, n+1, int(q[n+1]^1)), reason: missing},
		{name: "another port, labeled", cable: "other", options: "<Abe>", kind: tooBig, quote: changed(q, n+3, int(q[n+3]^1)), reason: unsolicited},
		{name: "another protocol", cable: "other", options: "<Abe>", kind: tooBig, quote: changed(q, 9, protoTCP), reason: unsolicited},
		{name: "another destination", cable: "other", options: "<Abe>", kind: tooBig, quote: changed(q, 19, int(q[19]^1)), reason: unsolicited},
		{name: "a later fragment", cable: "other", options: "<Abe>", kind: tooBig, quote: changed(q, 7, 1), reason: unsolicited},
		{name: "the other way", cable: "other", options: "<Abe>", dst: "mgray", kind: tooBig, quote: swapped, reason: unsolicited},
		{name: "another port of an unlabeled host's", cable: "gray2", kind: tooBig, quote: changed(red.sent, headerLen(red.sent)+1, 1), reason: unsolicited},
		{name: "of another source", cable: "gray2", kind: tooBig, quote: changed(red.sent, 15, int(red.sent[15]^1)), dst: "mred", reason: unsolicited},
		{name: "a denied datagram", cable: "sec", kind: tooBig, quote: denied, reason: unsolicited},

		// Somebody else's datagram.
		{name: "to another host", cable: "other", dst: "mblue", kind: tooBig, quote: q, reason: missing},
		{name: "to another host, labeled", cable: "other", options: "<Abe>", dst: "mblue", kind: tooBig, quote: q, reason: unsolicited},
		{name: "to another unlabeled host", cable: "other", dst: "pop", kind: tooBig, quote: q, reason: missing},
		{name: "to another host of the zone", cable: "gray2", dst: "pop", kind: tooBig, quote: red.sent, reason: unsolicited},
		{name: "from another zone", cable: "mblue", kind: tooBig, quote: q, reason: missing},
		{name: "from another zone, labeled", cable: "mblue", options: "[Abe]", kind: tooBig, quote: q, reason: unsolicited},
		{name: "from an unlabeled zone", cable: "gray2", kind: tooBig, quote: blue.sent, reason: unsolicited},
		{name: "from its sender's zone", cable: "gray2", kind: tooBig, quote: q, reason: unsolicited},
		{name: "from its sender's labeled zone", cable: "other", kind: tooBig, quote: red.sent, reason: missing},
	}
	sent := len(all)
	wrong += e.claims(t, all)

	// Labels are numbers of one policy: whatever it becomes, the flows begin anew.
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"after a reload", func() { reload(t, e.Lab, lab.GatewayName) }},
		{"after a change", func() {
			write(t, e.dir, map[string]string{rulesFile: without(errorsRules[len("# subject object access\n"):], "Abe", "Pop") + "Zoe Abe w\n"})
			reload(t, e.Lab, lab.GatewayName)
		}},
	} {
		change.do()
		all = []claim{
			{name: change.name, cable: "other", kind: tooBig, quote: q, reason: missing},
			{name: change.name + ", from an unlabeled host", cable: "gray2", kind: tooBig, quote: red.sent, reason: unsolicited},
		}
		wrong += e.claims(t, all)
		e.again(t, gray, "")
		e.again(t, red, "<Foo>")
		e.settled(t, "mgray")
		all = append(all,
			claim{name: change.name + ", and another datagram", cable: "other", kind: tooBig, quote: q},
			claim{name: change.name + ", and another datagram, from an unlabeled host", cable: "gray2", kind: tooBig, quote: red.sent},
		)
		wrong += e.claims(t, all[2:])
		sent += len(all)
	}
	write(t, e.dir, map[string]string{rulesFile: errorsRules})
	reload(t, e.Lab, lab.GatewayName)
	report(t,
		figures.Figure{ID: "e2e/errors/flows/claims", Value: float64(sent), Unit: "errors"}.AtLeast(30),
		figures.Figure{ID: "e2e/errors/flows/wrong", Value: float64(wrong), Unit: "errors"}.AtMost(0),
	)
}

// swap lists the changes that make of a datagram one of the other direction.
func swap(p []byte) (changes []int) {
	n := headerLen(p)
	for i := range 4 {
		changes = append(changes, 12+i, int(p[16+i]), 16+i, int(p[12+i]))
	}
	for i := range 2 {
		changes = append(changes, n+i, int(p[n+2+i]), n+2+i, int(p[n+i]))
	}
	return changes
}

// pinned: a flow that changes its label is stopped, others go on.
func (e *errorsBench) pinned(t *testing.T) {
	e.settings(t, "pin-flows = true\n"+withSelf)
	defer e.settings(t, withSelf)
	cables := e.watch(t, "gray2", "other")
	step := 0
	arrives := func(name string, f *live, options string, want bool) {
		t.Helper()
		step++
		before := len(datagrams(cables[f.to], "", false, f.port))
		e.again(t, f, options)
		e.settled(t, f.from)
		passed := func() bool { return len(datagrams(cables[f.to], "", false, f.port)) > before }
		if want && !eventually(passed) || !want && passed() {
			t.Errorf("step %d, %s: passed %v", step, name, !want)
		}
	}
	fresh := func(from, to string) *live { return &live{from: from, to: to, port: e.nextPort()} }
	before := len(e.records(t, lab.GatewayName, 0))
	a, b, c, d := fresh("mred", "gray2"), fresh("mred", "gray2"), fresh("mgreen", "other"), fresh("mblue", "gray2")
	for round := range 2 {
		name := fmt.Sprint("round ", round)
		arrives(name, a, "<Foo>", true)
		arrives(name, b, "<Abe>", true)
		arrives(name, c, "", true)
		arrives(name, d, "[Bar]", true)
		arrives("another label", a, "<Abe>", false)
		arrives("another label", b, "<Foo>", false)
		arrives("a label where none was", c, "<_>", false)
		arrives("another label", d, "[Abe]", false)
		arrives("as before", a, "<Foo>", true)
		arrives("as before", b, "<Abe>", true)
		arrives("as before", c, "", true)
		arrives("as before", d, "[Bar]", true)
		reload(t, e.Lab, lab.GatewayName) // and all begins anew
	}
	arrives("after a reload", a, "<Abe>", true)
	arrives("after a reload", a, "<Foo>", false)
	dropped := 0
	for _, r := range e.records(t, lab.GatewayName, before) {
		if r.Reason == "label-changed" {
			dropped++
		}
	}
	if dropped != 9 {
		t.Errorf("%d records of a changed label, want 9", dropped)
	}
	report(t, figures.Figure{ID: "e2e/errors/pinned/steps", Value: float64(step), Unit: "datagrams"}.AtLeast(26))
}
