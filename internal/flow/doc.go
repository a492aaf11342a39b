// Package flow remembers, for a bounded number of live flows, under which label
// their packets travel. Beside package fragment it is all that the gateway
// remembers of packets. What it knows may name the label of a packet that cannot
// carry one itself, such as an ICMP error about a labeled datagram (RFC 792), or
// refuse a packet whose label is another than that of its flow (RFC 5570 section
// 6.2.1). It never lets pass what the rules refuse, and what it has forgotten, or
// never heard of, is as if the table were not there.
//
// A table belongs to one goroutine. It allocates nothing after New and knows no
// clock: the caller says which second it is.
package flow
