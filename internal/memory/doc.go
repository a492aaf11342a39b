// Package memory is what the gateway remembers of packets: the label of each live
// flow, and what the fragments of a datagram have in common. It stands between who
// has packets (the daemon, replay) and the pure function that decides about one.
//
// It may supply the label of an ICMP error, which is that of the datagram it
// reports, and it may turn a pass into a drop: of an error about nothing that was
// sent, of fragments that do not agree, of a flow that changes its label. Where the
// policy denies, nothing remembered makes it allow.
package memory
