// Package sandbox takes from a process, for good, whatever its work does not need:
// capabilities, files, sockets and system calls. What an attacker gets who runs
// code of his own in a process is what its profile leaves, and docs/confinement.md
// says what that is.
//
// The keeper calls Enter before anything else: it confines one thread and executes
// the program again, so that all threads of the new image, and all that it
// starts, are inside from their first instruction. The other roles call Apply
// when they have opened what they need.
package sandbox
