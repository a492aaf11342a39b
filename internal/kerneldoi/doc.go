// Package kerneldoi makes domains of interpretation known to the kernel, through
// the generic netlink families of NetLabel.
//
// A kernel with NetLabel drops a packet whose CIPSO option is of a domain that it
// does not know, and answers with ICMP parameter problem; it does so in every
// network namespace and also with packets that it only forwards. What it knows is
// one list for the whole machine, which can be read and written from the initial
// network namespace only. So a definition is never ours alone: this package adds
// what is missing, remembers what it added, and takes away nothing else.
//
// The memory is the process's. After a kill the definitions stay in the kernel, and
// the next process cannot tell them from somebody else's: it uses them and leaves
// them alone.
package kerneldoi
