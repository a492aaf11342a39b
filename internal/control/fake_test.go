package control

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fake is a Backend of a few rows. Requests are kept; do, when set, answers in its
// place.
type fake struct {
	mu         sync.Mutex
	requests   []Request
	generation uint32
	rules      []Rule
	do         func(context.Context, Request) (Response, error)
}

func (f *fake) Do(ctx context.Context, r Request) (Response, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	do := f.do
	f.mu.Unlock()
	if do != nil {
		return do(ctx, r)
	}
	switch r.Verb {
	case VerbStatus:
		return Response{Result: Status{Version: "v1", PID: os.Getpid(), State: StateJudging}}, nil
	case VerbCounters:
		return Response{Result: &Counters{Unanswered: 3}}, nil
	case VerbHealth:
		return Response{Result: json.RawMessage(`{"healthy":true,"checks":[]}`)}, nil
	case VerbRules:
		return f.page(r)
	case VerbReload:
		return Response{Result: Reload{Policy: Policy{Generation: 2}}}, nil
	case VerbRotate:
		return Response{Result: Rotate{Output: "/x"}}, nil
	case VerbUpgrade:
		return Response{Result: Upgrade{Version: "v1"}}, nil
	}
	return (&Page{}).Response(""), nil
}

func (f *fake) page(r Request) (Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := ParseCursor(r.Args.Cursor, f.generation)
	if err != nil {
		return Response{}, err
	}
	p := Page{Limit: r.Args.Limit}
	for ; c.Position < uint64(len(f.rules)); c.Position++ {
		ok, err := p.Add(&f.rules[c.Position])
		if err != nil {
			return Response{}, err
		}
		if !ok {
			return p.Response(c.String()), nil
		}
	}
	return p.Response(""), nil
}

// answer has all requests answered by do.
func (f *fake) answer(do func(context.Context, Request) (Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

func (f *fake) asked() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Request(nil), f.requests...)
}

// trail keeps events.
type trail struct {
	mu     sync.Mutex
	events []Event
}

func (t *trail) add(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

func (t *trail) all() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Event(nil), t.events...)
}

// The users of the tests. Readers and admins reach the socket by group 61000.
const (
	testGroup  = 61000
	testReader = 61001
	testAdmin  = 61002
	testNobody = 61003 // in the group, but with no class
	testMember = 61004 // a reader by a further group
	testOther  = 61005 // not in the group
	readGroup  = 61100
)

func testAccess() Access {
	return Access{Owner: 0, AdminUsers: []uint32{testAdmin}, ReadUsers: []uint32{testReader}, ReadGroups: []uint32{readGroup}}
}

// gateway is a Server with all around it.
type gateway struct {
	*Server
	path    string
	backend *fake
	trail   *trail
	stop    func() error
}

// start starts a Server; change, which may be nil, changes it before.
func start(t *testing.T, change func(*Server)) *gateway {
	t.Helper()
	dir := reachable(t)
	g := &gateway{path: dir + "/run/control", backend: &fake{generation: 1}, trail: &trail{}}
	gid := -1
	if os.Geteuid() == 0 {
		gid = testGroup
	}
	f, err := Listen(Place{Path: g.path, GID: gid, Make: true})
	must(t, err)
	g.Server = NewServer(Config{Backend: g.backend, Access: testAccess(), Version: "v1", Audit: g.trail.add})
	if os.Geteuid() != 0 {
		g.SetAccess(Access{Owner: uint32(os.Geteuid())})
	}
	if change != nil {
		change(g.Server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ctx, f) }()
	stopped := false
	g.stop = func() error {
		cancel()
		stopped = true
		return <-ended
	}
	t.Cleanup(func() {
		if !stopped {
			if err := g.stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return g
}

// reachable returns a directory that every user may pass.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lgcontrol")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// as runs f on a thread of its own that is another user, and then ends the
// thread. It skips the test where that needs root.
func as(t *testing.T, uid, gid int, groups []uint32, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: asks as other users")
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is not used again
		done <- func() error {
			if err := become(uid, gid, groups); err != nil {
				return err
			}
			f()
			return nil
		}()
	}()
	must(t, <-done)
}

// dial connects and reads the hello.
func dial(t *testing.T, path string) (net.Conn, hello) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Error(err)
		return nil, hello{}
	}
	t.Cleanup(func() { c.Close() })
	var h hello
	if !take(t, c, &h) {
		t.Error("no hello")
	}
	return c, h
}

// take reads a frame and reports whether there was one.
func take(t *testing.T, c net.Conn, into any) bool {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := readFrame(c, MaxAnswer, nil)
	if err != nil {
		return false
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return true
}

// exchange writes bytes and reads the answer's error, "" for none; open says
// whether the connection takes another request.
func exchange(t *testing.T, c net.Conn, bytes []byte) (code Code, open bool) {
	t.Helper()
	if _, err := c.Write(bytes); err != nil {
		t.Error(err)
	}
	var a answer
	if !take(t, c, &a) {
		return "no answer", false
	}
	if a.Error != nil {
		code = a.Error.Code
	}
	if _, err := c.Write(framed(`{"verb":"health"}`)); err != nil {
		return code, false
	}
	return code, take(t, c, &a)
}

// become makes the calling thread, and no other, another user's.
func become(uid, gid int, groups []uint32) error {
	if err := setGroups(groups); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return errno
	}
	return nil
}
