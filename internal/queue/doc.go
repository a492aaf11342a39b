// Package queue hands the packets of one kernel queue (nfnetlink_queue) to a
// Handler, a batch at a time, and gives the kernel its verdicts.
//
// It knows nothing of labels. Its one promise is that silence means drop: the
// zero Verdict drops, a panic drops, a truncated packet drops, and a queue that
// ends drops what it still held. The kernel is never asked to let packets pass
// when the queue is full or unattended, and verdicts are given one by one,
// never as "everything up to this id", by which a forgotten packet would pass.
// The one exception drops: what a former owner of the queue left behind.
//
// The go-nfqueue library sets the queue up and takes it down over a socket that
// belongs to this package. Between those moments the loop in this package reads
// that socket itself: many messages in one system call into buffers that stay,
// many verdicts in one system call back, and nothing allocated for a packet.
//
// The kernel ties a queue to its socket and not to a process. So an open queue can
// be handed on, with the packets that wait in it: see File, Release and Adopt.
package queue
