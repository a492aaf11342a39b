package control

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Who may what: every verb for everybody.
func TestVerbs(t *testing.T) {
	g := start(t, nil)
	for _, who := range []struct {
		name   string
		uid    int
		groups []uint32
		class  Class
	}{
		{name: "root", uid: 0, class: Admin},
		{name: "admin", uid: testAdmin, class: Admin},
		{name: "reader", uid: testReader, class: Read},
		{name: "reader by group", uid: testMember, groups: []uint32{5, readGroup}, class: Read},
	} {
		for _, v := range Verbs() {
			t.Run(who.name+"/"+v.Name, func(t *testing.T) {
				as(t, who.uid, testGroup, who.groups, func() {
					before := len(g.backend.asked())
					c, err := Dial(context.Background(), g.path)
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					if c.Class != who.class.String() || c.Version != "v1" {
						t.Errorf("hello says class %q, version %q", c.Class, c.Version)
					}
					var result any
					_, err = c.Call(context.Background(), v.Name, Args{}, &result)
					asked := g.backend.asked()[before:]
					var e *Error
					if who.class < v.Class {
						if !errors.As(err, &e) || e.Code != CodeForbidden || len(asked) != 0 {
							t.Errorf("error %v, and the gateway was asked %d times", err, len(asked))
						}
						return
					}
					if err != nil || result == nil {
						t.Errorf("result %v (%v)", result, err)
					}
					want := []Request{{Verb: v.Name, UID: uint32(who.uid), GID: testGroup, PID: int32(os.Getpid())}}
					if diff := cmp.Diff(want, asked); diff != "" {
						t.Errorf("the gateway was asked otherwise (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

func TestTurnedAway(t *testing.T) {
	g := start(t, nil)
	as(t, testNobody, testGroup, nil, func() {
		_, err := Dial(context.Background(), g.path)
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeForbidden || !strings.Contains(e.Message, "61003") {
			t.Errorf("one of no class: %v", err)
		}
	})
	as(t, testOther, 1, nil, func() {
		if _, err := Dial(context.Background(), g.path); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("one outside of the group: %v", err)
		}
	})
	if asked := g.backend.asked(); len(asked) != 0 {
		t.Errorf("the gateway was asked: %v", asked)
	}
	want := []Event{{Kind: EventRefused, Code: CodeForbidden, UID: testNobody, GID: testGroup, PID: int32(os.Getpid())}}
	if diff := cmp.Diff(want, g.trail.all(), ignoreTimes); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
}

var ignoreTimes = cmp.FilterPath(func(p cmp.Path) bool {
	return p.String() == "Time" || p.String() == "Took" || p.String() == "Message"
}, cmp.Ignore())

// What a reader gets for what he sends.
func TestRequests(t *testing.T) {
	g := start(t, nil)
	for _, tt := range []struct {
		name  string
		bytes []byte
		code  Code
		open  bool // the connection goes on
	}{
		{name: "fine", bytes: framed(`{"verb":"status"}`), open: true},
		{name: "a page", bytes: framed(`{"verb":"rules","args":{"limit":3}}`), open: true},
		{name: "no verb", bytes: framed(`{}`), code: CodeUnknownVerb, open: true},
		{name: "unknown verb", bytes: framed(`{"verb":"flush"}`), code: CodeUnknownVerb, open: true},
		{name: "verb of admins", bytes: framed(`{"verb":"reload"}`), code: CodeForbidden, open: true},
		{name: "verb of admins, written otherwise", bytes: framed(`{"verb":"re\u006coad"}`), code: CodeForbidden, open: true},
		{name: "verb in capitals", bytes: framed(`{"verb":"RELOAD"}`), code: CodeUnknownVerb, open: true},
		{name: "verb with a space", bytes: framed(`{"verb":"reload "}`), code: CodeUnknownVerb, open: true},
		{name: "verb with a zero byte", bytes: framed(`{"verb":"status\u0000reload"}`), code: CodeUnknownVerb, open: true},
		{name: "two verbs", bytes: framed(`{"verb":"status","verb":"reload"}`), code: CodeForbidden, open: true},
		{name: "two verbs, the other way", bytes: framed(`{"verb":"reload","Verb":"status"}`), open: true},
		{name: "somebody else's name", bytes: framed(`{"verb":"reload","uid":0}`), code: CodeBadRequest},
		{name: "arguments where there are none", bytes: framed(`{"verb":"status","args":{"limit":3}}`), code: CodeBadRequest, open: true},
		{name: "limit", bytes: framed(`{"verb":"rules","args":{"limit":1001}}`), code: CodeBadRequest, open: true},
		{name: "cursor of another policy", bytes: framed(`{"verb":"rules","args":{"cursor":"9.1"}}`), code: CodeStale, open: true},
		{name: "cursor of rubbish", bytes: framed(`{"verb":"rules","args":{"cursor":"\u0000"}}`), code: CodeBadRequest, open: true},
		{name: "empty frame", bytes: framed(``), code: CodeBadRequest},
		{name: "no JSON", bytes: framed(`hello`), code: CodeBadRequest},
		{name: "two requests in a frame", bytes: framed(`{"verb":"status"}{"verb":"status"}`), code: CodeBadRequest},
		{name: "as long as may be", bytes: framed(`{"verb":"` + strings.Repeat("x", MaxRequest-11) + `"}`), code: CodeUnknownVerb, open: true},
		{name: "one byte longer", bytes: framed(`{"verb":"` + strings.Repeat("x", MaxRequest-10) + `"}`), code: CodeTooLarge},
		{name: "HTTP", bytes: []byte("GET / HTTP/1.1\r\n\r\n"), code: CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			as(t, testReader, testGroup, nil, func() {
				c, h := dial(t, g.path)
				if c == nil || h.Error != nil {
					t.Errorf("hello %+v", h)
					return
				}
				code, open := exchange(t, c, tt.bytes)
				if code != tt.code || open != tt.open {
					t.Errorf("code %q, open %v, want %q, %v", code, open, tt.code, tt.open)
				}
			})
		})
	}
	for _, r := range g.backend.asked() {
		if v, _ := Lookup(r.Verb); v.Class != Read {
			t.Errorf("a reader got as far as %+v", r)
		}
	}
	if n := g.Calls().Admin; n != 0 {
		t.Errorf("%d admin verbs are counted", n)
	}
}

func TestStatusHasCalls(t *testing.T) {
	g := start(t, nil)
	c, err := Dial(t.Context(), g.path)
	must(t, err)
	defer c.Close()
	var s Status
	var n Counters
	if _, err := c.Call(t.Context(), VerbStatus, Args{}, &s); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), VerbCounters, Args{}, &n); err != nil {
		t.Fatal(err)
	}
	if s.Counters.Control.Requests != 1 || n.Control.Requests != 2 || n.Control.Clients != 1 || n.Unanswered != 3 {
		t.Errorf("status has %+v, counters %+v", s.Counters.Control, n)
	}
}

// A dump that the policy overtakes begins anew and is of one policy.
func TestAll(t *testing.T) {
	g := start(t, nil)
	fill := func(access string) {
		g.backend.rules = nil
		for range 3500 {
			g.backend.rules = append(g.backend.rules, Rule{Subject: "a", Object: "b", Access: access, At: "f:1"})
		}
	}
	fill("r")
	pages := 0
	g.backend.answer(func(_ context.Context, r Request) (Response, error) {
		if pages++; pages == 3 {
			fill("w")
			g.backend.mu.Lock()
			g.backend.generation++
			g.backend.mu.Unlock()
		}
		return g.backend.page(r)
	})
	c, err := Dial(t.Context(), g.path)
	must(t, err)
	defer c.Close()
	rows, err := All[Rule](t.Context(), c, VerbRules)
	must(t, err)
	if len(rows) != 3500 {
		t.Errorf("%d rows", len(rows))
	}
	for _, r := range rows {
		if r.Access != "w" {
			t.Fatalf("a row of the policy before: %+v", r)
		}
	}
}

// What went wrong behind the socket is told as such, and ends nothing.
func TestBackendFails(t *testing.T) {
	long := make([]Problem, 200)
	for i := range long {
		long[i] = Problem{File: "f", Message: strings.Repeat("x", 10000), Severity: "error"}
	}
	g := start(t, nil)
	c, err := Dial(t.Context(), g.path)
	must(t, err)
	defer c.Close()
	for _, tt := range []struct {
		name     string
		response Response
		err      error
		panic    bool
		code     Code
		problems int
	}{
		{name: "an error", err: errors.New("no space left"), code: CodeFailed},
		{name: "refused", err: &Error{Code: CodeRefused, Message: "m", Problems: long[:3]}, code: CodeRefused, problems: 3},
		{name: "refused at length", err: &Error{Code: CodeRefused, Message: "m", Problems: long}, code: CodeRefused, problems: 100},
		{name: "its own deadline", err: context.DeadlineExceeded, code: CodeTimeout},
		{name: "panic", panic: true, code: CodeFailed},
		{name: "no JSON", response: Response{Result: []byte(nil)}, code: ""},
		{name: "cannot be JSON", response: Response{Result: make(chan int)}, code: CodeFailed},
		{name: "too long", response: Response{Result: strings.Repeat("x", MaxAnswer)}, code: CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.backend.answer(func(context.Context, Request) (Response, error) {
				if tt.panic {
					panic("fault")
				}
				return tt.response, tt.err
			})
			for _, verb := range []string{VerbReload, VerbHealth} {
				var result any
				_, err := c.Call(t.Context(), verb, Args{}, &result)
				var e *Error
				errors.As(err, &e)
				if tt.code == "" && err != nil || tt.code != "" && (e == nil || e.Code != tt.code) {
					t.Errorf("%s: error %v, want one of code %q", verb, err, tt.code)
				}
				if e != nil && len(e.Problems) != tt.problems {
					t.Errorf("%s: %d problems, want %d", verb, len(e.Problems), tt.problems)
				}
			}
		})
	}
}

// Every admin verb is on record before it is done and after.
func TestAdminOnRecord(t *testing.T) {
	g := start(t, nil)
	g.backend.answer(func(_ context.Context, r Request) (Response, error) {
		if events := g.trail.all(); len(events) == 0 || events[len(events)-1].Outcome != OutcomeAsked {
			t.Error("not on record before it is done")
		}
		if r.Verb == VerbRotate {
			return Response{}, errors.New("no space\x1b left")
		}
		return Response{Result: 1}, nil
	})
	as(t, testAdmin, testGroup, nil, func() {
		c, err := Dial(context.Background(), g.path)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		var result any
		c.Call(context.Background(), VerbReload, Args{}, &result)
		c.Call(context.Background(), VerbRotate, Args{}, &result)
	})
	event := func(verb, outcome string, code Code) Event {
		return Event{Kind: EventAdmin, Verb: verb, Outcome: outcome, Code: code, UID: testAdmin, GID: testGroup, PID: int32(os.Getpid())}
	}
	want := []Event{
		event(VerbReload, OutcomeAsked, ""), event(VerbReload, OutcomeDone, ""),
		event(VerbRotate, OutcomeAsked, ""), event(VerbRotate, OutcomeFailed, CodeFailed),
	}
	got := g.trail.all()
	if diff := cmp.Diff(want, got, ignoreTimes); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	if last := got[len(got)-1]; last.Message != "no space? left" || last.Took <= 0 || last.Time.IsZero() {
		t.Errorf("the last is %+v", last)
	}
	if n := g.Calls().Admin; n != 1 {
		t.Errorf("%d admin verbs are counted as done", n)
	}
}

// Whoever loses his rights has lost them, though he is connected.
func TestAccessChanges(t *testing.T) {
	g := start(t, nil)
	as(t, testAdmin, testGroup, nil, func() {
		c, _ := dial(t, g.path)
		if code, open := exchange(t, c, framed(`{"verb":"reload"}`)); code != "" || !open {
			t.Errorf("as admin: %q", code)
		}
		g.SetAccess(Access{ReadUsers: []uint32{testAdmin}})
		if code, open := exchange(t, c, framed(`{"verb":"reload"}`)); code != CodeForbidden || !open {
			t.Errorf("as reader: %q", code)
		}
		g.SetAccess(Access{})
		if code, _ := exchange(t, c, framed(`{"verb":"status"}`)); code != CodeForbidden {
			t.Errorf("as nobody: %q", code)
		}
	})
}

func TestStop(t *testing.T) {
	g := start(t, nil)
	quiet, _ := dial(t, g.path)
	working, _ := dial(t, g.path)
	begun := make(chan bool)
	g.backend.answer(func(ctx context.Context, _ Request) (Response, error) {
		close(begun)
		<-ctx.Done()
		return Response{Result: "the last word"}, nil
	})
	_, err := working.Write(framed(`{"verb":"reload"}`))
	must(t, err)
	<-begun
	before := time.Now()
	must(t, g.stop())
	if d := time.Since(before); d > ReadTimeout {
		t.Errorf("took %v", d)
	}
	var a answer
	if !take(t, working, &a) {
		t.Error("who was being answered got no answer")
	}
	if take(t, quiet, &a) {
		t.Errorf("who asked nothing got %+v", a)
	}
	if _, err := Dial(t.Context(), g.path); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "it is not running") {
		t.Errorf("afterwards: %v", err)
	}
}

func TestServeRefusesOtherSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f, err := l.(*net.TCPListener).File()
	must(t, err)
	l.Close()
	if err := NewServer(Config{}).Serve(t.Context(), f); err == nil || !strings.Contains(err.Error(), "cannot say who asks") {
		t.Errorf("a TCP socket: %v", err)
	}
}
