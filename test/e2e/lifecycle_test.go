package e2e

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/lab"
	"labelgate/internal/nft"
	"labelgate/test/figures"
)

const lifecycleConfig = `
policy  = "policy"
logging = 3

[self]
label = "Gate"

[[doi]]
number = 3
tags   = [1]

[[zone]]
name       = "red"
interfaces = ["ge2e-alice", "ge2e-mallory"]
networks   = ["10.1.0.0/16"]
labels     = "require"
doi        = 3

[[zone]]
name       = "gray"
interfaces = ["ge2e-pop", "ge2e-sec"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"

[audit]
output = "audit.json"
format = "json"
`

const (
	lifecycleHosts = "10.4.0.2 Pop zone=gray\n10.4.0.18 Secret zone=gray\n"
	lifecycleRules = `Foo  Gate w
Gate Foo  w
Pop  Gate w
Gate Pop  w
Pop  Foo  w
Foo  Pop  w
`
	rulesFile = "policy/accesses.d/site"
)

// TestLifecycle: what becomes of the network while the gateway's program comes,
// changes its mind, dies, comes back and is taken away.
func TestLifecycle(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"labelgate.toml": lifecycleConfig, rulesFile: lifecycleRules, "policy/netlabel.d/site": lifecycleHosts})
	c := &lifecycle{dir: dir, bench: newBench(t, "l", filepath.Join(dir, "labelgate.toml"), []lab.Host{
		host("alice", "10.1.0.2/28", "red", "Foo", 3),
		host("mallory", "10.1.0.18/28", "red", "", 0),
		host("pop", "10.4.0.2/28", "gray", "", 0),
		host("sec", "10.4.0.18/28", "gray", "", 0),
	})}
	t.Run("gateway with a label", c.gatewayWithLabel)
	t.Run("reload", c.reload)
	t.Run("reload under a stream", c.reloadUnderStream)
	t.Run("second labelgated", c.second)
	t.Run("killed", c.killed)
	t.Run("flushed", c.flushed)
	t.Run("IPv6", c.ipv6)
	t.Run("opened", c.opened)
}

type lifecycle struct {
	*bench
	dir string
}

// probe checks what becomes of a probe.
func (c *lifecycle) probe(t *testing.T, from, to string, proto lab.Proto, want lab.Outcome) {
	t.Helper()
	timeout := 3 * time.Second
	if want != lab.Passed {
		timeout = 250 * time.Millisecond
	}
	r, err := c.Probe(t.Context(), lab.Probe{From: from, To: to, Proto: proto, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome() != want {
		t.Errorf("%v from %s to %s: %v, want %v", proto, from, to, r.Outcome(), want)
	}
}

// gatewayWithLabel: with a label of its own the gateway takes part, and what it
// says carries that label.
func (c *lifecycle) gatewayWithLabel(t *testing.T) {
	for _, proto := range lab.Protos() {
		for _, peer := range []string{"alice", "pop"} {
			c.probe(t, peer, lab.GatewayName, proto, lab.Passed)
			c.probe(t, lab.GatewayName, peer, proto, lab.Passed)
		}
		c.probe(t, "sec", lab.GatewayName, proto, lab.Dropped) // no rule
		c.probe(t, lab.GatewayName, "sec", proto, lab.Dropped)
	}
	gate := append(direct(3, 1, "Gate").encoded(t), make([]byte, 4)...)
	gate = gate[:len(gate)/4*4]
	said := map[string]int{}
	for _, host := range []string{"alice", "pop"} {
		gateway := c.address(t, lab.GatewayName, host)
		for _, p := range c.cables[host].Packets() {
			ip := p.IPv4()
			if p.Outgoing || headerLen(ip) == 0 || netip.AddrFrom4([4]byte(ip[12:16])) != gateway {
				continue
			}
			said[host]++
			want := string(gate)
			if host == "pop" {
				want = ""
			}
			if got := string(optionArea(ip)); got != want {
				t.Errorf("to %s: options % x, want % x", host, got, want)
			}
		}
	}
	if said["alice"] < 6 || said["pop"] < 6 {
		t.Errorf("the gateway said %v", said)
	}
	// With the option this datagram is too large for alice's cable. The kernel says
	// so, and quotes it with the option.
	large := netip.AddrPortFrom(c.address(t, "alice", "pop"), inboxPort)
	if err := c.sendUDP("pop", c.nextPort(), large, make([]byte, 1500-20-8)); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool {
		for _, p := range c.cables["pop"].Packets() {
			if ip := p.IPv4(); !p.Outgoing && quoted(ip) != nil && ip[headerLen(ip)] == 3 && ip[headerLen(ip)+1] == 4 {
				return true
			}
		}
		return false
	}) {
		t.Error("pop was not told that its datagram is too large")
	}
	if o, i := leaks(c.cables["pop"], "", false); len(o)+len(i) > 0 {
		t.Errorf("labels at pop: %q %q", o, i)
	}
}

// rules gives the gateway other rules and returns the end of its log.
func (c *lifecycle) rules(t *testing.T, rules string) string {
	t.Helper()
	write(t, c.dir, map[string]string{rulesFile: rules})
	d := c.Daemon(lab.GatewayName)
	if _, err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d.Tail(1)
}

// without returns the rules less those of a subject and object.
func without(rules, subject, object string) string {
	var kept strings.Builder
	for line := range strings.Lines(rules) {
		if f := strings.Fields(line); f[0] != subject || f[1] != object {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func (c *lifecycle) reload(t *testing.T) {
	c.probe(t, "alice", "pop", lab.UDP, lab.Passed)
	c.probe(t, "alice", "sec", lab.UDP, lab.Dropped)

	c.rules(t, without(lifecycleRules, "Foo", "Pop"))
	c.probe(t, "alice", "pop", lab.UDP, lab.Dropped)
	c.rules(t, lifecycleRules+"Foo Secret w\n")
	c.probe(t, "alice", "pop", lab.UDP, lab.Passed)
	c.probe(t, "alice", "sec", lab.UDP, lab.Passed)

	// What is wrong with the new policy is named, and the old one stays.
	for _, bad := range []struct{ rules, place string }{
		{"Foo Pop w\nFoo Secret rz\n", rulesFile + ":2:13"},
		{"Foo Pop w\nFoo\n", rulesFile + ":2:"},
		{"Foo/bar Pop w\n", rulesFile + ":1:4"},
	} {
		last := c.rules(t, bad.rules)
		if !strings.Contains(last, "level=ERROR") || !strings.Contains(last, bad.place) {
			t.Errorf("rules %q: log %q, want an error at %s", bad.rules, last, bad.place)
		}
		c.probe(t, "alice", "pop", lab.UDP, lab.Passed)
		c.probe(t, "alice", "sec", lab.UDP, lab.Passed)
		c.probe(t, "pop", "sec", lab.UDP, lab.Dropped)
	}
	broken := strings.Replace(lifecycleConfig, "labels     = \"refuse\"", "labels     = \"perhaps\"", 1)
	write(t, c.dir, map[string]string{"labelgate.toml": broken})
	if last := c.rules(t, lifecycleRules); !strings.Contains(last, "level=ERROR") || !strings.Contains(last, "labelgate.toml:23:14") {
		t.Errorf("log %q, want an error at labelgate.toml:23:14", last)
	}
	c.probe(t, "alice", "sec", lab.UDP, lab.Passed)
	write(t, c.dir, map[string]string{"labelgate.toml": lifecycleConfig})
	if last := c.rules(t, lifecycleRules); !strings.Contains(last, "msg=reloaded") {
		t.Error(last)
	}
	c.probe(t, "alice", "sec", lab.UDP, lab.Dropped)
}

// reloadUnderStream takes the rule away and gives it back while packets come
// without a pause. Those of a pair that no version of the policy allows never
// pass; those of the other not from the moment on at which the daemon says that
// it has taken the rules over.
func (c *lifecycle) reloadUnderStream(t *testing.T) {
	s := c.stream(t, "pop")
	never := c.stream(t, "sec")
	const rounds = 20
	for range rounds {
		if last := c.rules(t, without(lifecycleRules, "Foo", "Pop")); !strings.Contains(last, "msg=reloaded") {
			t.Fatalf("reload: %s", last)
		}
		s.during(func() { time.Sleep(10 * time.Millisecond) })
		c.rules(t, lifecycleRules)
		time.Sleep(5 * time.Millisecond)
	}
	sent, passed, wrong := s.stop(t)
	_, forbidden, _ := never.stop(t)
	t.Logf("%d reloads, %d packets sent, %d passed", 2*rounds, sent, passed)
	if passed == 0 || passed == sent {
		t.Error("the rules made no difference")
	}
	report(t,
		figures.Figure{ID: "e2e/reload/forbidden-delivered", Value: float64(wrong + forbidden), Unit: "packets"}.AtMost(0),
		figures.Figure{ID: "e2e/reload/packets-sent", Value: float64(sent), Unit: "packets"}.AtLeast(500),
	)
}

// second: the queue has one owner, and whoever comes second changes nothing.
func (c *lifecycle) second(t *testing.T) {
	write(t, c.dir, map[string]string{"other.toml": lifecycleConfig + "[queue]\nnumber = 77\n"})
	for _, tt := range []struct{ args, said string }{
		{"--config " + filepath.Join(c.dir, "labelgate.toml"), "queue 100"},
		{"--config " + filepath.Join(c.dir, "other.toml"), "another labelgated"},
		{"--open", "another labelgated"},
	} {
		var out []byte
		var failed error
		err := c.Do(lab.GatewayName, func() error {
			out, failed = command(filepath.Join(programs, "labelgated"), strings.Fields(tt.args)...).CombinedOutput()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if failed == nil || !strings.Contains(string(out), tt.said) {
			t.Errorf("%s: ended with %v and said %q", tt.args, failed, out)
		}
	}
	select {
	case <-c.Daemon(lab.GatewayName).Exited():
		t.Fatal("the first one has ended")
	default:
	}
	c.probe(t, "alice", "pop", lab.TCP, lab.Passed)
	c.probe(t, "alice", "sec", lab.UDP, lab.Dropped)
	c.table(t, true)
}

// table checks whether the netfilter table is there, unchanged.
func (c *lifecycle) table(t *testing.T, want bool) {
	t.Helper()
	if err := c.installed(t); (err == nil) != want {
		t.Errorf("table: %v", err)
	}
}

// installed returns how the gateway's rules differ from those that it installs.
func (c *lifecycle) installed(t *testing.T) error {
	t.Helper()
	ns, err := c.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	return nft.Check(nft.Plan{Queue: 100, NetNS: int(ns), Narrowest: 1500, Zones: []nft.Zone{
		{Index: 1, Name: "red", Interfaces: []string{c.cable("alice"), c.cable("mallory")}},
		{Index: 2, Name: "gray", Interfaces: []string{c.cable("pop"), c.cable("sec")}},
	}})
}

// killed: no program, no traffic.
func (c *lifecycle) killed(t *testing.T) {
	s := c.stream(t, "pop")
	never := c.stream(t, "sec")
	time.Sleep(50 * time.Millisecond)
	if !eventually(func() bool { return s.passed() > 0 }) {
		t.Fatal("nothing passes")
	}
	d := c.Daemon(lab.GatewayName)
	if err := d.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	<-d.Exited()
	time.Sleep(5 * time.Millisecond) // what left before it died is on the cable by now
	before := s.passed()
	meanwhile := s.during(func() { time.Sleep(200 * time.Millisecond) })
	after := s.passed()
	if meanwhile < 50 {
		t.Errorf("only %d packets were sent meanwhile", meanwhile)
	}
	c.table(t, true)
	c.probe(t, "pop", lab.GatewayName, lab.ICMP, lab.Dropped)
	c.probe(t, "pop", "alice", lab.TCP, lab.Dropped)

	if _, err := c.StartDaemon(t.Context(), lab.GatewayName); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return s.passed() > after }) {
		t.Error("nothing passes after the restart")
	}
	sent, passed, wrong := s.stop(t)
	_, forbidden, _ := never.stop(t)
	t.Logf("%d packets sent, %d while nobody judged; %d passed, %d of them meanwhile", sent, meanwhile, passed, after-before)
	report(t, figures.Figure{ID: "e2e/killed/delivered", Value: float64(wrong + forbidden + after - before), Unit: "packets"}.AtMost(0))
	c.probe(t, "alice", "pop", lab.TCP, lab.Passed)
	c.probe(t, "pop", lab.GatewayName, lab.ICMP, lab.Passed)
}

// flushed: another program's flush of all rules does not leave the zones open.
func (c *lifecycle) flushed(t *testing.T) {
	ns, err := c.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	if err := nft.Remove(nft.DefaultTable, int(ns)); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return strings.Contains(c.Daemon(lab.GatewayName).Tail(1), "put back") }) {
		t.Error("the log says nothing of it")
	}
	eventually(func() bool { return c.installed(t) == nil })
	c.table(t, true)
	c.probe(t, "alice", "sec", lab.UDP, lab.Dropped)
	c.probe(t, "alice", "pop", lab.TCP, lab.Passed)
}

// opened: taking the table away is an act of its own, and then everything passes.
func (c *lifecycle) opened(t *testing.T) {
	if err := c.Daemon(lab.GatewayName).Stop(); err != nil {
		t.Fatal(err)
	}
	c.table(t, true)
	c.probe(t, "pop", "sec", lab.UDP, lab.Dropped)
	err := c.Do(lab.GatewayName, func() error {
		return command(filepath.Join(programs, "labelgated"), "--open").Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	c.table(t, false)
	c.probe(t, "pop", "sec", lab.UDP, lab.Passed)
	if n := c.send6(t); n == 0 {
		t.Error("IPv6 does not pass, so that it was dropped before says nothing")
	}
}

// ipv6: what cannot be labeled does not pass between zones.
func (c *lifecycle) ipv6(t *testing.T) {
	c.setup6(t)
	ns, err := c.Namespace(lab.GatewayName)
	if err != nil {
		t.Fatal(err)
	}
	before, err := nft.ReadCounters("", int(ns))
	if err != nil {
		t.Fatal(err)
	}
	passed := c.send6(t)
	after, err := nft.ReadCounters("", int(ns))
	if err != nil {
		t.Fatal(err)
	}
	if n := after.IPv6 - before.IPv6; n < packets6 {
		t.Errorf("the table counted %d packets, want %d", n, packets6)
	}
	report(t, figures.Figure{ID: "e2e/ipv6/delivered", Value: float64(passed), Unit: "packets"}.AtMost(0))
}
