package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoAnswer says that no gateway answers on a socket. Its text says why.
var ErrNoAnswer = errors.New("no labelgated answers")

// How long a Client waits for a connection, and for an answer beyond what a Server
// allows its Backend.
const (
	dialTimeout = 5 * time.Second
	patience    = 15 * time.Second
)

// Client is a connection to a gateway. It belongs to one goroutine. A Server ends
// connections that are silent for ReadTimeout, so it is not to be kept.
type Client struct {
	conn    *net.UnixConn
	path    string
	buffer  []byte
	Version string // of the gateway
	Class   string // what we may do
}

// Dial connects to the socket at path. The error is ErrNoAnswer when nobody is
// there, and an *Error when somebody is who does not want us.
func Dial(ctx context.Context, path string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := connect(ctx, path)
	if err != nil {
		return nil, noAnswer(path, err)
	}
	c := &Client{conn: conn, path: path}
	var h hello
	if err := c.receive(dialTimeout, &h); err != nil {
		conn.Close()
		return nil, noAnswer(path, err)
	}
	switch {
	case h.Error != nil:
		conn.Close()
		return nil, h.Error
	case h.Protocol != Protocol:
		conn.Close()
		return nil, fmt.Errorf("%s: labelgated speaks protocol %d, this program %d; use the labelgate of its version (%s)",
			path, h.Protocol, Protocol, printable(h.Version, 64))
	}
	c.Version, c.Class = h.Version, h.Class
	return c, nil
}

// connect tries again while the callers before us wait to be taken: the kernel
// does not let a program wait for that which cannot block.
func connect(ctx context.Context, path string) (*net.UnixConn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			return conn.(*net.UnixConn), nil
		}
		if !errors.Is(err, unix.EAGAIN) || ctx.Err() != nil {
			return nil, err
		}
		wait(ctx, 20*time.Millisecond)
	}
}

func noAnswer(path string, err error) error {
	why := err.Error()
	var system *os.SyscallError
	switch {
	case errors.Is(err, unix.ENOENT):
		why = "there is no such socket; is it running, and with this [control] socket?"
	case errors.Is(err, unix.ECONNREFUSED):
		why = "it is not running"
	case errors.Is(err, unix.EACCES):
		why = "permission denied; see group in [control]"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		why = "it is too busy, or stopped"
	case errors.As(err, &system):
		why = system.Err.Error()
	}
	return fmt.Errorf("%w on %s: %s", ErrNoAnswer, path, why)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Call asks for one verb and stores the result in the value that result points
// to. It returns the cursor of the next page. The error is an *Error when the
// gateway gave it. The connection ends when ctx does.
func (c *Client) Call(ctx context.Context, verb string, args Args, result any) (next string, err error) {
	f, err := frame(request{Verb: verb, Args: args}, MaxRequest)
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	limit := QueryTimeout
	if v, _ := Lookup(verb); v.Class == Admin {
		limit = AdminTimeout
	}
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(f); err != nil {
		return "", c.broken(ctx, err)
	}
	var a struct {
		Result json.RawMessage `json:"result"`
		Next   string          `json:"next"`
		Error  *Error          `json:"error"`
	}
	if err := c.receive(limit+patience, &a); err != nil {
		return "", c.broken(ctx, err)
	}
	if a.Error != nil {
		return "", a.Error
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return "", fmt.Errorf("%s: answer to %s: %w", c.path, verb, err)
	}
	return a.Next, nil
}

// broken is the error of a connection that ended before its answer.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: labelgated has not answered: %w", c.path, err)
}

// receive reads one frame, which has to come within a time.
func (c *Client) receive(limit time.Duration, into any) error {
	c.conn.SetReadDeadline(time.Now().Add(limit))
	b, err := readFrame(c.conn, MaxAnswer, c.buffer)
	c.buffer = b
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// All returns all rows of a table. When it changes between two pages, it is asked
// for anew.
func All[T any](ctx context.Context, c *Client, verb string) ([]T, error) {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		rows, err := all[T](ctx, c, verb)
		var e *Error
		if errors.As(err, &e) && e.Code == CodeStale && attempt < attempts {
			continue
		}
		return rows, err
	}
}

func all[T any](ctx context.Context, c *Client, verb string) ([]T, error) {
	rows := []T{}
	var args Args
	for {
		var page []T
		next, err := c.Call(ctx, verb, args, &page)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if next == "" {
			return rows, nil
		}
		if next == args.Cursor {
			return nil, fmt.Errorf("%s: %s begins at the same place again", c.path, verb)
		}
		args.Cursor = next
	}
}
