package control

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"labelgate/test/figures"
	"labelgate/test/long"
)

// server is the user that serves in the tests below.
const testServer = 61900

// attacker is a process that abuses the socket.
type attacker struct {
	uid    uint32
	groups []uint32
	share  int // of a hundred frames
	admin  bool
	child  *child
	report abuseReport
}

// TestAbuse has users of every kind send what nobody should, all at once, to a
// server that is confined as a control process is, while root asks for the status.
func TestAbuse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs as other users")
	}
	path := reachable(t) + "/run/control"
	f, err := Listen(Place{Path: path, GID: testGroup, Make: true})
	must(t, err)
	exe := program(t)
	server := launch(t, exe, "server", testServer, []uint32{testServer}, serverOrders{Read: 1500 * time.Millisecond, Confined: !built("CGO_ENABLED", "1")}, f)
	f.Close()

	seed := long.Seed(t, 23)
	frames := long.Count(100_000, 2_000_000)
	if built("-race", "true") {
		frames /= 10
	}
	attackers := []attacker{
		{uid: testNobody, groups: []uint32{testGroup}, share: 25},
		{uid: testNobody + 100, groups: []uint32{testGroup, 0, 27}, share: 21},
		{uid: testOther, groups: []uint32{testOther}, share: 1},
		{uid: testReader, groups: []uint32{testGroup}, share: 20},
		{uid: testMember, groups: []uint32{testGroup, readGroup}, share: 20},
		{uid: testAdmin, groups: []uint32{testGroup}, share: 14, admin: true},
	}
	for i := range attackers {
		a := &attackers[i]
		a.child = launch(t, exe, "abuse", a.uid, a.groups, abuseOrders{Path: path, Frames: frames * a.share / 100, Seed: seed + uint64(i), Admin: a.admin})
	}
	root := ask(t, path)
	var forbidden, sent, reloads int
	for i := range attackers {
		a := &attackers[i]
		a.child.end(t, &a.report)
		n := 0
		for _, k := range a.report.Kinds {
			n += k
		}
		sent += n
		if !a.admin {
			forbidden += a.report.Reloads
		} else {
			reloads += a.report.Reloads
		}
		t.Logf("user %d: %d frames, turned away %v, answers %v, connections refused by the kernel %d", a.uid, n, a.report.TurnedBy, a.report.Answers, a.report.Unheard)
	}
	asked, failed, slowest := root()
	server.in.Close()
	var r serverReport
	server.end(t, &r)

	actions := 0
	for uid, n := range r.Admin {
		if uid != testAdmin {
			actions += n
		}
	}
	for uid := range r.Queries {
		if !slices.Contains([]uint32{0, testAdmin, testReader, testMember}, uid) {
			t.Errorf("user %d was answered", uid)
		}
	}
	if r.Admin[testAdmin] == 0 || r.Admin[testAdmin] < reloads {
		t.Errorf("the admin's reloads: %d carried out, %d answered", r.Admin[testAdmin], reloads)
	}
	if r.Goroutines > 0 {
		t.Errorf("%d goroutines are left", r.Goroutines)
	}
	if r.Refusals != r.Calls.Refused {
		t.Errorf("%d refusals are on record of %d", r.Refusals, r.Calls.Refused)
	}
	if r.Calls.Clients != 0 {
		t.Errorf("%d places are taken by nobody", r.Calls.Clients)
	}
	for _, k := range append(slices.Clone(kinds), slow...) {
		if !slices.ContainsFunc(attackers, func(a attacker) bool { return a.report.Kinds[k.name] > 0 }) {
			t.Errorf("nobody has sent %q", k.name)
		}
	}
	t.Logf("server: %s", r.Confined)
	t.Logf("server: %+v, users answered %v, descriptors %d", r.Calls, slices.Sorted(maps.Keys(r.Queries)), r.Descriptors)
	figure := func(id string, value float64, unit string) figures.Figure {
		return figures.Figure{ID: "control/abuse/" + id, Value: value, Unit: unit}
	}
	long.Report(t,
		figure("frames sent", float64(sent), "frames").AtLeast(float64(frames)*0.99),
		figure("admin actions by forbidden users", float64(actions+forbidden), "actions").AtMost(0),
		figure("servers that died", float64(died(server)), "processes").AtMost(0),
		figure("refusals without record", float64(r.Calls.Refused)-float64(r.Refusals), "refusals").AtMost(0),
		figure("status asked by root meanwhile", float64(asked), "requests").AtLeast(20),
		figure("status not answered", float64(failed), "requests").AtMost(0),
		figure("slowest status", float64(slowest.Milliseconds()), "ms").AtMost(5000),
	)
}

// built reports how this program was built: with the race detector, which is slow,
// or with cgo, beside which no process can confine all of its threads.
func built(key, value string) bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: key, Value: value})
}

func died(c *child) int {
	if c.ProcessState == nil || !c.ProcessState.Success() {
		return 1
	}
	return 0
}

// ask asks for the status as root until the function it returns is called, which
// tells how often, how often in vain, and how long the slowest took.
func ask(t *testing.T, path string) func() (asked, failed int, slowest time.Duration) {
	stop := make(chan bool)
	type result struct {
		asked, failed int
		slowest       time.Duration
	}
	done := make(chan result)
	go func() {
		var r result
		for {
			select {
			case <-stop:
				done <- r
				return
			case <-time.After(20 * time.Millisecond):
			}
			begun := time.Now()
			r.asked++
			if err := askOnce(path); err != nil {
				r.failed++
				t.Logf("status %d: %v", r.asked, err)
			}
			r.slowest = max(r.slowest, time.Since(begun))
		}
	}()
	return func() (int, int, time.Duration) {
		close(stop)
		r := <-done
		return r.asked, r.failed, r.slowest
	}
}

func askOnce(path string) error {
	c, err := Dial(context.Background(), path)
	if err != nil {
		return err
	}
	defer c.Close()
	var s Status
	if _, err := c.Call(context.Background(), VerbStatus, Args{}, &s); err != nil {
		return err
	}
	if s.Version == "" {
		return errors.New("an empty status")
	}
	return nil
}

// A server that has no descriptors left takes nobody, burns no time over it, and
// serves again when it has some.
func TestNoDescriptors(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs as another user")
	}
	path := reachable(t) + "/run/control"
	f, err := Listen(Place{Path: path, GID: testGroup, Make: true})
	must(t, err)
	server := launch(t, program(t), "server", testServer, []uint32{testServer}, serverOrders{Descriptors: 6}, f)
	f.Close()
	must(t, askOnce(path)) // it has started
	var held []net.Conn
	for range 20 {
		c, err := net.Dial("unix", path)
		must(t, err)
		held = append(held, c)
	}
	time.Sleep(500 * time.Millisecond)
	before := ticks(t, server.Process.Pid)
	time.Sleep(2 * time.Second)
	if spent := ticks(t, server.Process.Pid) - before; spent > 20 {
		t.Errorf("it was at work for %d of 200 ticks", spent)
	}
	for _, c := range held {
		c.Close()
	}
	if err := askOnce(path); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	server.in.Close()
	var r serverReport
	server.end(t, &r)
	if !slices.ContainsFunc(r.Trouble, func(s string) bool { return strings.Contains(s, "too many open files") }) {
		t.Errorf("on record: %q", r.Trouble)
	}
}

// ticks returns the time that a process was at work, in hundredths of a second.
func ticks(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	must(t, err)
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	must(t, err)
	system, err := strconv.Atoi(fields[12])
	must(t, err)
	return user + system
}
