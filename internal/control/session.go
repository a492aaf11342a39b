package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// session is one connection.
type session struct {
	server *Server
	conn   *net.UnixConn
	caller Caller // who opened it
	from   reader
	buffer []byte
}

// run answers one request after another until the connection ends.
func (c *session) run(ctx context.Context, class Class) {
	s := c.server
	c.from = reader{conn: c.conn, uid: c.caller.UID}
	if err := nameSenders(c.conn); err != nil {
		s.trouble("SO_PASSCRED: " + err.Error())
		return
	}
	if !c.send(hello{Protocol: Protocol, Version: s.version, Class: class.String()}) {
		return
	}
	for ctx.Err() == nil {
		if !c.next(ctx) {
			return
		}
	}
}

// next answers one request. It reports false when there can be no other.
func (c *session) next(ctx context.Context) bool {
	s := c.server
	c.conn.SetReadDeadline(time.Now().Add(s.times.read))
	if ctx.Err() != nil {
		return false // the deadline that ended it may have been put off just now
	}
	c.from.got = 0
	b, err := readFrame(&c.from, MaxRequest, c.buffer)
	c.buffer = b
	if err != nil {
		if e := unread(err, c.from.got); e != nil && ctx.Err() == nil {
			s.refuse(&c.caller, "", e)
			c.send(answer{Error: e})
		}
		return false
	}
	s.requests.Add(1)
	caller, err := peer(c.conn)
	if err != nil || caller.UID != c.caller.UID {
		s.trouble("a caller is nobody any more")
		return false
	}
	caller.PID = c.from.pid
	r, err := parseRequest(b)
	if err != nil {
		e := Errorf(CodeBadRequest, "%s", printable(err.Error(), 200))
		s.refuse(&caller, "", e)
		c.send(answer{Error: e})
		return false
	}
	wait(ctx, s.slots.pace(caller.UID, time.Now()))
	return c.send(s.answer(ctx, &caller, &r))
}

// unread is what a caller is told whose request could not be read, nil when there
// was none.
func unread(err error, got int) *Error {
	switch {
	case errors.Is(err, errFrameTooLong):
		return Errorf(CodeTooLarge, "a request has at most %d bytes", MaxRequest)
	case errors.Is(err, errOtherSender):
		return Errorf(CodeForbidden, "%v", err)
	case errors.Is(err, errDescriptors):
		return Errorf(CodeBadRequest, "%v", err)
	case got == 0:
		return nil // gone, or silent for too long: nothing was asked
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Errorf(CodeTimeout, "the request was not complete after %v", ReadTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Errorf(CodeBadRequest, "the request ends too early")
	}
	return nil
}

// send writes one frame and reports whether the caller took it in time.
func (c *session) send(value any) bool {
	f, err := frame(value, MaxAnswer)
	if err != nil {
		e := Errorf(CodeFailed, "the answer cannot be written: %v", err)
		if errors.Is(err, errFrameTooLong) {
			e = Errorf(CodeTooLarge, "the answer has more than %d bytes", MaxAnswer)
		}
		c.server.trouble(e.Message)
		if f, err = frame(answer{Error: e}, MaxAnswer); err != nil {
			return false
		}
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.server.times.write))
	_, err = c.conn.Write(f)
	return err == nil
}
