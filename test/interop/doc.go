// Package interop puts real Smack kernels on both sides of a gateway. Two
// User-Mode Linux kernels, each at the end of a tap, run processes with
// different labels; these talk to each other and to hosts that know nothing of
// labels, through labelgated. For every pair the sending process, the gateway's
// record and the receiving kernel must name the same label.
//
// The tests have the build tag interop and need the kernel that kernel.sh
// builds; "make interop" does both.
package interop
