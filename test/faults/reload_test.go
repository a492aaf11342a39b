package faults

import (
	"fmt"
	"math"
	"testing"
	"time"

	"labelgate/internal/control"
	"labelgate/test/figures"
	"labelgate/test/gate"
	"labelgate/test/long"
)

// The two policies between which the gateway is sent to and fro. Each says who is
// who, how labels are written, what the rules are, and, when the zones are numbered
// anew, in which order the zones stand. Whatever one of them says the other says in
// such a way that a decision which takes one part from each lets something out, or
// gives it a label, that neither policy would.
//
//	alf has the label     Xa in A, Ya in B; to tee only the other one may write
//	level 1 in red means  Lo in A, Hi in B; to tee only the other one may write
//	Xa, Ya, Lo, Hi        are written otherwise in A than in B, in red and in blue
var reloadHosts = map[string]string{
	"mallory": "10.1.0.2/24", "tess": "10.1.1.2/24", // red
	"mallet": "10.2.0.2/24", // blue
	"alf":    "10.4.0.2/24", // gray
	"tee":    "10.5.0.2/24", // green
}

var reloadZones = [4]string{
	`[[zone]]
name        = "red"
interfaces  = ["gt-mallory", "gt-tess"]
networks    = ["10.1.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 3
`, `[[zone]]
name        = "blue"
interfaces  = ["gt-mallet"]
networks    = ["10.2.0.0/16"]
labels      = "require"
icmp-errors = false
doi         = 16
`, `[[zone]]
name       = "gray"
interfaces = ["gt-alf"]
networks   = ["10.4.0.0/16"]
labels     = "refuse"
`, `[[zone]]
name       = "green"
interfaces = ["gt-tee"]
networks   = ["10.5.0.0/16"]
labels     = "refuse"
`}

// reloadSettings are the settings of policy "a" or "b", with the zones in an order.
func reloadSettings(policy string, order [4]int) string {
	text := fmt.Sprintf("policy = %q\nlogging = 1\n\n[[doi]]\nnumber = 3\ntags = [1]\n\n[[doi]]\nnumber = 16\ntags = [2]\n\n", policy)
	for _, z := range order {
		text += reloadZones[z] + "\n"
	}
	return text + "[audit]\noutput = \"audit.json\"\nformat = \"json\"\n"
}

var (
	orderA = [4]int{0, 1, 2, 3}
	orderB = [4]int{3, 2, 0, 1}
)

func reloadFiles(more string) map[string]string {
	return map[string]string{
		gate.Settings:       reloadSettings("a", orderA) + more,
		"a/netlabel.d/site": "10.4.0.0/24 Xa\n10.5.0.2 Tee\n10.4.9.0/24 Common\n",
		"b/netlabel.d/site": "10.4.0.0/24 Ya\n10.5.0.2 Tee\n10.4.9.0/24 Common\n",
		"a/accesses.d/site": "Ya Tee w\nHi Tee w\nCommon Tee w\n",
		"b/accesses.d/site": "Xa Tee w\nLo Tee w\nCommon Tee w\nCommon Lo r\nCommon Hi r\nCommon Ya r\n",
		"a/cipso.d/site":    "Lo 1 1\nHi 2 1\nXa 3 1\nYa 4 1\nCommon 9 9\n",
		"b/cipso.d/site":    "Hi 1 1\nLo 2 1\nYa 5 1\nXa 6 1\nCommon 9 9\n",
	}
}

// reloadKinds are packets of which each can tell a mixture of the two policies from
// either of them.
func reloadKinds() []*gate.Kind {
	red := func(level byte, c int) []byte { return gate.Bitmap(redDOI, level, c) }
	blue := func(level byte, c int) []byte { return gate.List(blueDOI, level, c) }
	either := func(k *gate.Kind, to string, a, b []byte) *gate.Kind {
		k.To, k.Areas = to, [][]byte{gate.Padded(a), gate.Padded(b)}
		return k
	}
	from := func(host string, n int) func(name, to string, options []byte) *gate.Kind {
		return func(name, to string, options []byte) *gate.Kind {
			return gate.Datagram(name, host, after(reloadHosts[host], n), after(reloadHosts[to], 0), options)
		}
	}
	return []*gate.Kind{
		from("alf", 1)("who is who against the rules", "tee", nil).Shared(4),
		from("mallory", 1)("levels against the rules", "tee", red(1, 1)).Shared(4),
		either(from("alf", 2)("who is who against the spelling, red", "tess", nil), "tess", red(3, 1), red(5, 1)).Shared(4),
		either(from("alf", 3)("who is who against the spelling, blue", "mallet", nil), "mallet", blue(3, 1), blue(5, 1)).Shared(4),
		either(from("mallory", 2)("levels against levels", "mallet", red(1, 1)), "mallet", blue(1, 1), blue(1, 1)).Shared(4),
		either(from("mallory", 3)("the same in both", "tee", red(9, 9)), "tee", nil, nil).Shared(8),
	}
}

func TestReload(t *testing.T) {
	p := newSite(t, reloadHosts)
	p.Write(t, reloadFiles(p.control))
	p.Manager.Run(t)
	p.watch(t, long.Seed(t, 4), reloadKinds()...)
	t.Run("policy", func(t *testing.T) { p.reloads(t, "policy", 4900, orderA) })
	t.Run("zones", func(t *testing.T) { p.reloads(t, "zones", 100, orderB) })
}

// reloads sends the gateway to and fro between the policies; in B the zones stand in
// an order.
func (p *perimeter) reloads(t *testing.T, name string, n int, order [4]int) {
	a, b := reloadSettings("a", orderA)+p.control, reloadSettings("b", order)+p.control
	before := p.books(t)
	begun := time.Now()
	p.load.Start(20_000)
	var took gate.Histogram
	did := 0
	for i := range long.Rounds(n, 100*n, 0.05) {
		p.Write(t, map[string]string{gate.Settings: [...]string{b, a}[i%2]})
		if did++; did%10 == 0 {
			before := p.Count("READY=1")
			p.ask(t, control.VerbReload)
			if !p.Await("READY=1", before, gate.Patience) { // it is said after the answer
				t.Fatalf("not ready after a reload by the control socket\n%s", p.Tail(12))
			}
			continue
		}
		took.Add(int64(p.Service().Reload(t)))
	}
	p.load.Stop()
	elapsed := time.Since(begun)
	books := p.balance(t, before)
	v := p.judge(t)
	p.table(t, v)
	t.Logf("unaccounted: %d of %+v", books.unaccounted(), books)
	pause := p.sniffer("tee").Times().Pause(begun, begun.Add(elapsed), p.load.Busy())
	figure := func(id string, value float64, unit string) figures.Figure {
		return figures.Figure{ID: "faults/reload/" + name + "/" + id, Value: value, Unit: unit}
	}
	long.Report(t,
		figure("reloads", float64(did), "reloads").AtLeast(float64(n)),
		figure("time", float64(elapsed.Milliseconds())/1000, "s"),
		figure("sent", float64(books.sent), "packets"),
		figure("tripwires", float64(v.forbidden+v.Wrong.Count+v.Leaked.Count), "packets").AtMost(0),
		figure("unaccounted", math.Abs(float64(books.unaccounted())), "packets").AtMost(0),
		figure("took", float64(took.Quantile(0.5).Microseconds())/1000, "ms"),
		figure("took-p99", float64(took.Quantile(0.99).Microseconds())/1000, "ms"),
		figure("refused", float64(p.records.Events["policy_refused"]), "reloads").AtMost(0),
		figure("stall", float64(pause.Milliseconds()), "ms"),
		figure("latency-p99", float64(v.Latency.Quantile(0.99).Microseconds())/1000, "ms"),
	)
}

// ask has the gateway do something by its control socket.
func (p *perimeter) ask(t *testing.T, verb string) {
	t.Helper()
	c, err := control.Dial(t.Context(), p.socket)
	if err == nil {
		var answer any
		_, err = c.Call(t.Context(), verb, control.Args{}, &answer)
		c.Close()
	}
	if err != nil {
		t.Errorf("%s: %v", verb, err)
	}
}
