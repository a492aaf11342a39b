// Labelgated judges the packets of labeled networks: it reads them from a kernel
// queue, decides each by Smack rules, and drops, passes, labels or unlabels it.
package main

import (
	"os"

	"labelgate/internal/daemon"
	"labelgate/internal/process"
)

func main() {
	os.Exit(process.Main(func() int { return daemon.Command(os.Args[1:], os.Stdout, os.Stderr) }))
}
