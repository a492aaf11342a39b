// Package trail is the form in which audit records stand in files, so that whoever
// changes them later is found out.
//
// The last field of every line, its chain value, is the start of the SHA-256 of
// the chain value before it and of all bytes of the line in front of the field. A
// line that is changed, gone, new or elsewhere no longer fits what stands behind
// it. 128 bits of the hash are kept, 32 digits a line: to put another line in the
// place of one needs a second preimage, which those bits are enough against. Two
// lines that collide are cheaper to find, but whoever can choose both has written
// both.
//
// Whoever may write the file can also compute a new chain. Therefore some records
// are seals: with a key they hold an HMAC over the chain so far. Seals are
// numbered without a gap, each has a key of its own, and the key of the next one
// is made from it by a one-way function before it is erased. Who takes over the
// machine finds the key of the next seal: older seals he can neither make nor take
// out, for the numbers of those that follow are in his way. Even the file of the
// key tells how many seals there were, and cannot be set back. The first key,
// which the others come from, is kept elsewhere and checks them all.
//
// What is behind the last seal, some seconds, is protected by the chain alone.
package trail
