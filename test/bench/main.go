// The bench program measures what the rule engine and the decision about one
// packet cost, beside the structures that Smack itself has used, and what it costs
// that packets are judged by another process than the one that owns their queue.
// Only the last needs privileges, for a network namespace; without them it is left
// out.
//
// Every comparison measures each side in turn, round after round, and what is
// printed are medians. Both sides must give the same answers before either is timed.
package main

import (
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"

	"labelgate/test/figures"
)

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == judgeWord {
		err = beJudge(os.Args[2])
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	w, err := figures.Create(".", "bench")
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d processors\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	sets := []*set{newSet(17_000, 500), newSet(39_800, 200), newSet(1_000_000, 10_000)}
	for _, measure := range []func([]*set, *report) error{measureLoad, measureMemory, measureCheck, measurePeers, measureDecisions, measureSplit} {
		r := &report{Writer: w, table: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
		if err := measure(sets, r); err != nil {
			return err
		}
		if err := r.table.Flush(); err != nil {
			return err
		}
	}
	fmt.Println()
	for _, f := range w.Missed() {
		fmt.Printf("missed: %s is %.4g %s, wanted %s\n", f.ID, f.Value, f.Unit, f.Bar)
	}
	fmt.Printf("figures: %s\n", w.Path())
	return w.Close()
}

// report takes what one measurement found, for people and for programs.
type report struct {
	*figures.Writer
	table *tabwriter.Writer
}

func (r *report) title(format string, args ...any) {
	fmt.Fprintf(r.table, "\n"+format+"\n", args...)
}

func (r *report) row(format string, args ...any) {
	fmt.Fprintf(r.table, "  "+format+"\n", args...)
}
