//go:build faults

package main

import "labelgate/faulty/faults"

//go:noinline
func writeRecord() error { return faults.Clock() }
