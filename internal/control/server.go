package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// How long a Backend may take. What takes longer goes on, but nobody waits.
const (
	QueryTimeout = 10 * time.Second
	AdminTimeout = time.Minute
)

// maxQueries is how many verbs of class Read a Backend is asked at once.
const maxQueries = 4

// Config is what a Server works with.
type Config struct {
	Backend Backend
	Access  Access
	Version string // of the gateway, for people
	// Audit is told of all that belongs on record, from many goroutines; nil tells
	// nobody. It must not wait for room in the audit trail: that there is none is
	// what somebody may be asking about.
	Audit func(Event)
}

// Server serves a control socket. It needs no privilege and no file.
type Server struct {
	backend Backend
	version string
	audit   func(Event)

	access   atomic.Pointer[Access]
	slots    *slots
	refusals refusals
	queries  chan struct{} // one for each verb of class Read that a Backend works on
	admins   chan struct{}

	requests, refused, done atomic.Uint64
	times                   times
}

// times are how long things may take.
type times struct{ read, write, query, admin time.Duration }

// NewServer returns a Server that Serve starts.
func NewServer(c Config) *Server {
	s := &Server{
		backend: c.Backend, version: c.Version, audit: c.Audit, slots: newSlots(c.Access.Owner),
		queries: make(chan struct{}, maxQueries), admins: make(chan struct{}, 1),
		times: times{ReadTimeout, WriteTimeout, QueryTimeout, AdminTimeout},
	}
	s.SetAccess(c.Access)
	return s
}

// SetAccess changes who may do what, also for those who are connected.
func (s *Server) SetAccess(a Access) { s.access.Store(&a) }

// Calls returns what happened so far.
func (s *Server) Calls() Calls {
	return Calls{Clients: s.slots.clients(), Requests: s.requests.Load(), Refused: s.refused.Load(), Admin: s.done.Load()}
}

// Serve serves the socket that Listen made until ctx ends, and then returns nil
// once every caller is gone. It takes possession of the file.
func (s *Server) Serve(ctx context.Context, f *os.File) error {
	l, err := net.FileListener(f)
	f.Close() // l has a descriptor of its own
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	listener, ok := l.(*net.UnixListener)
	if !ok {
		l.Close()
		return fmt.Errorf("control socket: a %s socket cannot say who asks", l.Addr().Network())
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.tellHeld(ctx) })
	context.AfterFunc(ctx, func() { listener.Close() })
	err = s.accept(ctx, listener, &running)
	cancel()
	running.Wait()
	s.tellAll(s.refusals.sum(time.Now(), true))
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// accept takes callers until ctx ends or the socket is beyond repair.
func (s *Server) accept(ctx context.Context, l *net.UnixListener, running *sync.WaitGroup) error {
	var pause time.Duration
	for {
		conn, err := l.AcceptUnix()
		switch {
		case err == nil:
			pause = 0
			s.welcome(ctx, conn, running)
		case ctx.Err() != nil:
			return nil
		case !passes(err):
			return err
		default:
			// The caller still waits, so the next attempt would fail at once too.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.trouble(fmt.Sprintf("no caller can be taken: %v", err))
			wait(ctx, pause)
		}
	}
}

// passes reports whether an error of accept can go away by itself.
func passes(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.ECONNABORTED, unix.EINTR, unix.EAGAIN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// welcome says hello to a caller, or why not, and never waits for him.
func (s *Server) welcome(ctx context.Context, conn *net.UnixConn, running *sync.WaitGroup) {
	caller, err := peer(conn)
	if err != nil {
		s.trouble(fmt.Sprintf("a caller is nobody: %v", err))
		conn.Close()
		return
	}
	class := s.access.Load().Class(&caller)
	if class == Nobody {
		s.turnAway(conn, &caller, Errorf(CodeForbidden, "user %d may not use this socket; see readers and admins in [control]", caller.UID))
		return
	}
	if !s.slots.take(caller.UID, class) {
		s.turnAway(conn, &caller, Errorf(CodeBusy, "too many callers, at most %d and %d of one user; try again", MaxClients, maxPerUser))
		return
	}
	running.Go(func() {
		defer s.slots.give(caller.UID)
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) }) // an answer under way is still sent
		defer stop()
		(&session{server: s, conn: conn, caller: caller}).run(ctx, class)
	})
}

// turnAway tells a caller that he is not served. What little is written finds
// room in a new connection, so this does not wait.
func (s *Server) turnAway(conn *net.UnixConn, c *Caller, e *Error) {
	defer conn.Close()
	s.refuse(c, "", e)
	if f, err := frame(hello{Protocol: Protocol, Error: e}, MaxAnswer); err == nil {
		conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		conn.Write(f)
	}
}
