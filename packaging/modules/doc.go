// Package modules says what a release is made of: the modules that are linked into
// its binaries, as the binaries themselves tell, and the licences of those, as the
// module cache holds them. It starts no program and asks no network.
package modules
