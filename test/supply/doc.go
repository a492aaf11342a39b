// Package supply holds the tests of what is delivered around the two programs: the
// units, under a real systemd; the catalog of the journal; the bytes of a release,
// which anybody can build again, and what is inside of them.
package supply
