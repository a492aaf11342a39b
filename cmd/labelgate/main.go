// Command labelgate is the operator's tool of the network labeling gateway.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"labelgate/internal/cli"
)

func main() {
	os.Exit(run())
}

func run() int {
	// A lab that is being built has much to take away again: neither a terminal
	// that is closed nor a pager that has seen enough may end the program early.
	// Writing to a pipe that nobody reads fails, which verbs report.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // not ignored: programs started from here would inherit that
	defer stop()
	return cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
