package daemon

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/control"
	"labelgate/internal/judge"
	"labelgate/internal/process"
)

// TestTally: what judges counted is summed up over their ends.
func TestTally(t *testing.T) {
	tally := tally{before: judge.NewCounters()}
	counts := func(passed uint64) []audit.ZoneCounts {
		return []audit.ZoneCounts{{Zone: "red", Passed: []uint64{0, passed}}}
	}
	for _, step := range []struct {
		name string
		do   func()
		want uint64
	}{
		{"nothing yet", func() {}, 0},
		{"a first answer", func() { tally.take(counts(3)) }, 3},
		{"the same judge, later", func() { tally.take(counts(5)) }, 5},
		{"its end", func() { tally.end() }, 5},
		{"its end, heard of twice", func() { tally.end() }, 5},
		{"the next begins", func() { tally.take(nil) }, 5},
		{"and counts", func() { tally.take(counts(2)) }, 7},
		{"and ends", func() { tally.end() }, 7},
	} {
		step.do()
		var sum uint64
		for _, z := range tally.sum(judge.NewCounters).All() {
			sum += z.Passed[1]
		}
		if sum != step.want {
			t.Errorf("%s: %d packets, want %d", step.name, sum, step.want)
		}
	}
}

// TestTallyOfWhom: a judge that was taken over makes up places, and neither this
// process nor a status grows by them.
func TestTallyOfWhom(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	said := []audit.ZoneCounts{{Zone: "red"}, {Zone: "red", Passed: []uint64{7}}, {Zone: ""}, {Zone: control.ThisMachine}, {Zone: "\x1b[2J"}}
	for i := range 10000 {
		said = append(said, audit.ZoneCounts{Zone: fmt.Sprint("made up ", i), Passed: []uint64{1}})
	}
	d.counted(d.bench, said)
	want := []audit.ZoneCounts{{Zone: "red"}, {Zone: ""}, {Zone: control.ThisMachine}}
	if got := d.tally.now; !reflect.DeepEqual(got, want) {
		t.Errorf("%d places are believed: %.200v", len(got), got)
	}
	// A zone that was in force before goes on being told of.
	replace(t, d.Config, `name = "red"`, `name = "scarlet"`)
	if err := d.reload(); err != nil {
		t.Fatal(err)
	}
	d.counted(d.bench, []audit.ZoneCounts{{Zone: "red"}, {Zone: "scarlet"}})
	if got := d.tally.now; len(got) != 2 {
		t.Errorf("after a reload: %v", got)
	}
}

// mute is a judge whose channel is broken, and that judges all the same.
type mute struct{ bench }

func (mute) Counts() ([]audit.ZoneCounts, error) { return nil, channel.ErrBroken }

// TestJudgeThatDoesNotAnswer: no policy gets to it, so it is replaced.
func TestJudgeThatDoesNotAnswer(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	child := sleeper(t)
	d.judges.child, d.found = child, make(chan func(), 1)
	d.bench = mute{d.bench}
	d.askJudge()
	(<-d.found)()
	<-child.Done() // follow sees that, and starts another
}

// sleeper starts a process that does nothing until it is killed.
func sleeper(t *testing.T) *process.Child {
	t.Helper()
	child, err := process.Start(process.Spec{Program: "/bin/sleep", Role: "1000"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Kill(); <-child.Done() })
	return child
}

// TestLiving: the number of a process that has ended is nobody's to end.
func TestLiving(t *testing.T) {
	child := sleeper(t)
	if got := living(child); got != child.PID() {
		t.Errorf("one that lives: %d, want %d", got, child.PID())
	}
	child.Kill()
	<-child.Done()
	if got := living(child); got != 0 {
		t.Errorf("one that has ended: %d", got)
	}
	if got := living(nil); got != 0 {
		t.Errorf("none: %d", got)
	}
}

// TestAccessNotTold: a control process that does not hear who may ask is replaced by
// one that does.
func TestAccessNotTold(t *testing.T) {
	d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
	ours, theirs, err := channel.Pair()
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	client, err := channel.NewClient(ours)
	if err != nil {
		t.Fatal(err)
	}
	child := sleeper(t)
	d.controlling.child, d.controlling.client = child, client
	d.admit()
	<-child.Done()
}

// TestAskerBroken: a control process that cannot ask any more ends, and says so to
// whoever asked.
func TestAskerBroken(t *testing.T) {
	var ends [2]*os.File
	for i := range ends {
		ours, theirs, err := channel.Pair()
		if err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		ends[i] = ours
	}
	var told error
	a, err := newAsker(ends[0], ends[1], func(err error) { told = err })
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{control.VerbStatus, control.VerbReload} {
		told = nil
		_, err := a.Do(t.Context(), control.Request{Verb: verb})
		var said *control.Error
		if !errors.As(err, &said) || said.Code != control.CodeUnavailable || !errors.Is(told, channel.ErrGone) {
			t.Errorf("%s: %v, and its process was told %v", verb, err, told)
		}
	}
}
