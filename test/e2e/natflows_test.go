package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"labelgate/internal/lab"
)

// Places and answers that are no hosts and no labels.
const (
	natHere   = lab.GatewayName // it ends at the gateway itself, which answers
	natSilent = "silent"        // nobody answers, or reports an error
	natBare   = "bare"          // it is answered or reported without a label
)

// natFlow is a datagram, what answers it and an error about it, and what becomes of
// the three of them. Labels stand for the options of whoever's cable it is on.
type natFlow struct {
	name     string
	from     string // host
	to       string // host, or "gate:HOST" for the gateway's address on that host's cable
	port     uint16 // that it is sent to
	says     string // label in its option, "" for none
	cut      bool   // it comes in fragments
	refused  string // why it goes nowhere
	at       string // who receives it
	dport    uint16 // on which port, the same when 0
	hidden   bool   // there it comes from the gateway
	shows    string // label in its option there
	answer   string // label in the option of the answer, natBare or natSilent
	back     string // label in that option at the sender, "" for none
	backs    string // why the answer goes nowhere
	error    string // label in the option of an error about it, natBare or natSilent
	errorHas string // label in that option at the sender, "" for none
}

// untranslated are flows for a gateway that translates nothing. Their ports are those
// that rules will be about.
func untranslated() []natFlow {
	return []natFlow{
		{name: "labeled to single label", from: "mallory", to: "pop", port: 9001, says: "Foo", at: "pop", answer: natBare, back: "Pop", error: natBare, errorHas: "Foo"},
		{name: "labeled to single label, no rule", from: "mallory", to: "sec", port: 9021, says: "Foo", refused: "no-rule"},
		{name: "another label to it", from: "mallory", to: "sec", port: 9021, says: "Bar", at: "sec", answer: natBare, back: "Secret", error: natSilent},
		{name: "labeled to what will be elsewhere", from: "mallory", to: "pop", port: 9020, says: "Foo", at: "pop", answer: natBare, back: "Pop", error: natSilent},
		{name: "labeled into the other domain", from: "mallory", to: "carol", port: 9002, says: "Foo", at: "carol", shows: "Foo", answer: "Bar", back: "Bar", error: "Foo", errorHas: "Foo"},
		{name: "unlabeled to labeled", from: "pop", to: "mallory", port: 9003, at: "mallory", shows: "Pop", answer: "Foo", error: "Foo"},
		{name: "unlabeled to labeled, answer not allowed", from: "pop", to: "mallory", port: 9003, at: "mallory", shows: "Pop", answer: "Bar", backs: "no-rule", error: natBare},
		{name: "unlabeled to unlabeled", from: "pop", to: "sec", port: 9014, at: "sec", answer: natBare, backs: "no-rule", error: natSilent},
		{name: "unlabeled to unlabeled, no rule", from: "sec", to: "pop", port: 9015, refused: "no-rule"},
		{name: "labeled to the gateway", from: "mallory", to: "gate:mallory", port: natPort, says: "Foo", at: natHere, back: "Gate", error: natSilent},
		{name: "labeled to the gateway, no rule", from: "mallory", to: "gate:mallory", port: natPort, says: "Bar", refused: "no-rule"},
		{name: "unlabeled to the gateway", from: "pop", to: "gate:pop", port: natPort, at: natHere, error: natSilent},
		{name: "fragments of a labeled one", from: "mallory", to: "pop", port: 9004, says: "Foo", cut: true, at: "pop", answer: natSilent, error: natSilent},
		{name: "fragments for the other domain", from: "mallory", to: "carol", port: 9004, says: "Foo", cut: true, at: "carol", shows: "Foo", answer: natSilent, error: natSilent},
		{name: "fragments of an unlabeled one", from: "pop", to: "mallory", port: 9004, cut: true, at: "mallory", shows: "Pop", answer: natSilent, error: natSilent},
	}
}

// natPort is where the gateway itself listens.
const natPort = 7779

// translatedFlows are flows for a gateway with the rules of translateAll.
func translatedFlows() []natFlow {
	return []natFlow{
		// Source addresses: what is judged is who it really comes from.
		{name: "masquerade toward single label", from: "mallory", to: "pop", port: 9001, says: "Foo", at: "pop", hidden: true, answer: natBare, back: "Pop", error: natBare, errorHas: "Foo"},
		{name: "masquerade toward single label, no rule", from: "mallory", to: "pop", port: 9001, says: "Bar", refused: "no-rule"},
		{name: "masquerade of an unlabeled host", from: "sec", to: "pop", port: 9001, refused: "no-rule"},
		{name: "masquerade into the other domain", from: "mallory", to: "carol", port: 9002, says: "Foo", at: "carol", hidden: true, shows: "Foo", answer: "Bar", back: "Bar", error: "Foo", errorHas: "Foo"},
		{name: "masquerade into the other domain, error without a label", from: "mallory", to: "carol", port: 9002, says: "Bar", at: "carol", hidden: true, shows: "Bar", answer: "Foo", back: "Foo", error: natBare, errorHas: "Bar"},
		{name: "source toward labeled", from: "pop", to: "mallory", port: 9003, at: "mallory", hidden: true, shows: "Pop", answer: "Foo", error: "Foo"},
		{name: "source toward labeled, error without a label", from: "pop", to: "mallory", port: 9003, at: "mallory", hidden: true, shows: "Pop", answer: "Foo", error: natBare},
		{name: "source toward labeled, answer not allowed", from: "pop", to: "mallory", port: 9003, at: "mallory", hidden: true, shows: "Pop", answer: "Bar", backs: "no-rule", error: "Foo"},
		{name: "source of one domain toward the other", from: "carol", to: "mallory", port: 9003, says: "Foo", at: "mallory", hidden: true, shows: "Foo", answer: "Foo", back: "Foo", error: "Foo", errorHas: "Foo"},

		// Ports of the gateway that stand for hosts behind it.
		{name: "forwarded port, labeled", from: "mallory", to: "gate:mallory", port: 9010, says: "Foo", at: "pop", dport: 7777, answer: natBare, back: "Pop", error: natBare, errorHas: "Foo"},
		{name: "forwarded port, labeled, no rule", from: "mallory", to: "gate:mallory", port: 9010, says: "Bar", refused: "no-rule"},
		{name: "forwarded port to another label", from: "mallory", to: "gate:mallory", port: 9011, says: "Foo", refused: "no-rule"},
		{name: "forwarded port to another label, allowed", from: "mallory", to: "gate:mallory", port: 9011, says: "Bar", at: "sec", dport: 7777, answer: natBare, back: "Secret", error: natBare, errorHas: "Bar"},
		{name: "forwarded port into the other domain", from: "mallory", to: "gate:mallory", port: 9012, says: "Foo", at: "carol", dport: 7777, shows: "Foo", answer: "Bar", back: "Bar", error: "Bar", errorHas: "Bar"},
		{name: "forwarded port, unlabeled to labeled", from: "pop", to: "gate:pop", port: 9013, at: "mallory", dport: 7777, shows: "Pop", answer: "Foo", error: "Foo"},
		{name: "forwarded port, unlabeled to unlabeled", from: "pop", to: "gate:pop", port: 9014, at: "sec", dport: 7777, answer: natBare, backs: "no-rule", error: natSilent},
		{name: "forwarded port, unlabeled to unlabeled, no rule", from: "sec", to: "gate:sec", port: 9015, refused: "no-rule"},
		{name: "forwarded port and masquerade", from: "pop", to: "gate:pop", port: 9016, at: "sec", dport: 9005, hidden: true, answer: natSilent, error: natSilent},

		// From one host to another of its zone, which has another label.
		{name: "host to host, really not allowed", from: "mallory", to: "pop", port: 9020, says: "Foo", refused: "no-rule"},
		{name: "host to host, really allowed", from: "mallory", to: "sec", port: 9021, says: "Foo", at: "pop", dport: 9021, answer: natBare, back: "Pop", error: natBare, errorHas: "Foo"},
		{name: "host to host, other label, really allowed", from: "mallory", to: "pop", port: 9020, says: "Bar", at: "sec", dport: 9020, answer: natBare, back: "Secret", error: natBare, errorHas: "Bar"},
		{name: "host to host, other label, really not allowed", from: "mallory", to: "sec", port: 9021, says: "Bar", refused: "no-rule"},
		{name: "host to host from the other domain", from: "carol", to: "sec", port: 9021, says: "Foo", at: "pop", dport: 9021, answer: natBare, back: "Pop", error: natSilent},
		{name: "host to host from the other domain, really not allowed", from: "carol", to: "pop", port: 9020, says: "Foo", refused: "no-rule"},
		{name: "unlabeled to a labeled host that is another", from: "pop", to: "mallory", port: 9022, at: "mate", dport: 9022, shows: "Pop", answer: "Foo", error: "Foo"},
		{name: "labeled to a host of another zone", from: "mallory", to: "pop", port: 9023, says: "Foo", at: "carol", dport: 9023, shows: "Foo", answer: "Foo", back: "Foo", error: natSilent},
		{name: "labeled to a host that takes no labels in place of one that does", from: "mallory", to: "carol", port: 9024, says: "Foo", at: "pop", dport: 9024, answer: natBare, back: "Pop", error: natSilent},
		{name: "labeled to a host that takes no labels in place of one that does, no rule", from: "mallory", to: "carol", port: 9024, says: "Bar", refused: "no-rule"},
		{name: "to nobody, who is somebody", from: "mallory", to: "10.4.200.200", port: 9025, says: "Foo", at: "pop", dport: 9025, answer: natBare, back: "Pop", error: natSilent},
		{name: "to an address of no zone, which is somebody", from: "mallory", to: "198.51.100.9", port: 9025, says: "Foo", at: "pop", dport: 9025, answer: natBare, back: "Pop", error: natSilent},

		// To the gateway itself.
		{name: "redirected, labeled", from: "mallory", to: "pop", port: 9030, says: "Foo", at: natHere, back: "Gate", error: natSilent},
		{name: "redirected, labeled, no rule", from: "mallory", to: "pop", port: 9030, says: "Bar", refused: "no-rule"},
		{name: "redirected, other domain", from: "carol", to: "sec", port: 9030, says: "Foo", at: natHere, back: "Gate", error: natSilent},
		{name: "redirected, unlabeled", from: "pop", to: "mallory", port: 9030, at: natHere, error: natSilent},
		{name: "redirected, unlabeled, no rule", from: "sec", to: "pop", port: 9030, refused: "no-rule"},

		// In pieces.
		{name: "fragments to a forwarded port", from: "mallory", to: "gate:mallory", port: 9010, says: "Foo", cut: true, at: "pop", dport: 7777, answer: natSilent, error: natSilent},
		{name: "fragments to a forwarded port, no rule", from: "mallory", to: "gate:mallory", port: 9011, says: "Foo", cut: true, refused: "no-rule"},
		{name: "fragments into the other domain", from: "mallory", to: "gate:mallory", port: 9012, says: "Foo", cut: true, at: "carol", dport: 7777, shows: "Foo", answer: natSilent, error: natSilent},
		{name: "fragments, really not allowed", from: "mallory", to: "pop", port: 9020, says: "Foo", cut: true, refused: "no-rule"},
		{name: "fragments, really allowed", from: "mallory", to: "sec", port: 9021, says: "Foo", cut: true, at: "pop", dport: 9021, answer: natSilent, error: natSilent},
		{name: "fragments of an unlabeled host", from: "pop", to: "gate:pop", port: 9013, cut: true, at: "mallory", dport: 7777, shows: "Pop", answer: natSilent, error: natSilent},
		{name: "fragments under the gateway's address", from: "mallory", to: "pop", port: 9001, says: "Foo", cut: true, at: "pop", hidden: true, answer: natSilent, error: natSilent},

		// What no rule is about.
		{name: "untouched, labeled to single label", from: "mallory", to: "pop", port: 9000, says: "Foo", at: "pop", answer: natBare, back: "Pop", error: natBare, errorHas: "Foo"},
		{name: "untouched, labeled to single label, no rule", from: "mallory", to: "sec", port: 9000, says: "Foo", refused: "no-rule"},
		{name: "untouched, into the other domain", from: "mallory", to: "carol", port: 9000, says: "Bar", at: "carol", shows: "Bar", answer: "Foo", back: "Foo", error: natSilent},
		{name: "untouched, unlabeled to labeled", from: "pop", to: "mallory", port: 9000, at: "mallory", shows: "Pop", answer: "Foo", error: "Foo"},
	}
}

// natPackets are the packets of a flow as they are sent, and as they must be on the
// cable behind.
type natPackets struct {
	sent, arrives   []byte
	answer, comes   []byte
	report, reports []byte
}

// packets makes a flow's packets. Its source port tells it from all others.
func (b *natBench) packets(f *natFlow, sport uint16) (p natPackets) {
	payload := fmt.Appendf(nil, "%s, %d", f.name, sport)
	if f.cut {
		payload = append(payload, bytes.Repeat([]byte("in pieces "), 200)...)
	}
	from, to := b.where(f.from), b.where(f.to)
	sent := header{src: from, dst: to, proto: protoUDP, options: b.label(f.from, f.says), body: udp(sport, f.port, payload)}
	p.sent = sent.bytes()
	if f.at == "" || f.at == natHere {
		return p
	}
	at, dport := b.where(f.at), f.dport
	if dport == 0 {
		dport = f.port
	}
	seen := from
	if f.hidden {
		seen = b.where("gate:" + f.at)
	}
	p.arrives = header{src: seen, dst: at, proto: protoUDP, ttl: 63, options: b.label(f.at, f.shows), body: udp(sport, dport, payload)}.bytes()

	said := []byte("answer to " + f.name)
	p.answer = header{src: at, dst: seen, proto: protoUDP, options: b.label(f.at, f.answer), body: udp(dport, sport, said)}.bytes()
	p.comes = header{src: to, dst: from, proto: protoUDP, ttl: 63, options: b.label(f.from, f.back), body: udp(f.port, sport, said)}.bytes()

	p.report = header{src: at, dst: seen, proto: protoICMP, options: b.label(f.at, f.error), body: portError(p.arrives)}.bytes()
	sent.ttl = 63
	p.reports = header{src: to, dst: from, proto: protoICMP, ttl: 63, options: b.label(f.from, f.errorHas), body: portError(sent.bytes())}.bytes()
	return p
}

// portError is an ICMP error about a packet: its port is not open (RFC 792).
func portError(about []byte) []byte {
	b := slices.Concat([]byte{3, 3, 0, 0, 0, 0, 0, 0}, about[:headerLen(about)+8])
	binary.BigEndian.PutUint16(b[2:], ^sum(b))
	return b
}

// where returns the address of a host, of the gateway on a host's cable, or the one
// that is written there.
func (b *natBench) where(name string) netip.Addr {
	if a, err := netip.ParseAddr(name); err == nil {
		return a
	}
	node, peer := name, ""
	if host, ok := bytes.CutPrefix([]byte(name), []byte("gate:")); ok {
		node, peer = lab.GatewayName, string(host)
	}
	a, err := b.Address(node, peer)
	if err != nil {
		panic(err)
	}
	return a
}

// label returns the option that says a label on a host's cable, nil for none.
func (b *natBench) label(host, name string) []byte {
	doi := b.dois[b.zone(host)]
	if doi == 0 {
		return nil
	}
	switch name {
	case "Foo":
		return tag1(doi, 10, 1, 3)
	case "Bar":
		return tag1(doi, 11, 2)
	case "Pop":
		return tag1(doi, 12, 4, 9)
	case "Secret":
		return tag1(doi, 13, 5)
	case "Gate":
		return tag1(doi, 14, 7)
	}
	return nil
}
