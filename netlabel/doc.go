// Package netlabel is where the four questions about a packet meet: what is in
// its CIPSO option (package cipso), who are its hosts (package hostmap), what do
// the rules say (package engine), and what must the packet look like when it
// leaves (package internal/ipv4).
//
// A Snapshot is one whole policy, compiled and immutable. Its method Process is
// a pure function of the snapshot, the direction, the zone a packet came in by,
// and the packet's bytes; it neither allocates nor locks, logs, blocks or reads
// a clock. The daemon, explain, replay and the fuzzers all call that one
// function. Whatever it cannot judge it drops, with a Reason.
package netlabel
