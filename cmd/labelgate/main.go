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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
