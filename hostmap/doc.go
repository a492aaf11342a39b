// Package hostmap says what is known of an address: which single label its host
// has, or that its host carries labels in its packets itself (-CIPSO). It is the
// host table of Smack (Smack.rst, "netlabel" and "ipv6host") with two additions
// of a gateway: an entry may be bound to a zone, and may say what happens to
// packets that do not fit it.
//
// The longest prefix that holds an address decides. Labels are strings here and
// mean nothing; whoever compiles a policy turns them into numbers, by the index
// of the entry.
package hostmap
