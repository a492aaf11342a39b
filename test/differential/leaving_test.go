package differential

import (
	"bytes"
	"fmt"
	"testing"

	"labelgate/netlabel"
	"labelgate/test/naive"
)

// through returns what the gateway makes of a probe that the kernel took: as it
// would be delivered here, and as it would be forwarded, in both modes.
func (c *comparison) through(p *probe) (all []*probe) {
	for _, mode := range []netlabel.Mode{netlabel.Strict, netlabel.Compat} {
		for _, way := range []netlabel.Direction{netlabel.Input, netlabel.Forward} {
			v := c.d.judge(mode, way, p.packet, c.out)
			if v.Action == netlabel.Drop {
				continue
			}
			leaves := p.packet
			if v.Length != 0 {
				leaves = c.out[:v.Length]
			}
			c.counts[fmt.Sprintf("through/%s/%s/%s", mode, way, v.Action)]++
			if !bytes.Equal(leaves, p.packet) {
				all = append(all, c.k.numbered(bytes.Clone(leaves)))
			}
		}
	}
	return all
}

// leaving puts what leaves the gateway to the kernel, which is to take all of it
// and to find a label in it, or none, as a naive reader does.
func (c *comparison) leaving(probes []*probe) {
	c.k.ask(probes)
	for _, p := range probes {
		c.counts["through"]++
		r := read(p, c.d)
		switch {
		case p.answer != taken:
			c.differ(p, "leaves, and the kernel does not take it: byte %d", p.pointer)
		case r.linux.Fault != "":
			c.differ(p, "leaves, and a naive reader does not take it: %v", r.linux)
		case r.option.Fault != "":
			c.differ(p, "leaves with a label that a strict reader does not take: %v", r.option)
		case !bytes.Equal(r.label, p.label):
			c.differ(p, "leaves, and the kernel brings back the label %x", p.label)
		}
	}
}

// TestReading: the reader that says which differences there may be, by itself.
func TestReading(t *testing.T) {
	const doi = "00000003"
	d := &domain{doi: 3, tags: []byte{1, 2, 5}}
	k := &kernel{t: t}
	for _, tt := range []struct {
		name, area    string
		linux, strict naive.Finding
		routed        bool
	}{
		{"a label", "860a" + doi + "01040007 0000", naive.Finding{}, naive.Finding{}, false},
		{"nothing", "01010100", naive.Finding{}, naive.Finding{}, false},
		{"alignment, then rest", "860a" + doi + "01040107 0001", naive.Finding{}, naive.Finding{Fault: "alignment", At: 28}, false},
		{"rest", "860a" + doi + "01040007 0001", naive.Finding{}, naive.Finding{Fault: "data-after-end", At: 31}, false},
		{"stream id before alignment", "88040001 860a" + doi + "01040107 0000", naive.Finding{}, naive.Finding{Fault: "ip-option"}, false},
		{"stream id and another label", "88040001 82045a80", naive.Finding{}, naive.Finding{Fault: "foreign-label"}, false},
		{"route behind the fault", "860a" + doi + "01030107 8303040000", naive.Finding{Fault: "tag-length", At: 27}, naive.Finding{}, false},
		{"route before the fault", "01830304 860a" + doi + "01030107 0000", naive.Finding{Fault: "tag-length", At: 31}, naive.Finding{}, true},
		{"fault behind a sound label", "860a" + doi + "01040007 8604", naive.Finding{Fault: "option-length", At: 30}, naive.Finding{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(k.newProbe(unhex(t, tt.area)), d)
			if r.linux != tt.linux || r.linux.Fault == "" && r.strict != tt.strict || r.routed != tt.routed {
				t.Errorf("Linux %v, strict %v, routed %v; want %v, %v, %v", r.linux, r.strict, r.routed, tt.linux, tt.strict, tt.routed)
			}
		})
	}
}
