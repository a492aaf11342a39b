package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"labelgate/internal/channel"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/metrics"
	"labelgate/internal/process"
	"labelgate/internal/sandbox"
)

// controlling keeps the process that answers on the control socket and for metrics.
type controlling struct {
	socket, metrics *os.File // that it listens on, nil for none
	child           *process.Child
	client          *channel.Client // to it
	sandbox         sandbox.State
	restarts        uint64
	last            string
}

// What the keeper tells the control process.
const (
	verbServe  = "serve"
	verbAccess = "access"
)

// Listeners by the name under which they are handed over.
const (
	listenControl = "control"
	listenMetrics = "metrics"
)

// listen opens what the settings want to be listened on. It is done before this
// process is confined.
func (d *daemon) listen() (err error) {
	c, h := &d.controlling, &d.handover
	c.socket, c.metrics = file(h.Listeners[listenControl], listenControl), file(h.Listeners[listenMetrics], listenMetrics)
	gid := -1
	if group := d.config.Control.Group; group.Text != "" {
		if gid, err = control.ResolveGroup(control.Name(group)); err != nil {
			return &SettingsError{err}
		}
	}
	if place := d.config.Control; place.Socket != "" && c.socket == nil {
		c.socket, err = control.Listen(control.Place{Path: place.Socket, GID: gid, Make: place.Written})
		switch {
		case err == nil:
		case place.Written:
			return err
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			d.Log.Warn("there is no control socket", "error", err)
		}
	}
	if m := d.config.Metrics; m.Network != "" && c.metrics == nil {
		if c.metrics, err = metrics.Listen(m.Network, m.Address, gid); err != nil {
			return err
		}
	}
	h.Listeners = make(map[string]int)
	for name, f := range map[string]*os.File{listenControl: c.socket, listenMetrics: c.metrics} {
		if f != nil {
			h.Listeners[name] = descriptor(f)
		}
	}
	return nil
}

// serveRequest is what a control process is told at its start.
type serveRequest struct {
	Access           control.Access
	Control, Metrics bool // which of its descriptors it listens on
}

// access says who may use the control socket.
func (d *daemon) access() (control.Access, error) {
	names := func(from []config.Name) (to []control.Name) {
		for _, n := range from {
			to = append(to, control.Name(n))
		}
		return to
	}
	c := d.config.Control
	return control.Resolve(control.Names{Readers: names(c.Readers), Admins: names(c.Admins), Owner: uint32(os.Geteuid())})
}

// startControl starts who listens, if anybody is to.
func (d *daemon) startControl() error {
	c := &d.controlling
	if c.socket == nil && c.metrics == nil {
		return nil
	}
	access, err := d.access()
	if err != nil {
		return err
	}
	ours, theirs, err := channel.Pair()
	if err != nil {
		return err
	}
	reads, readsTheirs, err := channel.Pair()
	if err != nil {
		return err
	}
	admin, adminTheirs, err := channel.Pair()
	if err != nil {
		return err
	}
	child, err := process.Start(process.Spec{
		Program: process.Self, Role: roleControl,
		Files: []*os.File{theirs, d.auditing.producer, readsTheirs, adminTheirs, c.socket, c.metrics},
	})
	for _, f := range []*os.File{theirs, readsTheirs, adminTheirs} {
		f.Close()
	}
	if err != nil {
		return err
	}
	// A change may take a while, and looking on must not wait for it.
	for _, end := range []*os.File{reads, admin} {
		go channel.Serve(end, map[string]channel.Handler{verbDo: channel.Bind(d.answer)})
	}
	if c.client, err = channel.NewClient(ours); err == nil {
		err = c.client.Call(verbServe, serveRequest{access, c.socket != nil, c.metrics != nil}, &c.sandbox, answerPatience)
	}
	if err != nil {
		child.Kill()
		return err
	}
	c.child = child
	d.records.Write(confined(roleControl, child.PID(), c.sandbox))
	return nil
}

// tendControl starts another when there is none any more.
func (d *daemon) tendControl() {
	c := &d.controlling
	if c.child == nil || c.child.Alive() {
		return
	}
	c.last = c.child.Ended()
	c.client.Close()
	d.Log.Error("the process that answers on the control socket ended and is started anew", "why", c.last)
	if err := d.startControl(); err != nil {
		d.Log.Error("nobody answers on the control socket; it is tried again", "error", err)
		return
	}
	c.restarts++
}

// endControl ends it, and takes the sockets away.
func (d *daemon) endControl() {
	c := &d.controlling
	if c.child != nil {
		c.client.Close()
		c.child.Wait(exitPatience)
	}
	if c.socket != nil {
		c.socket.Close()
		control.Remove(d.config.Control.Socket)
	}
	if c.metrics != nil {
		c.metrics.Close()
		if d.config.Metrics.Network == "unix" {
			control.Remove(d.config.Metrics.Address)
		}
	}
}

// verbDo is the one thing that a control process asks for.
const verbDo = "do"

// doAnswer is what it is told.
type doAnswer struct {
	Error    *control.Error    `json:"error,omitempty"`
	Result   json.RawMessage   `json:"result,omitempty"`
	Status   *control.Status   `json:"status,omitempty"` // which the server completes
	Counters *control.Counters `json:"counters,omitempty"`
	Next     string            `json:"next,omitempty"`
}

// answer carries out a request that was admitted.
func (d *daemon) answer(q control.Request) (a doAnswer, err error) {
	r, err := d.Do(context.Background(), q)
	if err != nil {
		if !errors.As(err, &a.Error) {
			a.Error = control.Errorf(control.CodeFailed, "%v", err)
		}
		return a, nil
	}
	a.Next = r.Next
	switch result := r.Result.(type) {
	case *control.Status:
		a.Status = result
	case *control.Counters:
		a.Counters = result
	default:
		a.Result, err = json.Marshal(result)
	}
	return a, err
}
