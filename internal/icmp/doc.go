// Package icmp sends the gateway's own ICMP errors about packets that it dropped,
// and knows them again when they come by.
//
// The judge, who may never wait, hands a message over with Send; a goroutine of
// its own gives it to the kernel (Run). There it meets the machine's OUTPUT hook
// like everything that this machine sends, is queued, and lies before the judge
// once more, who must tell it from what other programs send. A packet mark would
// not prove that: others can set marks. So the message itself is kept until it
// has come by, and Own compares every byte.
//
// How many leave is bounded twice (RFC 1812 section 4.3.2.8), for all receivers
// together and for each of their networks: whoever provokes errors with forged
// source addresses gets few of them sent to his victim.
//
// The package knows nothing of labels but that a message has one, and does not
// build messages.
package icmp
