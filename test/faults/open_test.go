package faults

import (
	"testing"

	"labelgate/internal/lab"
	"labelgate/test/gate"
)

// TestJudge: without a gateway nearly everything passes, and the sniffers say so.
// Who finds nothing here would find nothing elsewhere.
func TestJudge(t *testing.T) {
	p := newSite(t, hosts)
	p.watch(t, 3, append(permitted(), forbidden()...)...)
	p.load.Send(5000, faultRate)
	p.settle(t)
	v := p.look()
	if v.forbidden == 0 {
		t.Error("what may not come out was not found")
	}
	for i, k := range p.load.Kinds() {
		if k.Name == "option on" && (v.Delivered[i] != p.load.Sent(k) || v.Wrong.Count < v.Delivered[i]) {
			t.Errorf("%d of %d that pass without their option were seen, %d were wrong", v.Delivered[i], p.load.Sent(k), v.Wrong.Count)
		}
	}
	p.load.Again(t, "pop", 20)
	for _, options := range [][]byte{foo, fooBlue} {
		packet := gate.IPv4{Src: address("mallory", 0), Dst: address("pop", 0), Options: options, Body: gate.UDP(1, 2, 0, nil)}
		if err := p.SendRaw(lab.GatewayName, packet.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	p.settle(t)
	if v := p.look(); v.Twice.Count == 0 || v.Leaked.Count != 2 || v.Strange.Count != 2 {
		t.Errorf("%d packets were found twice, %d labels where none may be, %d strangers", v.Twice.Count, v.Leaked.Count, v.Strange.Count)
	}
}
