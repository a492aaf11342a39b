package metrics

import (
	"net"
	"sync"
)

// few is a listener that has so many connections at once. Others wait in the
// kernel: whoever holds them open without asking loses them to the timeouts.
type few struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newFew(l net.Listener, n int) *few {
	return &few{Listener: l, places: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (f *few) Accept() (net.Conn, error) {
	select {
	case f.places <- struct{}{}:
	case <-f.closed:
		return nil, net.ErrClosed
	}
	c, err := f.Listener.Accept()
	if err != nil {
		<-f.places
		return nil, err
	}
	return &one{Conn: c, leave: sync.OnceFunc(func() { <-f.places })}, nil
}

// Close closes the listener and ends Accept.
func (f *few) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Listener.Close()
}

type one struct {
	net.Conn
	leave func()
}

// Close gives the place back.
func (o *one) Close() error {
	defer o.leave()
	return o.Conn.Close()
}
