// Package split lets one process own a kernel queue and another judge its
// packets.
//
// Verdicts of nfnetlink_queue need CAP_NET_ADMIN, and with that capability the
// socket they go through can also delete the rules that queue the packets. So the
// process that parses packets, the judge, must not have it. The keeper has it, and
// a Front as its queue's handler; the judge has a Back. Between them are two pieces
// of shared memory, one for the packets, which the judge cannot write, and one for
// the verdicts, and a socket with one small message each way for a batch.
//
// The keeper believes nothing that it reads from the judge: every word is read
// once, checked, and only then used. What a judge that was taken over can do is to
// give wrong verdicts, or none. When it gives none, or what is none, its batch is
// dropped and nothing is handed to it again; packets wait in the kernel until
// another judge is attached. A batch that a judge died of is never handed to the
// next.
package split
