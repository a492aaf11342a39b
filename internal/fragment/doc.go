// Package fragment remembers, for a bounded number of datagrams on their way,
// what their fragments have in common (RFC 791 section 3.2). A gateway judges
// each fragment by the label that it carries; the receiver puts them together and
// believes one of the labels for all of the bytes. So the fragments of a datagram
// must agree in their label and must not dispute bytes with each other. As soon as
// two do, the datagram is condemned: none of its further fragments may pass, and
// what passed before never becomes whole.
//
// Bytes that overlap are refused as RFC 5722 does for IPv6, since receivers differ
// in whose copy they keep (RFC 1858 section 4). Which bytes were seen is kept as
// ranges, where RFC 815 keeps the holes. Nothing is reassembled, nothing delayed.
//
// The table can turn a pass into a drop, never a drop into a pass. It does not see
// what is lost behind the gateway: once all bytes of a datagram have passed it is
// forgotten, and a receiver that missed some of them could be given others, with
// another label, under the same identification.
//
// A table belongs to one goroutine. It allocates nothing after New and knows no
// clock: the caller says which second it is.
package fragment
