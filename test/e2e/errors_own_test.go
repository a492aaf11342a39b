package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/test/figures"
)

// refused is a packet that the gateway drops, and what it says of it.
type refused struct {
	name    string
	from    string // whose cable it comes by
	src     string // "" for an address of its own, in a network of its own: errors are counted by network
	dst     string // a host's name, or an address
	options string // hexadecimal; R and B stand for the domains, and a label's name in < > for its option in red, in [ ] in blue
	proto   uint8  // UDP when 0
	body    []byte
	flags   uint16
	ttl     uint8

	says *said // nil for nothing
}

// said is an ICMP error.
type said struct {
	kind, code, pointer byte
	mtu                 uint16
	label               string
}

// refusals are packets of every zone that the gateway drops, one for each thing
// that may be wrong.
func refusals() (all []refused) {
	problem := func(pointer byte) *said { return &said{kind: 12, pointer: pointer, label: "Gate"} }
	missing := &said{kind: 12, code: 1, pointer: cipsoType, label: "Gate"}
	denied := func(label string) *said { return &said{kind: 3, code: 9, label: label} }
	large := make([]byte, 1480-8)

	// A zone that requires labels: what is wrong with an option, and where.
	for _, r := range []refused{
		{name: "option length 7", options: "8607 R 01 00", says: problem(21)},
		{name: "tag unknown", options: "860c R 0306 00fa 2080", says: problem(26)},
		{name: "tag not allowed", options: "860e R 0208 0005 00010002", says: problem(26)},
		{name: "tag of another machine", options: "860c R 8006 0a000000", says: problem(26)},
		{name: "tag length 3", options: "860c R 0103 00fa 2080", says: problem(27)},
		{name: "tag longer than the option", options: "860c R 0107 00fa 2080", says: problem(27)},
		{name: "byte behind the tag", options: "860c R 0105 00fa 20 01", says: problem(31)},
		{name: "domain 0", options: "860c 00000000 0106 00fa 2080", says: problem(22)},
		{name: "domain of another zone", options: "[Foo]", says: problem(22)},
		{name: "domain of nobody", options: "860e 0000270f 0108 00fa 2337b780", says: problem(22)},
		{name: "alignment byte", options: "860e R 0108 01fa 2337b780", says: problem(28)},
		{name: "two tags", options: "8616 R 0108 00fa 2337b780 0108 00fa 2337b780", says: problem(34)},
		{name: "behind a router alert", options: "94040000 860c R 0306 00fa 2080", says: problem(30)},
		{name: "second CIPSO option", options: "<Foo><Foo>", says: problem(34)},
		{name: "option longer than the header", options: "86ff R 0108 00fa 2337b780 0000", says: problem(20)},
		{name: "label behind the end of the options", options: "00<Foo>", says: problem(21)},
		{name: "no label", says: missing},
		{name: "no label, first fragment", flags: 0x2000, body: udp(1, 2, make([]byte, 80)), says: missing},
		{name: "echo without a label", proto: protoICMP, body: []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, says: missing},
		{name: "no rule", dst: "sec", options: "<Foo>", says: denied("Foo")},
		{name: "no rule, echo", dst: "sec", options: "<Foo>", proto: protoICMP, body: []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, says: denied("Foo")},
		{name: "no rule, TCP", dst: "sec", options: "<Foo>", proto: protoTCP, body: make([]byte, 20), says: denied("Foo")},
		{name: "no rule, large", dst: "sec", options: "<Foo>", body: udp(1, 2, make([]byte, 1400)), says: denied("Foo")},
		{name: "no rule, first fragment", dst: "sec", options: "<Foo>", flags: 0x2000, body: udp(1, 2, make([]byte, 80)), says: denied("Foo")},
		{name: "rule without w", dst: "10.4.200.9", options: "<Foo>", says: denied("Foo")},
		{name: "unknown label", options: "<Nobody>", says: denied("Gate")},
		{name: "label of another machine", options: "860b R 0105 00fb 05", says: denied("Gate")},
		{name: "*", options: "860b R 0105 00fa 15", says: denied("Gate")},
		{name: "?", options: "860c R 0106 00fa 1f80", says: denied("Gate")},
		{name: "@", options: "860b R 0105 00fa 20", says: denied("Gate")},
		{name: "no way to say it there", dst: "mblue", options: "<Secret>", says: denied("Secret")},
		{name: "no room for it there", dst: "mblue", options: "94040000<Foo>", says: denied("Foo")},
		{name: "to the gateway, no rule", dst: lab.GatewayName, options: "<Bar>", says: &said{kind: 3, code: 10, label: "Bar"}},
		{name: "to the gateway, no label", dst: lab.GatewayName, says: missing},
		{name: "to the gateway, tag unknown", dst: lab.GatewayName, options: "860c R 0306 00fa 2080", says: problem(26)},
		{name: "too large with its label", dst: "mblue", options: "<Foo>", flags: 0x4000, body: udp(1, 2, large[16:]), says: &said{kind: 3, code: 4, mtu: 1500 - 24, label: "Foo"}},

		// What nobody may answer.
		{name: "an error", dst: "sec", options: "<Foo>", proto: protoICMP, body: []byte{3, 3, 0xfc, 0xfc, 0, 0, 0, 0}},
		{name: "an error without a label", proto: protoICMP, body: []byte{11, 0, 0xf4, 0xff, 0, 0, 0, 0}},
		{name: "an error with a fault", options: "860c R 0306 00fa 2080", proto: protoICMP, body: []byte{3, 4, 0xfc, 0xfb, 0, 0, 0, 0}},
		{name: "a type that may be an error", dst: "sec", options: "<Foo>", proto: protoICMP, body: []byte{40, 0, 0xd7, 0xff, 0, 0, 0, 0}},
		{name: "a redirect", dst: "sec", options: "<Foo>", proto: protoICMP, body: []byte{5, 0, 0xfa, 0xff, 0, 0, 0, 0}},
		{name: "later fragment", dst: "sec", options: "<Foo>", flags: 100, body: make([]byte, 80)},
		{name: "later fragment without a label", flags: 100, body: make([]byte, 80)},
		{name: "later fragment with a fault", options: "860c R 0306 00fa 2080", flags: 0x2000 | 100, body: make([]byte, 80)},
		{name: "fault, to everybody", dst: "255.255.255.255", options: "860c R 0306 00fa 2080"},
		{name: "no label, to everybody", dst: "255.255.255.255"},
		{name: "fault, to a group", dst: "224.0.0.5", options: "860c R 0306 00fa 2080"},
		{name: "no label, to a group", dst: "239.1.2.3"},
		{name: "fault, to another subnet", dst: "10.4.0.31", options: "860c R 0306 00fa 2080"},
		{name: "fault, to its own subnet", dst: "10.1.0.31", options: "860c R 0306 00fa 2080"},
		{name: "two labels, to a subnet", dst: "10.4.0.31", options: "<Foo><Foo>"},
		{name: "no label, to a subnet", dst: "10.4.0.31"},
		{name: "no rule, to a subnet", dst: "10.4.0.31", options: "<Abe>"},

		// Sources that are not who sent it.
		{name: "fault, source of another zone", src: "10.2.70.1", options: "860c R 0306 00fa 2080"},
		{name: "two labels, source of another zone", src: "10.2.70.2", options: "<Foo><Foo>"},
		{name: "two labels, source of an unlabeled zone", src: "10.4.70.2", options: "<Foo><Foo>"},
		{name: "fault, source of no zone", src: "172.16.0.1", options: "860c R 0306 00fa 2080"},
		{name: "two labels, source of no zone", src: "172.16.0.1", options: "<Foo><Foo>"},
		{name: "two labels, source the gateway", src: "10.1.0.17", options: "<Foo><Foo>"},
		{name: "two labels, source the gateway elsewhere", src: "10.4.0.1", options: "<Foo><Foo>"},
		{name: "two labels, source a subnet", src: "10.1.0.31", options: "<Foo><Foo>"},
		{name: "two labels, source a group", src: "224.0.0.1", options: "<Foo><Foo>"},
		{name: "two labels, source everybody", src: "255.255.255.255", options: "<Foo><Foo>"},
		{name: "two labels, source nobody", src: "0.0.0.0", options: "<Foo><Foo>"},
		{name: "two labels, source this machine", src: "127.0.0.1", options: "<Foo><Foo>"},
		{name: "header checksum", options: "<Foo>bad"},
		{name: "source route", options: "<Foo>8307 04 0a010002"},
		{name: "basic security option", options: "8203 ab<Foo>"},
		{name: "label spoof", src: "10.1.70.77", dst: "10.9.0.1", options: "<Foo>"}, // to no zone
	} {
		r.from = "mred"
		all = append(all, r)
	}

	// A zone that accepts labels.
	for _, r := range []refused{
		{name: "accepting: fault", options: "860c R 0306 00fa 2080", says: problem(26)},
		{name: "accepting: no rule", dst: "sec", options: "<Foo>", says: denied("Foo")},
		{name: "accepting: no rule, ambient", dst: "sec", options: "<_>", says: denied("_")},
		{name: "accepting: no rule, unlabeled", dst: "sec"},
		{name: "accepting: label missing", src: "10.3.65.1", says: missing},
		{name: "accepting: to the gateway", dst: lab.GatewayName, options: "<Bar>", says: &said{kind: 3, code: 10, label: "Bar"}},
		{name: "accepting: to the gateway, unlabeled", dst: lab.GatewayName},
		{name: "accepting: too large with its label", dst: "mblue", options: "<Foo>", flags: 0x4000, body: udp(1, 2, large[16:]), says: &said{kind: 3, code: 4, mtu: 1500 - 24, label: "Foo"}},
		{name: "accepting: too large with a label, unlabeled", dst: "mred", flags: 0x4000, body: udp(1, 2, large), says: &said{kind: 3, code: 4, mtu: 1500 - 12}},
	} {
		r.from = "mgreen"
		all = append(all, r)
	}

	// The other domain.
	for _, r := range []refused{
		{name: "other domain: fault", options: "860c B 0306 00fa 2080", says: problem(26)},
		{name: "other domain: categories out of order", options: "860e B 0208 0005 00020001", says: problem(30)},
		{name: "other domain: no rule", dst: "sec", options: "[Bar]", says: denied("Bar")},
		{name: "other domain: no label", says: missing},
		{name: "other domain: to the gateway", dst: lab.GatewayName, options: "[Bar]", says: &said{kind: 3, code: 10, label: "Bar"}},
	} {
		r.from = "mblue"
		all = append(all, r)
	}

	// A zone that refuses labels learns nothing but sizes, and so does one that is
	// to be told nothing.
	for _, zone := range []struct{ from, label, sized string }{{"mgray", "", ""}, {"mquiet", "<Foo>", "Foo"}} {
		for _, r := range []refused{
			{name: "fault", options: "860c R 0306 00fa 2080"},
			{name: "two labels", options: "<Foo><Foo>"},
			{name: "label", options: "<Foo>", dst: "sec"},
			{name: "no rule or no label", dst: "sec"},
			{name: "unknown label", options: "<Nobody>"},
			{name: "to the gateway", dst: lab.GatewayName, options: "<Bar>"},
			{name: "to the gateway, fault", dst: lab.GatewayName, options: "860c R 0306 00fa 2080"},
			{name: "too large with its label", dst: "mblue", options: zone.label, flags: 0x4000,
				body: udp(1, 2, large[len(zone.label)/5*16:]), says: &said{kind: 3, code: 4, label: zone.sized}},
			{name: "too large with its label, later fragment", dst: "mblue", options: zone.label, flags: 0x4000 | 3, body: large[len(zone.label)/5*16:]},
		} {
			r.name, r.from = zone.from+": "+r.name, zone.from
			if r.says != nil {
				r.says.mtu = 1500 - 32 // Pop in the other domain
				if zone.label != "" {
					r.says.mtu = 1500 - 24
				}
			}
			all = append(all, r)
		}
	}
	return all
}

// own: what the gateway says itself of what it drops, and of what it says nothing.
func (e *errorsBench) own(t *testing.T) {
	rows := refusals()
	wrong, due := e.refuse(t, rows)
	report(t,
		figures.Figure{ID: "e2e/errors/own/refused", Value: float64(len(rows)), Unit: "packets"}.AtLeast(100),
		figures.Figure{ID: "e2e/errors/own/due", Value: float64(due), Unit: "errors"}.AtLeast(45),
		figures.Figure{ID: "e2e/errors/own/wrong", Value: float64(wrong), Unit: "errors"}.AtMost(0),
	)
}

// silent: a gateway without a label of its own says nothing as itself. What it says of
// a labeled packet has that packet's label; where it cannot name one it is ambient.
func (e *errorsBench) silent(t *testing.T) {
	e.settings(t, "")
	defer e.settings(t, withSelf)
	const fault = "860c R 0306 00fa 2080"
	ambient := &said{kind: 12, pointer: 26, label: "_"}
	missing := &said{kind: 12, code: 1, pointer: cipsoType, label: "_"}
	rows := []refused{
		{name: "fault", from: "mred", options: fault, says: ambient},
		{name: "no label", from: "mred", says: missing},
		{name: "no rule", from: "mred", dst: "sec", options: "<Foo>", says: &said{kind: 3, code: 9, label: "Foo"}},
		{name: "unknown label", from: "mred", options: "<Nobody>", says: &said{kind: 3, code: 9, label: "_"}},
		{name: "@", from: "mred", options: "<@>", says: &said{kind: 3, code: 9, label: "_"}},
		{name: "fault, accepting zone", from: "mgreen", options: fault, says: ambient},
		{name: "label missing, accepting zone", from: "mgreen", src: "10.3.65.2", says: &said{kind: 12, code: 1, pointer: cipsoType}},
		{name: "fault, other domain", from: "mblue", options: "860c B 0306 00fa 2080", says: ambient},
		{name: "to the gateway", from: "mred", dst: lab.GatewayName, options: "<Foo>"},
		{name: "to the gateway, accepting zone", from: "mgreen", dst: lab.GatewayName, options: "<Foo>"},
		{name: "to the gateway, unlabeled", from: "mgray", dst: lab.GatewayName},
		{name: "to the gateway, no label", from: "mred", dst: lab.GatewayName, says: missing},
		{name: "to the gateway, fault", from: "mred", dst: lab.GatewayName, options: fault, says: ambient},

		{name: "time exceeded, labeled", from: "mred", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, option waits", from: "mred", dst: "mblue", options: "<Foo>", ttl: 1, says: &said{kind: 11, label: "Foo"}},
		{name: "time exceeded, unlabeled", from: "mgray", dst: "mred", ttl: 1}, // nobody judged it
		{name: "no way, labeled", from: "mred", dst: "10.4.127.1", options: "<Foo>", says: &said{kind: 3, code: 1, label: "Foo"}},
		{name: "no way, unlabeled", from: "mgray", dst: "10.1.127.1"},
		{name: "too large with its label", from: "mgray", dst: "other", flags: 0x4000, body: udp(1, 2, make([]byte, narrow-28)), says: &said{kind: 3, code: 4, mtu: narrow - 16}},
		{name: "too large, labeled", from: "mred", dst: "other", options: "<Foo>", flags: 0x4000, body: udp(1, 2, make([]byte, 1472-16)), says: &said{kind: 3, code: 4, mtu: narrow, label: "Foo"}},
	}
	wrong, due := e.refuse(t, rows)
	report(t,
		figures.Figure{ID: "e2e/errors/without-a-label/refused", Value: float64(len(rows)), Unit: "packets"}.AtLeast(20),
		figures.Figure{ID: "e2e/errors/without-a-label/due", Value: float64(due), Unit: "errors"}.AtLeast(15),
		figures.Figure{ID: "e2e/errors/without-a-label/wrong", Value: float64(wrong), Unit: "errors"}.AtMost(0),
	)
}

// refuse sends packets that do not get far, and returns how often something else was
// said than should be, and how many were to be told something.
func (e *errorsBench) refuse(t *testing.T, rows []refused) (wrong, due int) {
	hosts := []string{"mred", "other", "mblue", "mgreen", "mgray", "gray2", "mquiet", "pop", "sec", "alice"}
	cables := e.watch(t, hosts...)
	sent := make([][]byte, len(rows))
	for i := range rows {
		sent[i] = e.refusal(t, &rows[i], i)
		e.raw(t, rows[i].from, sent[i])
		time.Sleep(11 * time.Millisecond) // a hundred a second are sent
	}
	for _, h := range []string{"mred", "mblue", "mgreen", "mgray"} {
		e.settled(t, h)
	}
	for i := range rows {
		if rows[i].says != nil {
			due++
		}
	}
	eventually(func() bool {
		told := 0
		for h := range cables {
			told += countErrors(cables[h])
		}
		return told >= due
	})
	time.Sleep(20 * time.Millisecond) // for more than are due
	stop(t, cables)

	heard := make([][][]byte, len(rows))
	for h, c := range cables {
		for _, p := range c.Packets() {
			ip := p.IPv4()
			q := quoted(ip)
			if p.Outgoing || q == nil {
				continue
			}
			i := int(binary.BigEndian.Uint16(q[4:]))
			if i >= len(rows) || rows[i].from != h {
				wrong++
				t.Errorf("%s was told % x", h, trim(ip))
				continue
			}
			heard[i] = append(heard[i], trim(ip))
		}
	}
	for i := range rows {
		if !t.Run(rows[i].name, func(t *testing.T) { e.told(t, &rows[i], sent[i], heard[i]) }) {
			wrong++
		}
	}
	return wrong, due
}

// countErrors returns how many ICMP errors have reached a host.
func countErrors(c *lab.Capture) (n int) {
	for _, p := range c.Packets() {
		if ip := p.IPv4(); !p.Outgoing && quoted(ip) != nil {
			n++
		}
	}
	return n
}

// refusal builds a packet. Its identification is the row's number.
func (e *errorsBench) refusal(t *testing.T, r *refused, id int) []byte {
	t.Helper()
	h := header{proto: r.proto, flags: r.flags, body: r.body, ttl: r.ttl, options: e.area(t, strings.TrimSuffix(r.options, "bad"))}
	if h.proto == 0 {
		h.proto = protoUDP
	}
	if h.body == nil {
		h.body = udp(uint16(id), inboxPort, []byte("refused, as long as an option at least"))
	}
	h.src = netip.AddrFrom4([4]byte{10, e.address(t, r.from, "ear").As4()[1], byte(70 + id%50), byte(1 + id)})
	if r.src != "" {
		h.src = netip.MustParseAddr(r.src)
	}
	switch {
	case r.dst == "":
		h.dst = e.address(t, "pop", r.from)
	case strings.Contains(r.dst, "."):
		h.dst = netip.MustParseAddr(r.dst)
	default:
		h.dst = e.address(t, r.dst, r.from)
	}
	packet := h.bytes()
	binary.BigEndian.PutUint16(packet[4:], uint16(id))
	binary.BigEndian.PutUint16(packet[10:], 0)
	binary.BigEndian.PutUint16(packet[10:], ^sum(packet[:min(len(packet), int(packet[0]&15)*4)]))
	if strings.HasSuffix(r.options, "bad") {
		packet[10]++
	}
	return packet
}

// area reads the options of a refused.
func (e *errorsBench) area(t *testing.T, s string) []byte {
	t.Helper()
	s = strings.NewReplacer("R", fmt.Sprintf("%08x", redDOI), "B ", fmt.Sprintf("%08x", blueDOI)).Replace(s)
	var area []byte
	for s != "" {
		at := strings.IndexAny(s, "<[")
		if at != 0 {
			if at < 0 {
				at = len(s)
			}
			area, s = append(area, unhex(t, s[:at])...), s[at:]
			continue
		}
		end := strings.IndexAny(s, ">]")
		doi, tag := redDOI, uint8(1)
		if s[0] == '[' {
			doi, tag = blueDOI, 2
		}
		area, s = append(area, e.option(t, doi, tag, s[1:end])...), s[end+1:]
	}
	return area
}

// told holds what a sender was told against what it should be.
func (e *errorsBench) told(t *testing.T, r *refused, sent []byte, heard [][]byte) {
	if r.says == nil {
		if len(heard) > 0 {
			t.Errorf("it was told % x", heard[0])
		}
		return
	}
	if len(heard) != 1 {
		t.Fatalf("it was told %d times: % x", len(heard), heard)
	}
	got := heard[0]
	ip := wellFormed(t, got)
	if src, _ := netip.AddrFromSlice(ip.SrcIP); src != e.address(t, lab.GatewayName, r.from) {
		t.Errorf("from %v", src)
	}
	if !bytes.Equal(got[16:20], sent[12:16]) {
		t.Errorf("to % x", got[16:20])
	}
	var option []byte
	if r.says.label != "" {
		doi, tag := redDOI, uint8(1)
		if r.from == "mblue" {
			doi, tag = blueDOI, 2
		}
		option = e.option(t, doi, tag, r.says.label)
		option = append(bytes.Clone(option), make([]byte, -len(option)&3)...)
	}
	if area := optionArea(got); !bytes.Equal(area, option) {
		t.Errorf("options % x, want % x", area, option)
	}
	message := got[headerLen(got):]
	want := said{kind: message[0], code: message[1], label: r.says.label}
	switch want.kind {
	case 12:
		want.pointer = message[4]
	case 3:
		want.mtu = binary.BigEndian.Uint16(message[6:])
	}
	if want != *r.says {
		t.Errorf("said %+v, want %+v", want, *r.says)
	}
	if sum(message) != 0xffff {
		t.Error("checksum")
	}
	quote := message[8:]
	if !slices.ContainsFunc([]byte{0, 1}, func(hops byte) bool {
		came := bytes.Clone(sent)
		came[8] -= hops
		n := int(came[0]&15) * 4
		binary.BigEndian.PutUint16(came[10:], 0)
		binary.BigEndian.PutUint16(came[10:], ^sum(came[:n]))
		return bytes.HasPrefix(came, quote)
	}) || len(quote) < min(len(sent), 500) || len(got) > 576+40 {
		t.Errorf("quotes % x, sent was % x", quote, sent)
	}
}
