// Package packets is one table of packets that a perimeter has to expect, and of
// what becomes of each. Its tests send every one of them through a live gateway, in
// network namespaces; the manual's page about packets is written from it.
//
// The table is packets.toml. A row has a sentence for people and the packets that
// are sent, in a small language that Step describes. What no packet filter can do
// stands there too, as limits.
package packets
