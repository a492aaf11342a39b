package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// row is one datagram, and everything that must become of it.
type row struct {
	name     string
	from, to string

	// raw packets are put on the cable byte by byte; the others are sent by the
	// host's own kernel.
	raw     bool
	src     string // forged source address
	dst     string // another destination address than to's
	options string // hexadecimal, raw only
	ttl     uint8

	action          string // what the gateway does: drop, pass, strip, add, replace
	reason, fault   string
	pointer         uint8
	subject, object string
	step            string // of the access decision
	rule            int    // line in accesses.d/site

	leaves *carries // the label on the cable to the receiver; nil for none
	area   string   // options that leave besides, hexadecimal
	deaf   bool     // the receiver's own labelgated refuses it
}

// carries is what an option says.
type carries struct {
	doi        uint32
	tag, level uint8
	categories string // in ascending order, as the operator's tool takes them
}

// direct returns what Smack's direct encoding of a label is: bit 0x80>>k of byte
// i is category 8i+k+1 (Smack documentation).
func direct(doi uint32, tag uint8, label string) *carries {
	var c []string
	for i := range len(label) * 8 {
		if label[i/8]&(0x80>>(i%8)) != 0 {
			c = append(c, strconv.Itoa(i+1))
		}
	}
	return &carries{doi, tag, 250, strings.Join(c, ",")}
}

// encoded asks the operator's tool for the option.
func (c *carries) encoded(t *testing.T) []byte {
	t.Helper()
	args := []string{"cipso", "encode", "--doi", fmt.Sprint(c.doi), "--tag", fmt.Sprint(c.tag), "--level", fmt.Sprint(c.level)}
	if c.categories != "" {
		args = append(args, "--categories", c.categories)
	}
	return unhex(t, labelgate(t, args...))
}

// try sends a row and holds every witness against it.
func (p *perimeter) try(t *testing.T, r *row) {
	port := p.nextPort()
	p.sent[port] = r
	payload := fmt.Appendf(nil, "%s %d from %s to %s", labPrefix, port, r.from, r.to)
	before := len(p.records(t, lab.GatewayName, 0))
	p.send(t, r, port, payload)

	record := p.record(t, lab.GatewayName, before, func(a *audit.Record) bool {
		// A header that cannot be read has no ports.
		return ofPort(port)(a) || r.fault != "" && !a.HasPorts && a.Fault != ""
	})
	if record == nil {
		t.Fatal("the gateway has no record of it")
	}
	p.checkRecord(t, r, record)

	if r.action == "drop" {
		time.Sleep(2 * time.Millisecond) // what passes in error is looked for again at the end
		if left, reached := p.arrived(r.to, port); len(left)+len(reached) > 0 {
			t.Errorf("%d left the gateway, %d reached %s", len(left), len(reached), r.to)
		}
		return
	}
	if !eventually(func() bool { left, reached := p.arrived(r.to, port); return len(left) > 0 && len(reached) > 0 }) {
		left, reached := p.arrived(r.to, port)
		t.Fatalf("%d left the gateway, %d reached %s; want 1 and 1", len(left), len(reached), r.to)
	}
	left, reached := p.arrived(r.to, port)
	if len(left) != 1 || len(reached) != 1 || !bytes.Equal(left[0], reached[0]) {
		t.Fatalf("left the gateway: % x\nreached %s: % x", left, r.to, reached)
	}
	p.checkPacket(t, r, left[0], payload)
	p.checkInbox(t, r, port, payload)
}

func (p *perimeter) send(t *testing.T, r *row, port uint16, payload []byte) {
	t.Helper()
	src, dst := p.address(t, r.from, r.to), p.address(t, r.to, r.from)
	if r.src != "" {
		src = netip.MustParseAddr(r.src)
	}
	if r.dst != "" {
		dst = netip.MustParseAddr(r.dst)
	}
	var err error
	if r.raw {
		err = p.SendRaw(r.from, header{src: src, dst: dst, proto: protoUDP, ttl: r.ttl, options: unhex(t, r.options), body: udp(port, inboxPort, payload)}.bytes())
	} else {
		err = p.sendUDP(r.from, port, netip.AddrPortFrom(dst, inboxPort), payload)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *perimeter) checkRecord(t *testing.T, r *row, a *audit.Record) {
	t.Helper()
	check := func(what, got, want string) {
		if got != want {
			t.Errorf("record: %s %q, want %q", what, got, want)
		}
	}
	action := audit.Granted
	if r.action == "drop" {
		action = audit.Denied
	}
	check("action", a.Action, action)
	check("verdict", a.Verdict, r.action)
	check("reason", a.Reason, r.reason)
	check("subject", a.Subject, r.subject)
	check("object", a.Object, r.object)
	check("step", a.Step, r.step)
	check("fault", a.Fault, r.fault)
	rule := ""
	if r.rule != 0 {
		rule = fmt.Sprintf("%s:%d", filepath.Join(p.policy(), "accesses.d/site"), r.rule)
	}
	check("rule", a.Rule, rule)
	if a.Pointer != r.pointer {
		t.Errorf("record: pointer %d, want %d", a.Pointer, r.pointer)
	}
}

// checkPacket holds the bytes on the cable to the receiver against the row.
func (p *perimeter) checkPacket(t *testing.T, r *row, packet, payload []byte) {
	t.Helper()
	ip := wellFormed(t, packet)
	if !bytes.HasSuffix(packet, payload) {
		t.Error("the payload was changed")
	}
	if r.raw && ip.TTL != 63 {
		t.Errorf("TTL %d, want 63", ip.TTL)
	}
	want := unhex(t, r.area)
	if r.leaves != nil {
		option := r.leaves.encoded(t)
		if len(ip.Options) == 0 || ip.Options[0].OptionType != cipsoType || int(ip.Options[0].OptionLength) != len(option) {
			t.Errorf("gopacket reads the options %v", ip.Options)
		}
		want = append(option, want...)
		p.labeled = append(p.labeled, labeledPacket{r.name, packet, *r.leaves})
	}
	want = append(want, make([]byte, -len(want)&3)...)
	if got := optionArea(packet); !bytes.Equal(got, want) {
		t.Errorf("options\n  % x, want\n  % x", got, want)
	}
}

// checkInbox looks what the application at the other end heard.
func (p *perimeter) checkInbox(t *testing.T, r *row, port uint16, payload []byte) {
	t.Helper()
	box := p.boxes[r.to]
	if r.deaf {
		refused := p.record(t, r.to, 0, func(a *audit.Record) bool { return ofPort(port)(a) && a.Action == audit.Denied && a.Fn == "gw_input" })
		if refused == nil {
			t.Errorf("%s has no record of having refused it", r.to)
		} else if refused.Subject != r.subject || refused.Reason != "no-rule" {
			t.Errorf("%s refused %q for %q", r.to, refused.Subject, refused.Reason)
		}
		if _, n := box.heard(port); n > 0 {
			t.Errorf("%s heard it all the same", r.to)
		}
		return
	}
	if !eventually(func() bool { _, n := box.heard(port); return n > 0 }) {
		t.Fatalf("%s did not hear it", r.to)
	}
	if got, n := box.heard(port); n != 1 || !bytes.Equal(got, payload) {
		t.Errorf("%s heard %q, %d times", r.to, got, n)
	}
}
