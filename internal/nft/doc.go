// Package nft installs the netfilter rules that bring the packets of labeled
// zones to the queue, and that let nothing out which was not judged.
//
// A table of the ip family, one of the ip6 family and one of the netdev family, all
// with the plan's name:
//
//	ingress-IF  -450  a chain for each interface of a zone, leading to one for the
//	                  zone: dropped and counted unless IPv4, IPv6, ARP or what the
//	                  zone admits besides
//	prerouting  -450  from a zone: mark cleared; bit 29 set if the address is
//	                  ours; queued if the header has options, if it is a
//	                  fragment, if its addresses are such that the kernel drops
//	                  it, and if it must not be fragmented and may be too large
//	                  for its way out. This is before defragmentation and before
//	                  the kernel reads the options. From elsewhere: a fragment whose
//	                  source lives in a zone is dropped and counted.
//	input       -150  from a zone: queued unless judged for local delivery
//	forward     -150  from a zone: queued unless judged, and dropped if judged
//	                  but on its way to no zone; from elsewhere to a zone: queued.
//	                  Those that are pending are queued, too.
//	output       -50  to a zone: mark cleared, queued. Their destinations are
//	                  translated by then.
//	postrouting -450  to a zone: dropped and counted unless judged for that zone;
//	                  mark cleared
//	leaving      max  to a zone: bit 30 of the mark set
//	egress-IF   -450  a chain for each interface of a zone, leading to one for all:
//	                  IP that has not bit 30 set, and comes from no socket of this
//	                  machine, is dropped and counted; bit 30 cleared
//	ip6               from, through or to a zone: dropped and counted
//
// What is counted is counted by objects of the tables, which stay with the chains and
// their hooks when other rules are installed.
//
// The rules stay when the process ends, and their queue has no bypass: a gateway
// that is not running is a gateway that is shut. A packet without a mark of ours
// cannot leave even if a rule elsewhere led it around the queue.
package nft
