package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/control"
	"labelgate/internal/lab"
)

const showConfig = `
policy      = "policy"
confinement = "CONFINEMENT"
logging     = 3

[[doi]]
number = 3
tags   = [1]

[[doi]]
number = 16
tags   = [2, 5]
cipso  = "labels-16"

[[zone]]
name       = "red"
interfaces = ["ge2e-mallory"]
networks   = ["10.1.0.0/16"]
labels     = "require"
icmp-errors = false
doi        = 3

[[zone]]
name       = "blue"
interfaces = ["ge2e-mallet", "ge2e-nobody"]
networks   = ["10.2.0.0/16"]
labels     = "require"
icmp-errors = false
doi        = 16

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"
restrict   = "gray.rules"

[audit]
output = "audit.json"
format = "json"

[control]
socket  = "run/control"
group   = "64001"
readers = ["64001"]
admins  = ["64002"]
`

const (
	showRules      = "Foo Pop w\nPop Foo w\nFoo Bar rw\n"
	showRestricted = "Foo Bar -\n"
	showHosts      = "10.4.0.2 Pop zone=gray\n10.2.7.0/24 -CIPSO only=Foo,Pop on-unlabeled=ambient\n"
)

// Users of the control socket, of whom no file says anything.
const (
	reader, admin, stranger = 64001, 64002, 64003
)

// TestShow holds what a running gateway says of itself against what it was given and
// what was sent.
func TestShow(t *testing.T) {
	needLab(t)
	for _, confinement := range []string{"strict", "single"} {
		t.Run(confinement, func(t *testing.T) {
			s := newShow(t, confinement)
			t.Run("policy", s.policyTables)
			t.Run("flows", s.flowTable)
			t.Run("fragments", s.fragmentTable)
			t.Run("status", s.status)
			t.Run("health", s.health)
			t.Run("callers", s.callers)
			t.Run("refused reload", s.refusedReload)
			t.Run("reload", s.reload)
			t.Run("rotate", s.rotate)
			t.Run("upgrade", s.upgrade)
		})
	}
}

// shows is a bench whose hosts say nothing by themselves, and what was sent there.
type shows struct {
	*bench
	dir    string
	cables map[string]*rawCable

	sent            int // packets
	passed, dropped int // of them
	visits          int // to the queue
	fromRed         int
	closed          int // decisions on record in a file that is complete
}

func newShow(t *testing.T, confinement string) *shows {
	t.Helper()
	dir, err := os.MkdirTemp(programs, "show") // t.TempDir's are closed to the users of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{programs, dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, map[string]string{
		"labelgate.toml": strings.Replace(showConfig, "CONFINEMENT", confinement, 1), "gray.rules": showRestricted,
		"policy/netlabel.d/site": showHosts, rulesFile: showRules, "policy/cipso.d/site": "Bar 5 1 2 6\n", "labels-16": "Foo 7 12\n",
	})
	s := &shows{dir: dir, cables: map[string]*rawCable{}, bench: newBench(t, "s", filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("mallory", "10.1.0.2/28", "red", "", 0), host("mallet", "10.2.0.2/28", "blue", "", 0), host("pop", "10.4.0.2/28", "gray", "", 0),
	})}
	for _, h := range s.Topology().Hosts {
		s.deafen(t, h.Name)
		c, err := s.rawCable(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		s.cables[h.Name] = c
	}
	return s
}

func (s *shows) socket() string { return filepath.Join(s.dir, "run/control") }

// as runs the operator's tool as a user.
func (s *shows) as(uid uint32, args ...string) (stdout, stderr string, code int) {
	cmd := command(filepath.Join(programs, "labelgate"), append(args, "--socket", s.socket())...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: reader}}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &complaint, "/"
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		code = ended.ExitCode()
	case err != nil:
		code, complaint = -1, *bytes.NewBufferString(err.Error())
	}
	return out.String(), complaint.String(), code
}

// ask runs the operator's tool as a reader and takes its answer apart, one value a
// line.
func ask[T any](t *testing.T, s *shows, args ...string) (all []T) {
	t.Helper()
	return askAs[T](t, s, reader, args...)
}

func askAs[T any](t *testing.T, s *shows, uid uint32, args ...string) (all []T) {
	t.Helper()
	stdout, stderr, code := s.as(uid, append(args, "--json")...)
	if code != 0 || stderr != "" {
		t.Fatalf("labelgate %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	for line := range strings.Lines(stdout) {
		var v T
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("labelgate %s: %v in %s", strings.Join(args, " "), err, line)
		}
		all = append(all, v)
	}
	return all
}

// one asks for what is a single value.
func one[T any](t *testing.T, s *shows, args ...string) T {
	t.Helper()
	all := ask[T](t, s, args...)
	if len(all) != 1 {
		t.Fatalf("labelgate %s: %d lines", strings.Join(args, " "), len(all))
	}
	return all[0]
}

// equal compares tables.
func equal[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n%+v, want\n%+v", what, got, want)
	}
}

func (s *shows) at(place string) string { return filepath.Join(s.dir, place) }

func (s *shows) policyTables(t *testing.T) {
	zones := ask[control.Zone](t, s, "show", "zones")
	for i := range zones {
		for j := range zones[i].Links {
			l := &zones[i].Links[j]
			if (l.Index == 0) != (l.Name == "ge2e-nobody") {
				t.Errorf("%+v", l)
			}
			l.Index = 0
		}
	}
	up := func(name string) control.Link { return control.Link{Name: name, Up: true, MTU: 1500} }
	equal(t, "zones", zones, []control.Zone{
		{Name: "red", Labels: "require", DOI: 3, Networks: []string{"10.1.0.0/16"}, LabelAmbient: true, MTU: 1500, Links: []control.Link{up("ge2e-mallory")}, At: s.at("labelgate.toml:15")},
		{Name: "blue", Labels: "require", DOI: 16, Networks: []string{"10.2.0.0/16"}, LabelAmbient: true, MTU: 1500,
			Links: []control.Link{up("ge2e-mallet"), {Name: "ge2e-nobody"}}, At: s.at("labelgate.toml:23")},
		{Name: "gray", Labels: "refuse", Networks: []string{"10.4.0.0/16"}, Restrict: s.at("gray.rules"), MTU: 1500, Links: []control.Link{up("ge2e-pop")}, At: s.at("labelgate.toml:31")},
	})
	equal(t, "domains", ask[control.Domain](t, s, "show", "domains"), []control.Domain{
		{Number: 3, Tags: []int{1}, Kernel: "unknown", At: s.at("labelgate.toml:6")},
		{Number: 16, Tags: []int{2, 5}, Mappings: 1, Kernel: "unknown", At: s.at("labelgate.toml:10")},
	})
	equal(t, "hosts", ask[control.Host](t, s, "show", "hosts"), []control.Host{
		{Prefix: "10.4.0.2/32", Zone: "gray", Kind: control.HostSingle, Label: "Pop", OnLabel: "drop", At: s.at("policy/netlabel.d/site:1")},
		{Prefix: "10.2.7.0/24", Kind: control.HostCIPSO, Only: []string{"Foo", "Pop"}, OnUnlabeled: "ambient", At: s.at("policy/netlabel.d/site:2")},
	})
	equal(t, "rules", ask[control.Rule](t, s, "show", "rules"), []control.Rule{
		{Subject: "Foo", Object: "Pop", Access: "w", At: s.at(rulesFile + ":1")},
		{Subject: "Pop", Object: "Foo", Access: "w", At: s.at(rulesFile + ":2")},
		{Subject: "Foo", Object: "Bar", Access: "rw", At: s.at(rulesFile + ":3")},
		{Subject: "Foo", Object: "Bar", Access: "-", Restricts: []string{"gray"}, At: s.at("gray.rules:1")},
	})
	labels := map[string]control.Label{}
	for _, l := range ask[control.Label](t, s, "show", "labels") {
		labels[fmt.Sprint(l.Name, " ", l.DOI)] = l
	}
	for _, want := range []control.Label{
		{Name: "Foo", Encoding: "direct", Level: 250, Categories: "2,6-7,10-11,13-16,18-19,21-24"},
		{Name: "Foo", DOI: 16, Encoding: "mapped", Level: 7, Categories: "12", At: s.at("labels-16:1")},
		{Name: "Bar", Encoding: "mapped", Level: 5, Categories: "1-2,6", At: s.at("policy/cipso.d/site:1")},
		{Name: "*", Encoding: "none"},
	} {
		if got := labels[fmt.Sprint(want.Name, " ", want.DOI)]; got != want {
			t.Errorf("label %+v, want %+v", got, want)
		}
	}
}

// send sends packets of one kind.
func (s *shows) send(t *testing.T, from string, passes bool, visits int, packets ...[]byte) {
	t.Helper()
	for _, p := range packets {
		if err := s.cables[from].send(p); err != nil {
			t.Fatal(err)
		}
		s.sent++
		s.visits += visits
		if passes {
			s.passed++
		} else {
			s.dropped++
		}
		if from == "mallory" {
			s.fromRed++
		}
	}
	s.settleAt(t)
}

// settleAt waits until everything that was sent is on record.
func (s *shows) settleAt(t *testing.T) {
	t.Helper()
	if !eventually(func() bool { return s.decided(t) >= s.sent }) {
		t.Fatalf("%d decisions on record of %d packets", s.decided(t), s.sent)
	}
}

// decided counts the decisions on record.
func (s *shows) decided(t *testing.T) (n int) {
	t.Helper()
	n = s.closed
	for _, r := range s.records(t, lab.GatewayName, 0) {
		if r.Fn != "" {
			n++
		}
	}
	return n
}

func (s *shows) flowTable(t *testing.T) {
	equal(t, "before the first packet", ask[control.Flow](t, s, "show", "flows"), nil)
	mallory, mallet, pop := s.address(t, "mallory", "pop"), s.address(t, "mallet", "pop"), s.address(t, "pop", "mallory")
	packet := func(src, dst netip.Addr, from uint16, options string) []byte {
		return header{src: src, dst: dst, proto: protoUDP, options: unhex(t, options), body: udp(from, inboxPort, []byte("longer than any option is"))}.bytes()
	}
	var want []control.Flow
	add := func(src, dst netip.Addr, port uint16, in, out, label string, labeled bool, grew int) {
		want = append(want, control.Flow{
			Source: src.String(), Destination: dst.String(), Protocol: protoUDP, SourcePort: port, DestPort: inboxPort, In: in, Out: out, Label: label, Labeled: labeled, Grew: grew,
		})
	}
	for i := range uint16(20) {
		s.send(t, "mallory", true, 1, packet(mallory, pop, 40000+i, foo3))
		add(mallory, pop, 40000+i, "red", "gray", "Foo", true, -16)
		s.send(t, "pop", true, 1, packet(pop, mallory, 41000+i, ""))
		add(pop, mallory, 41000+i, "gray", "red", "Pop", false, 16)
	}
	s.send(t, "mallory", true, 2, packet(mallory, mallet, 42000, foo3))
	add(mallory, mallet, 42000, "red", "blue", "Foo", true, 0) // 14 bytes of bitmap and 12 of a list, both padded
	s.send(t, "mallory", false, 1, packet(mallory, pop, 43000, stranger3), packet(mallory, pop, 43001, ""))
	s.send(t, "pop", false, 1, packet(pop, mallory, 43002, foo3))
	got := ask[control.Flow](t, s, "show", "flows")
	for i := range got {
		if got[i].Age > 30 {
			t.Errorf("%+v is old", got[i])
		}
		got[i].Age = 0
		if got[i].SourcePort == 42000 {
			got[i].Grew = 0 // as the option of that domain is long
		}
	}
	slices.SortFunc(got, func(a, b control.Flow) int { return int(a.SourcePort) - int(b.SourcePort) })
	slices.SortFunc(want, func(a, b control.Flow) int { return int(a.SourcePort) - int(b.SourcePort) })
	equal(t, "flows", got, want)
}

func (s *shows) fragmentTable(t *testing.T) {
	equal(t, "before the first", ask[control.Fragment](t, s, "show", "fragments"), nil)
	mallory, pop := s.address(t, "mallory", "pop"), s.address(t, "pop", "mallory")
	label := unhex(t, foo3)
	content := make([]byte, 400)
	part := func(from, to int, last bool, id uint16, option []byte) []byte {
		p := fragPart{from: from, to: to, last: last}
		return p.packet(mallory, pop, protoUDP, id, content, option)
	}
	s.send(t, "mallory", true, 1, part(0, 80, false, 501, label), part(160, 240, false, 501, label)) // a hole
	s.send(t, "mallory", true, 1, part(0, 80, false, 502, label), part(320, 400, true, 502, label))  // the end is known
	s.send(t, "mallory", true, 1, part(0, 200, false, 503, label))
	s.send(t, "mallory", false, 1, part(120, 280, false, 503, label)) // disputes bytes
	s.send(t, "mallory", true, 1, part(0, 200, false, 504, label), part(200, 400, true, 504, label))
	s.send(t, "mallory", false, 1, part(0, 80, false, 505, unhex(t, stranger3)))
	got := ask[control.Fragment](t, s, "show", "fragments")
	for i := range got {
		if got[i].Age > 30 {
			t.Errorf("%+v is old", got[i])
		}
		got[i].Age = 0
	}
	slices.SortFunc(got, func(a, b control.Fragment) int { return int(a.ID) - int(b.ID) })
	row := control.Fragment{Source: mallory.String(), Destination: pop.String(), Protocol: protoUDP, In: "red", Label: "Foo", Labeled: true}
	with := func(change func(*control.Fragment)) control.Fragment {
		r := row
		change(&r)
		return r
	}
	equal(t, "fragments", got, []control.Fragment{
		with(func(f *control.Fragment) { f.ID, f.Seen = 501, 160 }),
		with(func(f *control.Fragment) { f.ID, f.Seen, f.Length = 502, 160, 400 }),
		with(func(f *control.Fragment) { f.ID, f.Seen, f.Condemned = 503, 200, true }),
		with(func(f *control.Fragment) { f.ID, f.Condemned, f.Label, f.Labeled = 505, true, "", false }), // dropped with its first
	})
}

// counted holds a status against what was sent.
func (s *shows) counted(t *testing.T, st *control.Status) {
	t.Helper()
	var passed, dropped, fromRed int
	for _, z := range st.Counters.Packets {
		n := 0
		for _, c := range z.Passed {
			n += int(c)
		}
		passed += n
		for _, c := range z.Dropped {
			n += int(c)
			dropped += int(c)
		}
		if z.Zone == "red" {
			fromRed = n
		}
	}
	q := &st.Counters.Queue
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"passed", passed, s.passed},
		{"dropped", dropped, s.dropped},
		{"from red", fromRed, s.fromRed},
		{"received from the queue", int(q.Received), s.visits},
		{"accepted and dropped", int(q.Accepted + q.Dropped), s.visits},
		{"lost", int(st.Counters.Unanswered + st.Counters.Unrecorded + st.Counters.Kernel.QueueFull + st.Counters.Kernel.BufferFull + q.VerdictErrors), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

func (s *shows) status(t *testing.T) {
	st := one[control.Status](t, s, "status")
	s.counted(t, &st)
	d := s.Daemon(lab.GatewayName)
	if st.PID != d.PID() || st.State != control.StateJudging || st.Detail != "" || st.Mode != "strict" || st.Settings != s.at("labelgate.toml") || st.Upgrades != 0 || st.Reload != nil {
		t.Errorf("%+v", st)
	}
	if p := st.Policy; p.Generation != 1 || p.Zones != 3 || p.Rules != 3 || p.Hosts != 2 || p.Files < 5 || p.Warnings != 0 || len(p.Digest) != 64 {
		t.Errorf("%+v", p)
	}
	if !st.Rules.InPlace || st.Rules.Changed != 0 || st.Queue.Depth != 0 || st.Audit.State != control.AuditWriting || st.Audit.Output != s.at("audit.json") {
		t.Errorf("%+v %+v %+v", st.Rules, st.Queue, st.Audit)
	}
	equal(t, "zones", st.Zones, []string{"red", "blue", "gray"})
	if !eventually(func() bool { // it is looked at once a second
		n := one[control.Status](t, s, "status").Audit.Written
		return n > 0 && int(n) == len(s.records(t, lab.GatewayName, 0))
	}) {
		t.Errorf("%d records are counted, there are %d", one[control.Status](t, s, "status").Audit.Written, len(s.records(t, lab.GatewayName, 0)))
	}
	for _, p := range st.Processes {
		if p.State != control.ProcessRunning || p.Restarts != 0 || !p.Sandbox.NoNewPrivs || p.Sandbox.Seccomp != "kill" {
			t.Errorf("%+v", p)
		}
	}
	names := map[string]bool{}
	for _, l := range ask[control.Label](t, s, "show", "labels") {
		names[l.Name] = true
	}
	const everywhere = 5 // labels that every policy has
	if len(names) != st.Policy.Labels+everywhere {
		t.Errorf("%d labels, %d of them are shown", st.Policy.Labels+everywhere, len(names))
	}
}

func (s *shows) health(t *testing.T) {
	h := one[control.Health](t, s, "health")
	if !h.Healthy || len(h.Checks) < 3 {
		t.Errorf("%+v", h)
	}
}

// callers: a reader may look and may not change anything; who is in no list gets
// nothing.
func (s *shows) callers(t *testing.T) {
	before := one[control.Status](t, s, "status")
	for _, tt := range []struct {
		name string
		uid  uint32
		verb []string
		code int
		says string
	}{
		{"reader", reader, []string{"show", "rules"}, 0, ""},
		{"reader", reader, []string{"reload"}, 1, "reload is for admins, user 64001 is none"},
		{"reader", reader, []string{"rotate"}, 1, "rotate is for admins"},
		{"reader", reader, []string{"upgrade"}, 1, "upgrade is for admins"},
		{"admin", admin, []string{"show", "rules"}, 0, ""},
		{"root", 0, []string{"show", "rules"}, 0, ""},
		{"stranger", stranger, []string{"show", "rules"}, 1, "user 64003"},
		{"stranger", stranger, []string{"reload"}, 1, "user 64003"},
	} {
		stdout, stderr, code := s.as(tt.uid, tt.verb...)
		if code != tt.code || !strings.Contains(stderr, tt.says) || (code != 0) != (stderr != "") || (code != 0) != (stdout == "") {
			t.Errorf("%s: %v: exit code %d\n%s%s", tt.name, tt.verb, code, stdout, stderr)
		}
	}
	after := one[control.Status](t, s, "status")
	if after.Policy != before.Policy || after.Upgrades != before.Upgrades || after.Reload != nil {
		t.Errorf("%+v, was %+v", after.Policy, before.Policy)
	}
	if n := after.Counters.Control.Refused - before.Counters.Control.Refused; n != 5 {
		t.Errorf("%d refusals are counted, want 5", n)
	}
}

// refusedReload: what is wrong is named with its place, and nothing changes.
func (s *shows) refusedReload(t *testing.T) {
	before, rules := one[control.Status](t, s, "status"), ask[control.Rule](t, s, "show", "rules")
	for _, bad := range []struct{ file, content, place string }{
		{rulesFile, "Foo Pop w\nFoo Bar rz\n", rulesFile + ":2:10"},
		{rulesFile, "Foo Pop w\nFoo/x Bar r\n", rulesFile + ":2:4"},
		{"labelgate.toml", "mdoe = \"strict\"\n", "labelgate.toml:1:1"},
		{"gray.rules", "Foo\n", "gray.rules:1:4"},
	} {
		was, err := os.ReadFile(s.at(bad.file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, s.dir, map[string]string{bad.file: bad.content})
		stdout, stderr, code := s.as(admin, "reload")
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, s.at(bad.place)) || !strings.Contains(stderr, "nothing has changed") {
			t.Errorf("%s: exit code %d, want a problem at %s\n%s%s", bad.file, code, bad.place, stdout, stderr)
		}
		write(t, s.dir, map[string]string{bad.file: string(was)})
	}
	after := one[control.Status](t, s, "status")
	if after.Policy != before.Policy || after.Reload == nil || !after.Reload.Refused || after.Reload.Generation != before.Policy.Generation {
		t.Errorf("%+v, was %+v; last %+v", after.Policy, before.Policy, after.Reload)
	}
	equal(t, "rules", ask[control.Rule](t, s, "show", "rules"), rules)
	s.trial(t, false)
	after = one[control.Status](t, s, "status")
	s.counted(t, &after)
}

// trial sends a packet that only the rules after the reload allow.
func (s *shows) trial(t *testing.T, passes bool) {
	t.Helper()
	h := header{
		src: s.address(t, "mallory", "pop"), dst: s.address(t, "pop", "mallory"), proto: protoUDP,
		options: tag1(3, 5, 1, 2, 6), body: udp(s.nextPort(), inboxPort, []byte("trial")),
	}
	s.send(t, "mallory", passes, 1, h.bytes())
}

// reload: what was taken is shown.
func (s *shows) reload(t *testing.T) {
	before := one[control.Status](t, s, "status")
	write(t, s.dir, map[string]string{rulesFile: showRules + "Bar Pop w\n"})
	r := askAs[struct {
		Reloaded bool `json:"reloaded"`
		control.Reload
	}](t, s, admin, "reload")
	if len(r) != 1 || !r[0].Reloaded || r[0].Policy.Generation != before.Policy.Generation+1 || r[0].Policy.Rules != 4 || len(r[0].Pending) != 0 {
		t.Errorf("%+v", r)
	}
	rules := ask[control.Rule](t, s, "show", "rules")
	if want := (control.Rule{Subject: "Bar", Object: "Pop", Access: "w", At: s.at(rulesFile + ":4")}); !slices.ContainsFunc(rules, func(r control.Rule) bool { return reflect.DeepEqual(r, want) }) {
		t.Errorf("%+v", rules)
	}
	equal(t, "flows of labels that have other numbers", ask[control.Flow](t, s, "show", "flows"), nil)
	s.trial(t, true)
	after := one[control.Status](t, s, "status")
	if after.Policy != r[0].Policy || after.Reload == nil || after.Reload.Refused {
		t.Errorf("%+v; last %+v", after.Policy, after.Reload)
	}
	s.counted(t, &after)
}

// rotate: the file that was written is complete, and another is begun.
func (s *shows) rotate(t *testing.T) {
	s.closed = s.decided(t)
	r := askAs[control.Rotate](t, s, admin, "rotate")
	if len(r) != 1 || r[0].Output != s.at("audit.json") || r[0].Sealed == "" {
		t.Fatalf("%+v", r)
	}
	if _, err := os.Stat(r[0].Sealed); err != nil {
		t.Error(err)
	}
	s.trial(t, true)
}

// upgrade: the same gateway goes on, by the same socket.
func (s *shows) upgrade(t *testing.T) {
	before := one[control.Status](t, s, "status")
	if stdout, stderr, code := s.as(admin, "upgrade"); code != 0 || stderr != "" || !strings.HasPrefix(stdout, "upgraded from ") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	var after control.Status
	if !eventually(func() bool { after = one[control.Status](t, s, "status"); return after.State == control.StateJudging }) {
		t.Errorf("state %s", after.State)
	}
	if after.PID != before.PID || after.Upgrades != 1 || !after.Started.Equal(before.Started) || !after.Since.After(before.Since) || after.Since.After(time.Now()) {
		t.Errorf("%+v\nwas\n%+v", after, before)
	}
	s.trial(t, true)
	after = one[control.Status](t, s, "status")
	s.counted(t, &after)
	if len(ask[control.Flow](t, s, "show", "flows")) != 1 {
		t.Error("the flow that was seen since is not shown")
	}
	if h := one[control.Health](t, s, "health"); !h.Healthy {
		t.Errorf("%+v", h)
	}
}
