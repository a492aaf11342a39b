package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"labelgate/test/interop/orders"
)

// staff are the processes with labels. Only process 1's main goroutine uses it.
type staff struct {
	out *speaker
	all map[string]*employee // by label
}

// employee is one of them. It reads orders from its standard input and writes
// events to its standard output.
type employee struct {
	orders *json.Encoder
}

// start starts the process of a label; it answers the order itself.
func (s *staff) start(o *orders.Order) error {
	if s.all[o.Label] != nil {
		return fmt.Errorf("there is a process labeled %s", o.Label)
	}
	theirs, in, err := os.Pipe()
	if err != nil {
		return err
	}
	out, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	argv := []string{"guest", become, o.Label, strconv.Itoa(int(o.Port))}
	p, err := os.StartProcess("/proc/self/exe", argv, &os.ProcAttr{Dir: "/", Files: []*os.File{theirs, ours, os.Stderr}})
	theirs.Close()
	ours.Close()
	if err != nil {
		return err
	}
	e := &employee{orders: json.NewEncoder(in)}
	s.all[o.Label] = e
	go func() {
		s.relay(out)
		state, err := p.Wait()
		s.out.say(orders.Event{Err: fmt.Sprintf("the process labeled %s has ended: %v %v", o.Label, state, err)})
	}()
	return e.orders.Encode(o)
}

// done answers an order of process 1's own.
func (s *staff) done(o *orders.Order, err error) error {
	if err == nil {
		s.out.say(orders.Event{ID: o.ID})
	}
	return err
}

// relay passes on what a process says.
func (s *staff) relay(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxOrder)
	for lines.Scan() {
		var e orders.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e = orders.Event{Err: err.Error()}
		}
		s.out.say(e)
	}
}

// pass gives an order to the process of a label.
func (s *staff) pass(o *orders.Order) error {
	e := s.all[o.Label]
	if e == nil {
		return fmt.Errorf("no process is labeled %s", o.Label)
	}
	return e.orders.Encode(o)
}
