package differential

import (
	"bytes"
	"encoding/hex"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"labelgate/test/corpus"
	"labelgate/test/long"
)

// The least that a run of the short form has to find of each kind, or it says
// nothing about it.
const least = 25

// wanted are the faults that the kernel has to have refused options for.
var wanted = []string{
	"option-length", "second-cipso", "option-malformed",
	"option-short", "doi-zero", "doi-unknown", "tag-unknown", "tag-not-allowed", "tag-trailing-byte", "tag-length", "tag-local", "category-encoding",
}

// TestKernelAgrees: what the running kernel refuses, compat mode refuses at the
// same byte, and nothing else. Strict mode refuses more, as the table says.
func TestKernelAgrees(t *testing.T) {
	seed := long.Seed(t, 4)
	all := domains()
	openNetLabel(t).define(t, all...)
	seeds, err := corpus.Recorded("../..")
	if err != nil {
		t.Fatal(err)
	}
	if valid, err := os.ReadFile("/proc/sys/net/ipv4/cipso_rbm_strictvalid"); err == nil {
		t.Logf("net.ipv4.cipso_rbm_strictvalid=%s", bytes.TrimSpace(valid))
	}
	k := openKernel(t)
	c := &comparison{t: t, k: k, counts: map[string]int{}, out: make([]byte, 200)}
	probes := 0
	for i, d := range all {
		d.compile(t)
		c.d = d
		drawn := corpus.NewAreas(seed+uint64(i), d.doi, seeds)
		for n := long.Count(210_000, 3_000_000) / len(all); n > 0 && c.wrong < most; n -= window {
			areas := make([][]byte, min(n, window))
			for i := range areas {
				areas[i] = bytes.Clone(drawn.Next())
			}
			c.compare(areas)
			probes += len(areas)
		}
	}
	c.report(seed, probes)
}

// TestKernelTriples: the same for every option length, tag type and tag length.
// The short form takes those in which something can be right, and some others.
func TestKernelTriples(t *testing.T) {
	d := domains()[0]
	openNetLabel(t).define(t, d)
	d.compile(t)
	c := &comparison{t: t, k: openKernel(t), d: d, counts: map[string]int{}, out: make([]byte, 200)}
	all, want := long.Long(), 30_000
	if all {
		want = corpus.Triples
	}
	var areas [][]byte
	probes := 0
	for n := range corpus.Triples {
		kind, tagLength := byte(n>>8), byte(n)
		if all || n%97 == 0 || tagLength <= 40 && bytes.IndexByte([]byte{0, 1, 2, 3, 5, 6, 7, 128}, kind) >= 0 {
			areas = append(areas, corpus.Triple(new([40]byte), d.doi, n))
		}
		if len(areas) == window || n == corpus.Triples-1 {
			c.compare(areas)
			probes += len(areas)
			areas = areas[:0]
		}
		if c.wrong >= most {
			break
		}
	}
	t.Logf("%d options: %d taken, %d refused", probes, c.counts["taken"], c.counts["refused"])
	// A bitmap of 0 to 30 bytes, or 0 to 15 numbers in order, that fill the option.
	if c.counts["taken"] != 31+16+16 {
		t.Errorf("the kernel took %d options", c.counts["taken"])
	}
	long.Report(t,
		figure("triples/options", probes, "options").AtLeast(float64(want)),
		figure("triples/answered", c.counts["taken"]+c.counts["refused"], "options").AtLeast(float64(probes)),
		figure("triples/unexplained", c.k.unexplained, "packets").AtMost(0),
		figure("triples/differences", c.wrong, "options").AtMost(0),
	)
}

// report prints what was counted, and fails when a kind is missing.
func (c *comparison) report(seed uint64, probes int) {
	t := c.t
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		t.Logf("%9d %s", c.counts[name], name)
	}
	for _, d := range stricter {
		t.Logf("strict only: %-17s %7d  %s", d.name, c.counts["stricter/"+d.name], d.why)
		if c.counts["stricter/"+d.name] < least {
			t.Errorf("too few options are %s to say anything", d.name)
		}
	}
	for _, name := range wanted {
		if c.counts["refused/"+name] < least {
			t.Errorf("the kernel refused too few options for %s to say anything", name)
		}
	}
	long.Report(t,
		figure("kernel/seed", int(seed), "seed"),
		figure("kernel/options", probes, "options").AtLeast(200_000),
		figure("kernel/taken", c.counts["taken"], "options").AtLeast(10_000),
		figure("kernel/refused", c.counts["refused"], "options").AtLeast(10_000),
		figure("kernel/no-answer", probes-c.counts["taken"]-c.counts["refused"], "options").AtMost(float64(probes)/50),
		figure("kernel/unexplained", c.k.unexplained, "packets").AtMost(0),
		figure("kernel/differences", c.wrong, "options").AtMost(0),
		figure("kernel/leaving", c.counts["through"], "packets").AtLeast(10_000),
	)
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "stricter", "refused", "unanswered":
			long.Report(t, figure("kernel/"+name, c.counts[name], "options"))
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
