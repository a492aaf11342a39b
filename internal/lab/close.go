package lab

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// Close takes the lab away: processes, cables, namespaces and files. It may be
// called more than once.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var wrong []error
	for _, c := range l.captures {
		c.Stop()
	}
	wrong = append(wrong, l.stopDaemons(), demolish(l.dir, l.state))
	l.release()
	return errors.Join(wrong...)
}

// stopDaemons ends all daemons at once.
func (l *Lab) stopDaemons() error {
	var g errgroup.Group
	for _, n := range l.nodes {
		if n.daemon != nil {
			g.Go(n.daemon.Stop)
		}
	}
	return g.Wait()
}

// release closes the namespaces' handles, which by themselves keep them alive.
func (l *Lab) release() {
	for _, n := range l.nodes {
		n.ns.Close()
	}
}

// demolish removes what a state names, as far as it is there.
func demolish(dir string, s *state) error {
	var wrong []error
	var ending errgroup.Group
	for _, p := range s.Daemons {
		ending.Go(func() error { return p.end(stopPatience) })
	}
	wrong = append(wrong, ending.Wait())
	if ns, err := openNamespace(namespaceName(s.Name, GatewayName)); err == nil {
		wrong = append(wrong, unplug(ns, s.Interfaces))
		ns.Close()
	}
	for _, n := range s.Nodes {
		wrong = append(wrong, removeNamespace(namespaceName(s.Name, n)))
	}
	if err := errors.Join(wrong...); err != nil {
		return err // the state stays, so that it can be tried again
	}
	if s.Unpacked != "" {
		wrong = append(wrong, os.RemoveAll(s.Unpacked))
	}
	wrong = append(wrong, os.RemoveAll(dir))
	os.Remove(filepath.Dir(dir)) // unless another lab is there
	return errors.Join(wrong...)
}
