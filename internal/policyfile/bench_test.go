package policyfile

import (
	"bytes"
	"fmt"
	"testing"

	"labelgate/engine"
)

// manyRules returns n rules over 10,000 labels, a hundred for each subject.
func manyRules(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "Subject-%05d Object-%05d rwx\n", i/100%10000, (i*7919+i/100)%5000)
	}
	return b.Bytes()
}

// discard takes rules and forgets them, but for their labels.
type discard struct{ *engine.Builder }

func (discard) Set(_, _ engine.Label, _ engine.Access, _ engine.FileID, _ int) {}

func BenchmarkRules(b *testing.B) {
	const n = 1_000_000
	data := manyRules(n)
	for _, bb := range []struct {
		name string
		into func() Target
	}{
		{name: "parse", into: func() Target { return discard{engine.NewBuilder()} }},
		{name: "build", into: func() Target { return engine.NewBuilder() }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if p := Rules("rules", data, Labelgate, bb.into()); len(p) > 0 {
					b.Fatal(p)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mlines/s")
		})
	}
}

func BenchmarkMappings(b *testing.B) {
	const n = 100_000
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, "Label-%06d %d/%d,%d-%d\n", i, i%250, i%997, 1001+i/250, 2502+i%60000)
	}
	for b.Loop() {
		if _, p := Mappings("cipso", text.Bytes(), Labelgate); len(p) > 0 {
			b.Fatal(p)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mlines/s")
}

func BenchmarkHosts(b *testing.B) {
	const n = 1_000_000
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, "10.%d.%d.%d Label-%d zone=lan\n", i>>16, i>>8&255, i&255, i%1000)
	}
	for b.Loop() {
		if _, p := Hosts("netlabel", text.Bytes(), Labelgate); len(p) > 0 {
			b.Fatal(p)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mlines/s")
}
