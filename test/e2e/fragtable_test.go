package e2e

// Reasons that go together: the first fragment that is refused has one of its own,
// the others of its datagram follow.
const (
	overlapping = "fragment-overlap fragment-refused"
	tiny        = "tiny-fragment fragment-refused"
	mislabeled  = "fragment-label fragment-refused label-missing label-from-unlabeled-zone"
	faulty      = "malformed-header fragment-refused"
	spoofed     = "source-not-in-zone fragment-refused"
)

// onUnlabeled says what is heard of hosts that do not label their packets.
func onUnlabeled(heard string) map[string]string {
	return map[string]string{"add": heard, "plain": heard, "here, unlabeled": heard}
}

// apart is a datagram with other fragments of its sender between its first half and its
// second, and then another first half.
func apart(n int) fragParts {
	all := fragParts{bytesAt(0, 1000)}
	for i := range n {
		p := bytesAt(800, 808)
		p.id = uint16(1 + i)
		all = append(all, p)
	}
	again := bytesAt(0, 1000)
	again.says = another
	return all.then(lastBytes(1000, 2000), again)
}

// longest is a datagram in fragments as large as a link takes them with an option.
func longest(size int) fragParts {
	var ends []int
	for to := 1440; to < size; to += 1440 {
		ends = append(ends, to)
	}
	return cutAt(append(ends, size)...)
}

// fragmentCases are the ways to send a datagram in pieces, RFC 791 section 3.2, and
// the ways to abuse that (RFC 1858, RFC 3128, RFC 5722).
func fragmentCases() []fragCase {
	return []fragCase{
		// As hosts and routers do it.
		{name: "two in order", parts: cutAt(1000, 2000), heard: "0"},
		{name: "three in order", parts: cutAt(1000, 2000, 3000), heard: "0"},
		{name: "eight in order", parts: evenly(8000, 8), heard: "0"},
		{name: "two reversed", parts: cutAt(1000, 2000).reversed(), heard: "0"},
		{name: "three reversed", parts: cutAt(1000, 2000, 3000).reversed(), heard: "0"},
		{name: "eight reversed", parts: evenly(8000, 8).reversed(), heard: "0"},
		{name: "sixteen reversed", parts: evenly(8000, 16).reversed(), heard: "0"},
		{name: "last first", parts: cutAt(1000, 2000, 3000).order(2, 0, 1), heard: "0"},
		{name: "middle last", parts: cutAt(1000, 2000, 3000).order(0, 2, 1), heard: "0"},
		{name: "middle first", parts: cutAt(1000, 2000, 3000).order(1, 0, 2), heard: "0"},
		{name: "shuffled", parts: evenly(6000, 7).shuffled(1), heard: "0"},
		{name: "shuffled otherwise", parts: evenly(8000, 12).shuffled(2), heard: "0"},
		{name: "every other one first", parts: evenly(8000, 10).order(0, 2, 4, 6, 8, 1, 3, 5, 7, 9), heard: "0"},
		{name: "sixteen apart from each other", parts: evenly(7680, 32).order(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
			1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), heard: "0"},
		{name: "as large as the link allows", parts: cutAt(1440, 2880, 4320, 5760, 7200, 8000), heard: "0"},
		{name: "larger than the link with an option", parts: cutAt(1480, 2960, 4440, 5000), heard: "0", only: "add; plain; here, unlabeled;"},
		{name: "of different sizes", parts: cutAt(88, 1400, 1408, 2000, 2008, 3001), heard: "0"},
		{name: "the smallest first fragment", parts: cutAt(80, 1000), heard: "0"},
		{name: "one byte at the end", parts: cutAt(1000, 1001), heard: "0"},
		{name: "eight bytes at the end", parts: cutAt(1000, 1008), heard: "0"},
		{name: "may not be fragmented again", parts: cutAt(1000, 2000, 2500).with(func(p *fragPart) { p.flags = 0x4000 }), heard: "0"},
		{name: "reserved bit", parts: cutAt(1000, 2000).with(func(p *fragPart) { p.flags = 0x8000 }), heard: "0"},
		{name: "different times to live", parts: cutAt(1000, 2000, 3000).with(func(p *fragPart) { p.hops = 9 }, 1), heard: "0"},
		{name: "different types of service", parts: cutAt(1000, 2000, 3000).with(func(p *fragPart) { p.tos = 0x10 }, 2), heard: "0"},
		{name: "padding of the link behind", parts: cutAt(1000, 1004).with(func(p *fragPart) { p.pad = 14 }), heard: "0"},
		{name: "two datagrams by turns", parts: cutAt(1000, 2000).then(cutAt(1000, 2000).second()...).order(0, 2, 1, 3).with(func(p *fragPart) { p.id = 1 }, 1, 3), heard: "01"},

		// The same bytes again.
		{name: "first one twice", parts: cutAt(1000, 2000, 3000).order(0, 0, 1, 2), heard: "0", why: overlapping},
		{name: "middle one twice", parts: cutAt(1000, 2000, 3000).order(0, 1, 1, 2), heard: "0", why: overlapping},
		{name: "last one twice", parts: cutAt(1000, 2000, 3000).order(0, 2, 2, 1), heard: "0", why: overlapping},
		{name: "each one twice", parts: cutAt(1000, 2000, 3000).order(0, 0, 1, 1, 2, 2), heard: "0", why: overlapping},
		{name: "all over again", parts: cutAt(1000, 2000, 3000).then(cutAt(1000, 2000, 3000)...), heard: "00"},
		{name: "three times the first", parts: cutAt(1000, 2000).order(0, 0, 0, 1), heard: "0", why: overlapping},
		{name: "again with other bytes", parts: fragParts{bytesAt(0, 1000), bytesAt(1000, 2000), bytesAt(1000, 2000).lying(), lastBytes(2000, 3000)}, heard: "0", why: overlapping},

		// An identification again.
		{name: "identification again", parts: cutAt(1000, 2000).then(cutAt(1000, 2000).second()...), heard: "01"},
		{name: "identification again, other sizes", parts: cutAt(1000, 2000, 3000).then(cutAt(800, 1600).second()...), heard: "01"},
		{name: "identification again, another label", parts: cutAt(1000, 2000).then(cutAt(1000, 2000).second().saying(another)...), heard: "0",
			on: onUnlabeled("0"), why: mislabeled},
		{name: "late one", parts: cutAt(1000, 2000).then(lastBytes(1000, 2000)), heard: "0"},
		{name: "late one, another label", parts: cutAt(1000, 2000).then(lastBytes(1000, 2000)).saying(another, 2), heard: "0", why: mislabeled},

		// Overlaps.
		{name: "overlap of 8 bytes", parts: fragParts{bytesAt(0, 1000), bytesAt(992, 2000), lastBytes(2000, 3000)}, why: overlapping},
		{name: "overlap with other bytes", parts: fragParts{bytesAt(0, 1000), bytesAt(800, 2000).lying(), lastBytes(2000, 3000)}, why: overlapping},
		{name: "overlap from behind", parts: fragParts{lastBytes(2000, 3000), bytesAt(1000, 2008), bytesAt(0, 1000)}, why: overlapping},
		{name: "overlap of the last", parts: fragParts{bytesAt(0, 1000), bytesAt(1000, 2000), lastBytes(1992, 3000)}, why: overlapping},
		{name: "overlap of two neighbours", parts: fragParts{bytesAt(0, 1000), bytesAt(1400, 2000), bytesAt(800, 1600), lastBytes(2000, 3000)}, why: overlapping},
		{name: "inside another", parts: fragParts{bytesAt(0, 1000), bytesAt(200, 400), lastBytes(1000, 2000)}, heard: "0", why: overlapping},
		{name: "inside another, other bytes", parts: fragParts{bytesAt(0, 1000), bytesAt(200, 400).lying(), lastBytes(1000, 2000)}, heard: "0", why: overlapping},
		{name: "around another", parts: fragParts{bytesAt(400, 800), bytesAt(0, 1000), lastBytes(1000, 2000)}, why: overlapping},
		{name: "around another, other bytes", parts: fragParts{bytesAt(400, 800), bytesAt(320, 1000).lying(), bytesAt(0, 400), lastBytes(1000, 2000)}, why: overlapping},
		{name: "first one longer", parts: fragParts{bytesAt(0, 1000), bytesAt(0, 1200).lying(), lastBytes(1000, 2000)}, why: overlapping + " icmp-type"},
		{name: "teardrop", parts: fragParts{bytesAt(0, 1000), lastBytes(400, 600).lying(), lastBytes(1000, 2000)}, why: overlapping},
		{name: "teardrop by one byte", parts: fragParts{bytesAt(0, 1000), lastBytes(992, 999).lying()}, why: overlapping},
		{name: "teardrop reversed", parts: fragParts{lastBytes(400, 600).lying(), bytesAt(0, 1000), lastBytes(1000, 2000)}, why: overlapping},
		{name: "another end", parts: fragParts{bytesAt(0, 1000), lastBytes(2000, 3000), lastBytes(2000, 2500).lying(), bytesAt(1000, 2000)}, heard: "", why: overlapping},
		{name: "another end, farther", parts: fragParts{bytesAt(0, 1000), lastBytes(2000, 3000), lastBytes(3000, 3500).lying(), bytesAt(1000, 2000)}, why: overlapping},
		{name: "more behind the end", parts: fragParts{bytesAt(0, 1000), lastBytes(2000, 3000), bytesAt(3000, 3504).lying(), bytesAt(1000, 2000)}, why: overlapping},

		// Pieces that are none.
		{name: "not a multiple of eight", parts: fragParts{bytesAt(0, 1000), bytesAt(1000, 1996), lastBytes(2000, 3000)}, why: overlapping},
		{name: "nothing in the middle", parts: fragParts{bytesAt(0, 1000), bytesAt(1000, 1000).lying(), lastBytes(1000, 2000)}, why: overlapping},
		{name: "nothing at the end", parts: fragParts{bytesAt(0, 1000), bytesAt(1000, 2000), lastBytes(2000, 2000).lying()}, why: overlapping},
		{name: "nothing at the beginning", parts: fragParts{bytesAt(0, 0).lying(), bytesAt(0, 1000), lastBytes(1000, 2000)}, why: tiny},
		{name: "tiny first fragment", parts: fragParts{bytesAt(0, 8), bytesAt(8, 1000), lastBytes(1000, 2000)}, why: tiny},
		{name: "tiny first fragment, gap filled later", parts: fragParts{bytesAt(0, 8), bytesAt(80, 1000), lastBytes(1000, 2000), bytesAt(8, 80)}, why: tiny},
		{name: "offset 8", parts: fragParts{bytesAt(0, 1000), bytesAt(8, 96).lying(), lastBytes(1000, 2000)}, why: tiny},
		{name: "offset 16", parts: fragParts{bytesAt(0, 16), lastBytes(16, 1000)}, why: tiny},
		{name: "offset 72", parts: fragParts{bytesAt(0, 72), lastBytes(72, 1000)}, why: tiny},
		{name: "offset 8 at the end", parts: fragParts{bytesAt(0, 8), lastBytes(8, 1000)}, why: tiny},
		{name: "seventeen apart from each other", parts: evenly(8160, 34).order(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32,
			1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33), why: overlapping},

		// Gaps.
		{name: "gap", parts: cutAt(1000, 2000, 3000).order(0, 2)},
		{name: "no first one", parts: cutAt(1000, 2000, 3000).order(1, 2)},
		{name: "no last one", parts: cutAt(1000, 2000, 3000).order(0, 1)},
		{name: "only a first one", parts: cutAt(1000, 2000)[:1]},
		{name: "gap of 8 bytes", parts: fragParts{bytesAt(0, 1000), lastBytes(1008, 2000)}},

		// Past the end of everything.
		{name: "past 65535", parts: fragParts{bytesAt(0, 1000), lastBytes(65528, 66000).lying()}, why: faulty},
		{name: "past 65535 with the header", parts: fragParts{bytesAt(0, 1000), lastBytes(65000, 65530).lying()}, why: faulty},
		{name: "past 65535, not the last", parts: fragParts{bytesAt(0, 1000), bytesAt(65528, 66528).lying(), lastBytes(1000, 2000)}, why: faulty},
		{name: "as far as can be", parts: fragParts{bytesAt(0, 1000), lastBytes(64992, 65480)}},

		// Linux throws away what it has of a datagram when more than 64 other fragments of
		// the same sender came since (net.ipv4.ipfrag_max_dist), and takes the end of it
		// for the end of the datagram that comes next under its number.
		{name: "end of what the receiver forgot", parts: apart(80), forgets: true, why: mislabeled},

		// As long as a datagram can be (RFC 791 section 3.1), with the header that its
		// sender gives it, and with the one that it leaves with. Put together by the
		// gateway's kernel it does not fit into a message of the queue (65531 bytes).
		{name: "as long as its option lets it be, and the next one", parts: longest(65499), heard: "0",
			on: map[string]string{"replace, tracked": "", "add, tracked": ""}, why: "no-room truncated"},
		{name: "as long as its option lets it be", parts: longest(65503), heard: "0", on: map[string]string{"replace": ""},
			only: "strip; accepting; replace; here;", why: "no-room fragment-refused"},
		{name: "as long as can be without an option", parts: longest(65515), heard: "0",
			on:   map[string]string{"add": "", "plain, tracked": "", "here, unlabeled": ""},
			only: "add; plain; here, unlabeled;", why: "no-room fragment-refused truncated"},

		// Labels that do not agree.
		{name: "two labels", parts: cutAt(1000, 2000).saying(another, 1), why: mislabeled},
		{name: "two labels reversed", parts: cutAt(1000, 2000).saying(another, 1).reversed(), why: mislabeled},
		{name: "another label in the middle", parts: cutAt(1000, 2000, 3000).saying(another, 1), why: mislabeled},
		{name: "another label at the end", parts: evenly(8000, 8).saying(another, 7), why: mislabeled},
		{name: "another label on what is there already", parts: cutAt(1000, 2000, 3000).order(0, 1, 1, 2).saying(another, 2, 3), why: mislabeled},
		{name: "two datagrams in one, a label each", parts: cutAt(1000, 2000).then(cutAt(1000, 2000).second().saying(another)...).order(0, 2, 3, 1), why: mislabeled},
		{name: "label on the first only", parts: cutAt(1000, 2000, 3000).saying(bare, 1, 2), why: mislabeled,
			on: onUnlabeled("0")},
		{name: "label on the first only, last first", parts: cutAt(1000, 2000, 3000).saying(bare, 1, 2).reversed(), why: mislabeled,
			on: onUnlabeled("0")},
		{name: "label on the second only", parts: cutAt(1000, 2000).saying(bare, 0), why: mislabeled, on: onUnlabeled("0")},
		{name: "label on the last only", parts: cutAt(1000, 2000, 3000).saying(bare, 0, 1), why: mislabeled, on: onUnlabeled("0")},
		{name: "label on all but the last", parts: cutAt(1000, 2000, 3000).saying(bare, 2), why: mislabeled, on: onUnlabeled("0")},
		{name: "label on none", parts: cutAt(1000, 2000, 3000).saying(bare), heard: "0", why: mislabeled, on: map[string]string{"strip": "", "replace": "", "here": ""}},
		{name: "label of an unlabeled host, on the first", parts: cutAt(1000, 2000).saying(another, 0), why: mislabeled, only: "add; plain; here, unlabeled;"},
		{name: "another domain in the second", parts: cutAt(1000, 2000).saying(foreign, 1), why: mislabeled + " unknown-doi"},
		{name: "another domain in the first", parts: cutAt(1000, 2000).saying(foreign, 0), why: mislabeled + " unknown-doi"},
		{name: "unknown label in the second", parts: cutAt(1000, 2000).saying(unnamed, 1), why: mislabeled + " unknown-label"},
		{name: "no rule for the label", parts: cutAt(1000, 2000).saying(mute), why: mislabeled + " no-rule", only: "strip; accepting; here;"},
		{name: "no rule for the label of the second", parts: cutAt(1000, 2000).saying(mute, 1), why: mislabeled + " no-rule"},
		{name: "broken option in the second", parts: cutAt(1000, 2000).saying(broken, 1), why: mislabeled + " malformed-option"},
		{name: "two options in the second", parts: cutAt(1000, 2000).saying(twice, 1), why: mislabeled + " malformed-header"},
		{name: "label of RFC 1108 in the second", parts: cutAt(1000, 2000).saying(rfc1108, 1), why: mislabeled + " foreign-label"},
		{name: "second label hidden in the second", parts: cutAt(1000, 2000).saying(hidden, 1), why: mislabeled + " malformed-header"},
		{name: "from another zone in between", parts: cutAt(1000, 2000, 3000).alien(1), why: spoofed},
		{name: "from another zone in between, without a label", parts: cutAt(1000, 2000, 3000).alien(1).saying(bare, 1), why: spoofed},
		{name: "from another zone at the end, without a label", parts: cutAt(1000, 2000).alien(1).saying(bare, 1), why: spoofed},
		{name: "from another zone at the beginning, without a label", parts: cutAt(1000, 2000).alien(0).saying(bare, 0), why: spoofed},
		{name: "from another zone first, without a label", parts: cutAt(1000, 2000).alien(1).saying(bare, 1).reversed(), why: spoofed},

		// What says the same.
		{name: "NOPs before", parts: cutAt(1000, 2000, 3000).saying(nopsBefore, 1), heard: "0"},
		{name: "NOPs behind", parts: cutAt(1000, 2000, 3000).saying(nopsBehind, 0), heard: "0"},
		{name: "router alert before and behind", parts: cutAt(1000, 2000, 3000).saying(alertBefore, 0, 1).saying(alertBehind, 2), heard: "0"},
		{name: "router alert on the first", parts: cutAt(1000, 2000, 3000).saying(alertBefore, 0), heard: "0"},
		{name: "router alert on the last, reversed", parts: cutAt(1000, 2000, 3000).saying(alertBehind, 2).reversed(), heard: "0"},
	}
}
