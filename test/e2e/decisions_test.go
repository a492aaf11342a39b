package e2e

import "testing"

// Options as a machine that lies would send them.
const (
	foo3      = "860e 00000003 0108 00fa 2337b780"
	foo16     = "8628 00000010 0222 00fa 0002 0006 0007 000a 000b 000d 000e 000f 0010 0012 0013 0015 0016 0017 0018"
	secret3   = "860b 00000003 0105 0004 44"
	secret16  = "860e 00000010 0208 0007 000c 001a"
	wide3     = "8612 00000003 010c 0009 00000fffffffff f8"
	stranger3 = "860b 00000003 0105 0009 40"
	xyz3      = "860d 00000003 0107 00fa 2c3cbd"
)

// decisions: who may write to whom, and what the packet looks like afterwards.
func (p *perimeter) decisions(t *testing.T) {
	foo := direct(3, 1, "Foo")
	rows := []row{
		// A labeled host to one that has a single label: the option comes off.
		{name: "labeled to single label", from: "alice", to: "pop", action: "strip", subject: "Foo", object: "Pop", step: "rule", rule: 2},
		{name: "labeled to single label, no rule", from: "alice", to: "sec", action: "drop", reason: "no-rule", subject: "Foo", object: "Secret", step: "no-rule"},
		{name: "labeled to single label, rule without w", from: "bob", to: "pop", action: "drop", reason: "rule-lacks-w", subject: "Secret", object: "Pop", step: "rule-lacks", rule: 4},
		{name: "labeled to its equal", from: "bob", to: "sec", action: "strip", subject: "Secret", object: "Secret", step: "same-label"},
		{name: "labeled to ambient", from: "alice", to: "none", action: "drop", reason: "no-rule", subject: "Foo", object: "_", step: "no-rule"},

		// And the other way: it goes on.
		{name: "single label to labeled", from: "pop", to: "alice", action: "add", subject: "Pop", leaves: direct(3, 1, "Pop")},
		{name: "single label with a mapping", from: "sec", to: "alice", action: "add", subject: "Secret", leaves: &carries{3, 1, 4, "1,5"}},
		{name: "single label into the other domain", from: "sec", to: "carol", action: "add", subject: "Secret", leaves: &carries{16, 2, 7, "12,26"}},
		{name: "single label, refused by the labeled host", from: "pop", to: "bob", action: "add", subject: "Pop", leaves: direct(3, 1, "Pop"), deaf: true},

		// From one domain of interpretation into the other.
		{name: "translated, direct", from: "alice", to: "carol", action: "replace", subject: "Foo", leaves: direct(16, 2, "Foo")},
		{name: "translated, mapped for this domain", from: "bob", to: "carol", action: "replace", subject: "Secret", leaves: &carries{16, 2, 7, "12,26"}},
		{name: "translated, mapped for all", from: "mid", to: "carol", action: "replace", subject: "Mid", leaves: &carries{16, 2, 5, "2,4,6"}},
		{name: "translated, bitmap to ranges", from: "mallory", to: "carol", raw: true, options: wide3, action: "replace", subject: "Wide", leaves: &carries{16, 5, 9, "20-60"}},
		{name: "translated back, direct", from: "carol", to: "alice", action: "replace", subject: "Foo", leaves: foo},
		{name: "translated back, mapped", from: "mallet", to: "alice", raw: true, options: secret16, action: "replace", subject: "Secret", leaves: &carries{3, 1, 4, "1,5"}},
		{name: "no way to say it there", from: "mallory", to: "carol", raw: true, options: "8612 00000003 010c 0009 4924924924924924", action: "drop", reason: "no-encoding", subject: "Sparse"},
		{name: "one domain", from: "bob", to: "alice", action: "pass", subject: "Secret", leaves: &carries{3, 1, 4, "1,5"}},

		// @ hears everybody and, where nobody else asks, speaks to everybody.
		{name: "labeled to @", from: "alice", to: "web", action: "strip", subject: "Foo", object: "@", step: "web"},
		{name: "ambient to @", from: "none", to: "web", action: "pass", subject: "_", object: "@", step: "web"},
		{name: "@ to single label", from: "web", to: "pop", action: "pass", subject: "@", object: "Pop", step: "web"},
		{name: "@ to labeled", from: "web", to: "alice", action: "drop", reason: "web-to-labeled", subject: "@"},
		{name: "@ to labeled, under another name", from: "webas", to: "alice", action: "add", subject: "@", leaves: foo},
		{name: "@ to labeled, under another name, other domain", from: "webas", to: "carol", action: "add", subject: "@", leaves: direct(16, 2, "Foo")},

		// Hosts that nobody has named.
		{name: "ambient to ambient", from: "none", to: "other", action: "pass", subject: "_", object: "_", step: "same-label"},
		{name: "ambient to single label", from: "none", to: "pop", action: "drop", reason: "no-rule", subject: "_", object: "Pop", step: "no-rule"},
		{name: "ambient to an accepting zone", from: "none", to: "gnone", action: "pass", subject: "_"},
		{name: "ambient to a requiring zone", from: "none", to: "alice", action: "add", subject: "_", leaves: direct(3, 1, "_"), deaf: true},
		{name: "ambient from an accepting zone", from: "gnone", to: "other", action: "pass", subject: "_", object: "_", step: "same-label"},
		{name: "single label in an accepting zone", from: "gfoo", to: "pop", action: "pass", subject: "Foo", object: "Pop", step: "rule", rule: 2},

		// Labels that are not to be believed.
		{name: "unknown label", from: "mallory", to: "pop", raw: true, options: stranger3, action: "drop", reason: "unknown-label"},
		{name: "unknown label, spelt out", from: "mallory", to: "pop", raw: true, options: xyz3, action: "drop", reason: "unknown-label"},
		{name: "unknown label to @", from: "mallory", to: "web", raw: true, options: stranger3, action: "drop", reason: "unknown-label"},
		{name: "@ off the wire", from: "mallory", to: "pop", raw: true, options: "860b 00000003 0105 00fa 20", action: "drop", reason: "reserved-label", subject: "@"},
		{name: "* off the wire", from: "mallory", to: "pop", raw: true, options: "860b 00000003 0105 00fa 15", action: "drop", reason: "reserved-label", subject: "*"},
		{name: "? off the wire", from: "mallory", to: "pop", raw: true, options: "860c 00000003 0106 00fa 1f80", action: "drop", reason: "reserved-label", subject: "?"},
		{name: "label number of another machine", from: "mallory", to: "pop", raw: true, options: "860b 00000003 0105 00fb 05", action: "drop", reason: "mapped-label"},
		{name: "no label from a requiring zone", from: "mallory", to: "pop", raw: true, action: "drop", reason: "label-missing"},
		{name: "no label from a -CIPSO host", from: "gcipso", to: "pop", raw: true, action: "drop", reason: "label-missing"},
		{name: "label from a refusing zone", from: "pop", to: "alice", raw: true, options: foo3, action: "drop", reason: "label-from-unlabeled-zone"},
		{name: "label from a refusing zone to a refusing zone", from: "none", to: "pop", raw: true, options: foo3, action: "drop", reason: "label-from-unlabeled-zone"},
		{name: "label from a single-label host", from: "gfoo", to: "pop", raw: true, options: secret3, action: "drop", reason: "label-spoof"},
		{name: "label from a single-label host, its own", from: "gfoo", to: "pop", raw: true, options: foo3, action: "drop", reason: "label-spoof"},
		{name: "label from a single-label host, taken off", from: "gstrip", to: "pop", raw: true, options: secret3, action: "strip", subject: "Foo", object: "Pop", step: "rule", rule: 2},
		{name: "label from a -CIPSO host", from: "gcipso", to: "pop", raw: true, options: foo3, action: "strip", subject: "Foo", object: "Pop", step: "rule", rule: 2},
		{name: "domain of another zone", from: "mallory", to: "pop", raw: true, options: foo16, action: "drop", reason: "unknown-doi", fault: "doi-unknown", pointer: 22},
		{name: "domain of nobody", from: "mallet", to: "pop", raw: true, options: "860e 0000270f 0108 00fa 2337b780", action: "drop", reason: "unknown-doi", fault: "doi-unknown", pointer: 22},

		// Sources that are not to be believed.
		{name: "source of another zone", from: "none", to: "pop", raw: true, src: "10.1.0.2", action: "drop", reason: "source-not-in-zone"},
		{name: "source of another zone, labeled", from: "mallory", to: "alice", raw: true, src: "10.2.0.2", options: foo3, action: "drop", reason: "source-not-in-zone"},
		{name: "source of no zone", from: "none", to: "pop", raw: true, src: "172.16.0.1", action: "drop", reason: "source-not-in-zone"},
		{name: "broadcast source", from: "mallory", to: "pop", raw: true, src: "255.255.255.255", options: foo3, action: "drop", reason: "martian-source"},
		{name: "multicast source", from: "mallory", to: "pop", raw: true, src: "224.0.0.1", options: foo3, action: "drop", reason: "martian-source"},

		// Options that would choose the way, or tell it.
		{name: "loose source route", from: "mallory", to: "pop", raw: true, options: foo3 + "8307 04 0a010002", action: "drop", reason: "ip-option"},
		{name: "strict source route", from: "mallory", to: "pop", raw: true, options: "8907 04 0a010002" + foo3, action: "drop", reason: "ip-option"},
		{name: "source route without a label", from: "none", to: "other", raw: true, options: "8307 04 0a010002 00", action: "drop", reason: "ip-option"},
		{name: "record route", from: "mallory", to: "pop", raw: true, options: "070b 04 0000000000000000" + foo3, action: "drop", reason: "ip-option"},
		{name: "record route without a label", from: "none", to: "other", raw: true, options: "070b 04 0000000000000000 00", action: "drop", reason: "ip-option"},
		{name: "timestamp", from: "mallory", to: "pop", raw: true, options: "440c 05 00 0000000000000000" + foo3, action: "drop", reason: "ip-option"},
		{name: "stream id", from: "mallory", to: "pop", raw: true, options: "8804 0001" + foo3, action: "drop", reason: "ip-option"},
		{name: "option of nobody", from: "mallory", to: "pop", raw: true, options: "9e04 0001" + foo3, action: "drop", reason: "ip-option"},
		{name: "basic security option", from: "mallory", to: "pop", raw: true, options: "8203 ab" + foo3, action: "drop", reason: "foreign-label"},
		{name: "router alert stays", from: "mallory", to: "pop", raw: true, options: "9404 0000" + foo3, action: "strip", subject: "Foo", object: "Pop", step: "rule", rule: 2, area: "94040000"},
	}
	p.table(t, rows)
}

// malformed: each fault that Linux would answer with an ICMP parameter problem,
// with the byte that it would point at. Ours answers nothing: the gateway has no
// label here.
func (p *perimeter) malformed(t *testing.T) {
	rows := []row{
		{name: "option length 7", options: "8607 00000003 01 00", fault: "option-short", pointer: 21},
		{name: "tag unknown", options: "860c 00000003 0306 00fa 2080", fault: "tag-unknown", pointer: 26},
		{name: "tag not allowed", options: "860e 00000003 0208 0005 00010002", fault: "tag-not-allowed", pointer: 26},
		{name: "tag of another machine", options: "860c 00000003 8006 0a000000", fault: "tag-local", pointer: 26},
		{name: "tag length 3", options: "860c 00000003 0103 00fa 2080", fault: "tag-length", pointer: 27},
		{name: "tag longer than the option", options: "860c 00000003 0107 00fa 2080", fault: "tag-length", pointer: 27},
		{name: "byte behind the tag", options: "860c 00000003 0105 00fa 20 01", fault: "tag-trailing-byte", pointer: 31},
		{name: "domain 0", options: "860c 00000000 0106 00fa 2080", fault: "doi-zero", pointer: 22},
		{name: "alignment byte", options: "860e 00000003 0108 01fa 2337b780", fault: "alignment", pointer: 28},
		{name: "longer than need be", options: "860f 00000003 0109 00fa 2337b78000", fault: "noncanonical", pointer: 27},
		{name: "two tags", options: "8616 00000003 0108 00fa 2337b780 0108 00fa 2337b780", fault: "second-tag", pointer: 34},
		{name: "behind a router alert", options: "94040000 860c 00000003 0306 00fa 2080", fault: "tag-unknown", pointer: 30},
		{name: "categories out of order", from: "mallet", options: "860e 00000010 0208 0005 00020001", fault: "category-encoding", pointer: 30},
		{name: "range that ends before it begins", from: "mallet", options: "860e 00000010 0508 0005 00050009", fault: "category-range", pointer: 30},
		// Faults of the header as a whole.
		{name: "second CIPSO option", options: foo3 + foo3, reason: "malformed-header", fault: "second-cipso", pointer: 34},
		{name: "second CIPSO option, another label", options: secret3 + foo3, reason: "malformed-header", fault: "second-cipso", pointer: 31},
		{name: "option longer than the header", options: "86ff 00000003 0108 00fa 2337b780 0000", reason: "malformed-header", fault: "option-length", pointer: 20},
		{name: "label behind the end of the options", options: "00" + foo3, reason: "malformed-header", fault: "data-after-end", pointer: 21},
	}
	for i := range rows {
		r := &rows[i]
		r.to, r.raw, r.action = "pop", true, "drop"
		if r.from == "" {
			r.from = "mallory"
		}
		if r.reason == "" {
			r.reason = "malformed-option"
		}
		if r.fault == "doi-zero" {
			r.reason = "malformed-option"
		}
	}
	p.table(t, rows)
}

func (p *perimeter) table(t *testing.T, rows []row) {
	for i := range rows {
		t.Run(rows[i].name, func(t *testing.T) { p.try(t, &rows[i]) })
	}
}
