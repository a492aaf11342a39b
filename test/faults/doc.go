// Package faults holds what threatens a gateway from inside against what comes out
// of it: kills, hangs, reloads, flushed rules, full disks, strangers' labels. A
// sniffer behind the gateway is the judge; every packet has a number.
package faults
