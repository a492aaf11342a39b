package metrics

import (
	"maps"
	"slices"
	"time"

	"labelgate/internal/control"
)

// series takes one value of a metric, with the values of its labels.
type series func(value float64, labels ...string)

// metric is one name with all its series.
type metric struct {
	name, help string
	counter    bool // otherwise a gauge
	labels     []string
	show       func(s *control.Status, add series)
}

func gauge(name, help string, value func(*control.Status) float64) metric {
	return metric{name: name, help: help, show: func(s *control.Status, add series) { add(value(s)) }}
}

func counter(name, help string, value func(*control.Status) uint64) metric {
	return metric{name: name, help: help, counter: true, show: func(s *control.Status, add series) { add(float64(value(s))) }}
}

// states is a metric that is 1 for one of some words.
func states(name, help string, all []string, value func(*control.Status) string) metric {
	return metric{name: name, help: help, labels: []string{"state"}, show: func(s *control.Status, add series) {
		for _, word := range all {
			add(truth(value(s) == word), word)
		}
	}}
}

// causes is a counter with one label, whose words and values are given in pairs.
func causes(name, help, label string, pairs func(*control.Status) []cause) metric {
	return metric{name: name, help: help, counter: true, labels: []string{label}, show: func(s *control.Status, add series) {
		for _, p := range pairs(s) {
			add(float64(p.count), p.word)
		}
	}}
}

type cause struct {
	word  string
	count uint64
}

// processes is a metric with one series for each process.
func processes(name, help string, counter bool, value func(*control.Process) float64) metric {
	return metric{name: name, help: help, counter: counter, labels: []string{"process"}, show: func(s *control.Status, add series) {
		for i := range s.Processes {
			add(value(&s.Processes[i]), s.Processes[i].Name)
		}
	}}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// inPlace is not shown before somebody has looked: that is no alarm yet.
func inPlace(s *control.Status, add series) {
	if s.Rules.InPlace || !s.Rules.Checked.IsZero() {
		add(truth(s.Rules.InPlace))
	}
}

// drop is the action of packets that have a reason.
const drop = "drop"

// packets shows a series for each action and for each reason that there was.
func packets(s *control.Status, add series) {
	for i := range s.Counters.Packets {
		z := &s.Counters.Packets[i]
		for _, action := range slices.Sorted(maps.Keys(z.Passed)) {
			add(float64(z.Passed[action]), z.Zone, action, "")
		}
		for _, reason := range slices.Sorted(maps.Keys(z.Dropped)) {
			add(float64(z.Dropped[reason]), z.Zone, drop, reason)
		}
	}
}
