// Package channel carries requests between the processes of one labelgated over a
// stream socket: a length in four bytes, big-endian, and a JSON object, each way.
// One side asks, the other answers, one request at a time. What either side says is
// bounded and decoded strictly, for the other may have been taken over by what a
// packet held.
package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The most bytes of a request or an answer, which may be a page of a table, and of
// what a request takes along, which may be a policy of a million rules.
const (
	MaxMessage = 4 << 20
	MaxBlob    = 256 << 20
)

// ErrGone says that there is nobody at the other end.
var ErrGone = errors.New("the process at the other end is gone")

// ErrBroken says that a channel is of no use any more: the other side is gone, did not
// answer in time, or said what cannot be understood.
var ErrBroken = errors.New("the channel is broken")

// Pair returns the two ends of a new channel, for two processes.
func Pair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("channel: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "channel"), os.NewFile(uintptr(fds[1]), "channel"), nil
}

// request is what one side asks.
type request struct {
	Verb string          `json:"verb"`
	Body json.RawMessage `json:"body,omitempty"`
	Blob int             `json:"blob,omitempty"` // bytes that follow
}

// answer is what the other says.
type answer struct {
	Error string          `json:"error,omitempty"`
	Kind  string          `json:"kind,omitempty"` // of the error
	Body  json.RawMessage `json:"body,omitempty"`
}

// Error is an error of the other side. Kind tells callers what sort it is.
type Error struct{ Kind, Message string }

func (e *Error) Error() string { return e.Message }

// Client asks. It may be shared; requests wait for one another.
type Client struct {
	mu     sync.Mutex
	conn   net.Conn
	broken error
}

// NewClient makes a Client of one end, which it owns from then on.
func NewClient(end *os.File) (*Client, error) {
	c, err := connect(end)
	if err != nil {
		return nil, err
	}
	return &Client{conn: c}, nil
}

func connect(end *os.File) (net.Conn, error) {
	defer end.Close()
	c, err := net.FileConn(end)
	if err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	return c, nil
}

// Call asks for verb and fills out, unless it is nil, with the answer. The error is
// an *Error when the other side answered with one. An ErrBroken ends the channel: what
// is on its way could not be told from the next answer. Any other is about this one
// request: it is too long, or its answer is not what was expected.
func (c *Client) Call(verb string, in, out any, patience time.Duration) error {
	return c.CallWith(verb, in, nil, out, patience)
}

// CallWith is Call with bytes that the request takes along.
func (c *Client) CallWith(verb string, in any, blob []byte, out any, patience time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if len(blob) > MaxBlob {
		return fmt.Errorf("%s: %d bytes, at most %d are allowed", verb, len(blob), MaxBlob)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	ask, err := frame(request{verb, body, len(blob)})
	if err != nil { // nothing was said: whoever asks for too much spoils it for nobody else
		return fmt.Errorf("%s: %w", verb, err)
	}
	got, err := c.call(ask, blob, patience)
	if err != nil {
		c.broken = fmt.Errorf("%s: %w: %w", verb, ErrBroken, err)
		c.conn.Close()
		return c.broken
	}
	if got.Error != "" {
		return &Error{Kind: got.Kind, Message: got.Error}
	}
	if out == nil {
		return nil
	}
	if err := decode(got.Body, out); err != nil {
		return fmt.Errorf("%s: answer: %w", verb, err)
	}
	return nil
}

func (c *Client) call(ask, blob []byte, patience time.Duration) (got answer, err error) {
	c.conn.SetDeadline(time.Now().Add(patience))
	for _, b := range [][]byte{ask, blob} {
		if _, err := c.conn.Write(b); err != nil {
			return got, gone(err)
		}
	}
	return got, read(c.conn, &got)
}

// Close ends the channel; the other side sees its end.
func (c *Client) Close() error { return c.conn.Close() }

// Handler answers one verb. The body is JSON, the blob what the request took along.
type Handler func(body json.RawMessage, blob []byte) (any, error)

// Kinded is an error that tells its kind to the other side.
type Kinded interface {
	error
	Kind() string
}

// Serve answers requests from one end, which it owns, until the other side closes
// its own, and then returns nil. A request that takes bytes along ends it.
func Serve(end *os.File, verbs map[string]Handler) error { return ServeBlobs(end, 0, verbs) }

// ServeBlobs is Serve for requests that take along so many bytes at most. The memory
// for them is taken when they are announced: it is for who trusts the other side.
func ServeBlobs(end *os.File, most int, verbs map[string]Handler) error {
	s, err := NewServer(end, most, verbs)
	if err != nil {
		return err
	}
	return s.Serve()
}

// Server answers requests from one end.
type Server struct {
	conn  net.Conn
	most  int
	verbs map[string]Handler
}

// NewServer makes a Server of one end, which it owns from then on. What it needs of
// the system besides reading and writing it has then.
func NewServer(end *os.File, most int, verbs map[string]Handler) (*Server, error) {
	c, err := connect(end)
	if err != nil {
		return nil, err
	}
	return &Server{conn: c, most: most, verbs: verbs}, nil
}

// Serve is the function ServeBlobs.
func (s *Server) Serve() error {
	defer s.conn.Close()
	for {
		var ask request
		if err := read(s.conn, &ask); err != nil {
			if errors.Is(err, ErrGone) {
				return nil
			}
			return err
		}
		if ask.Blob < 0 || ask.Blob > s.most {
			return fmt.Errorf("%d bytes follow a request, at most %d are allowed", ask.Blob, s.most)
		}
		blob := make([]byte, ask.Blob)
		if _, err := io.ReadFull(s.conn, blob); err != nil {
			return nil // gone
		}
		b, err := frame(answerTo(ask, blob, s.verbs))
		if err != nil { // the next answer may be shorter
			b, err = frame(answer{Error: err.Error()})
		}
		if err != nil {
			return err
		}
		if _, err := s.conn.Write(b); err != nil {
			if err = gone(err); errors.Is(err, ErrGone) {
				return nil
			}
			return err
		}
	}
}

func answerTo(ask request, blob []byte, verbs map[string]Handler) answer {
	h := verbs[ask.Verb]
	if h == nil {
		return answer{Error: fmt.Sprintf("no such verb: %q", ask.Verb)}
	}
	out, err := h(ask.Body, blob)
	if err != nil {
		a := answer{Error: err.Error()}
		var k Kinded
		if errors.As(err, &k) {
			a.Kind = k.Kind()
		}
		if a.Error == "" {
			a.Error = "unknown error"
		}
		return a
	}
	body, err := json.Marshal(out)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Body: body}
}

// frame is a message as it crosses the channel.
func frame(message any) ([]byte, error) {
	b, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("message of %d bytes, at most %d are allowed", len(b), MaxMessage)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...), nil
}

func read(r io.Reader, into any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return gone(err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxMessage {
		return fmt.Errorf("message of %d bytes, at most %d are allowed", n, MaxMessage)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return gone(err)
	}
	return decode(b, into)
}

// gone tells the end of the other side from other errors.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return ErrGone
	}
	return err
}

// decode takes exactly one object, without keys that nobody knows.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

// Bind makes a Handler of a function with a decoded body.
func Bind[In, Out any](f func(In) (Out, error)) Handler {
	return func(body json.RawMessage, _ []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return f(in)
	}
}
