package control

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func quick(s *Server) {
	s.times.read = 200 * time.Millisecond
	s.times.write = 200 * time.Millisecond
	s.times.query = 200 * time.Millisecond
	s.times.admin = 200 * time.Millisecond
}

// Whoever takes his time is not waited for.
func TestSlowRequests(t *testing.T) {
	g := start(t, quick)
	for _, tt := range []struct {
		name  string
		parts []string // written with pauses in between, each shorter than the limit
		shut  bool     // then nothing more can come
		code  Code     // "" for an end without a word
	}{
		{name: "silence"},
		{name: "two bytes of the length", parts: []string{"\x00\x00"}, code: CodeTimeout},
		{name: "length", parts: []string{"\x00\x00\x00\x10"}, code: CodeTimeout},
		{name: "half a request", parts: []string{string(framed(`{"verb":"status"}`)[:12])}, code: CodeTimeout},
		{name: "bytewise", parts: strings.Split(string(framed(`{"verb":"status"}`)), ""), code: CodeTimeout},
		{name: "half a request and no more", parts: []string{string(framed(`{"verb":"status"}`)[:12])}, shut: true, code: CodeBadRequest},
		{name: "half a length and no more", parts: []string{"\x00"}, shut: true, code: CodeBadRequest},
		{name: "nothing and no more", shut: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := dial(t, g.path)
			for i, p := range tt.parts {
				if i > 0 {
					time.Sleep(150 * time.Millisecond)
				}
				if _, err := c.Write([]byte(p)); err != nil {
					break // it is over already
				}
			}
			if tt.shut {
				c.(*net.UnixConn).CloseWrite()
			}
			var a answer
			code := Code("")
			if take(t, c, &a) && a.Error != nil {
				code = a.Error.Code
			}
			if code != tt.code || a.Result != nil {
				t.Errorf("answer %+v, want %q", a, tt.code)
			}
			if take(t, c, &a) {
				t.Error("the connection goes on")
			}
		})
	}
}

// A request whose sender says that he is through is still answered.
func TestHalfClosed(t *testing.T) {
	g := start(t, nil)
	c, _ := dial(t, g.path)
	_, err := c.Write(framed(`{"verb":"status"}`))
	must(t, err)
	must(t, c.(*net.UnixConn).CloseWrite())
	var a answer
	if !take(t, c, &a) || a.Error != nil || a.Result == nil {
		t.Errorf("answer %+v", a)
	}
}

// Whoever does not take his answers is let go.
func TestSlowReaders(t *testing.T) {
	g := start(t, quick)
	g.backend.answer(func(context.Context, Request) (Response, error) {
		return Response{Result: strings.Repeat("x", MaxAnswer/2)}, nil
	})
	c, _ := dial(t, g.path)
	for {
		c.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write(framed(`{"verb":"status"}`)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still connected")
			}
			return
		}
	}
}

// A backend that hangs costs its own callers' time and nobody else's.
func TestHungBackend(t *testing.T) {
	g := start(t, quick)
	release := make(chan bool)
	g.backend.answer(func(_ context.Context, r Request) (Response, error) {
		if r.Verb != VerbHealth {
			<-release
		}
		return Response{Result: true}, nil
	})
	ask := func(verb string) Code {
		c, err := Dial(t.Context(), g.path)
		must(t, err)
		defer c.Close()
		var result any
		_, err = c.Call(t.Context(), verb, Args{}, &result)
		var e *Error
		if errors.As(err, &e) {
			return e.Code
		}
		must(t, err)
		return ""
	}
	if code := ask(VerbReload); code != CodeTimeout {
		t.Errorf("reload: %q", code)
	}
	if code := ask(VerbRotate); code != CodeBusy {
		t.Errorf("rotate while a reload hangs: %q", code)
	}
	for i := range maxQueries - 1 {
		if code := ask(VerbStatus); code != CodeTimeout {
			t.Errorf("status %d: %q", i, code)
		}
	}
	if code := ask(VerbHealth); code != "" {
		t.Errorf("health while others hang: %q", code)
	}
	if code := ask(VerbStatus); code != CodeTimeout {
		t.Errorf("status: %q", code)
	}
	if code := ask(VerbHealth); code != CodeBusy {
		t.Errorf("health when all places are taken: %q", code)
	}
	close(release)
	for range 100 {
		if ask(VerbHealth) == "" && ask(VerbReload) == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("what hung is through, and nobody is served")
}

// Readers who come in crowds find the limit; root finds a place.
func TestCrowd(t *testing.T) {
	g := start(t, nil)
	busy := func(uid uint32) {
		t.Helper()
		as(t, int(uid), testGroup, []uint32{readGroup}, func() {
			c, h := dial(t, g.path)
			if h.Error == nil || h.Error.Code != CodeBusy {
				t.Errorf("user %d is served as one too many: %+v", uid, h)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("and the connection goes on")
			}
		})
	}
	for uid := uint32(62000); uid < 62000+maxReaders/maxPerUser; uid++ {
		as(t, int(uid), testGroup, []uint32{readGroup}, func() {
			for range maxPerUser {
				if _, h := dial(t, g.path); h.Error != nil {
					t.Errorf("user %d: %v", uid, h.Error)
				}
			}
		})
		busy(uid)
	}
	busy(62100)
	c, err := Dial(t.Context(), g.path)
	must(t, err)
	defer c.Close()
	var s Status
	_, err = c.Call(t.Context(), VerbStatus, Args{}, &s)
	must(t, err)
	if s.Counters.Control.Clients != maxReaders+1 {
		t.Errorf("%d clients", s.Counters.Control.Clients)
	}
}

// A connection that root opened is worth nothing in the hands of another.
func TestOtherSender(t *testing.T) {
	g := start(t, nil)
	c, h := dial(t, g.path)
	if h.Class != "admin" {
		t.Fatalf("hello %+v", h)
	}
	as(t, testReader, testGroup, nil, func() {
		if code, open := exchange(t, c, framed(`{"verb":"reload"}`)); code != CodeForbidden || open {
			t.Errorf("whole: %q, open %v", code, open)
		}
	})
	c, _ = dial(t, g.path)
	f := framed(`{"verb":"reload"}`)
	_, err := c.Write(f[:10])
	must(t, err)
	as(t, testReader, testGroup, nil, func() {
		if code, open := exchange(t, c, f[10:]); code != CodeForbidden || open {
			t.Errorf("the second half: %q, open %v", code, open)
		}
	})
	if asked := g.backend.asked(); slices.ContainsFunc(asked, func(r Request) bool { return r.Verb == VerbReload }) {
		t.Errorf("the gateway was asked: %v", asked)
	}
}

// Descriptors that a caller sends do not pile up here.
func TestDescriptorsAreNotTaken(t *testing.T) {
	g := start(t, nil)
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	rights := unix.UnixRights(slices.Repeat([]int{int(null.Fd())}, 100)...)
	// The other tests' descriptors come and go, so only many more mean something.
	before := descriptors(t)
	for i := range 50 {
		c, _ := dial(t, g.path)
		f := framed(`{"verb":"status"}`)
		part := len(f)
		if i%2 == 1 {
			part = 3
		}
		if _, _, err := c.(*net.UnixConn).WriteMsgUnix(f[:part], rights, nil); err != nil {
			t.Fatal(err)
		}
		c.Write(f[part:])
		var a answer
		if take(t, c, &a) && (a.Error == nil || a.Error.Code != CodeBadRequest) {
			t.Errorf("answer %+v", a)
		}
		c.Close()
	}
	if after := descriptors(t); after > before+200 {
		t.Errorf("%d descriptors were open, now %d", before, after)
	}
	if asked := g.backend.asked(); len(asked) != 0 {
		t.Errorf("the gateway was asked %d times", len(asked))
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(all)
}
