package lab

import (
	"strings"
	"testing"

	"labelgate/internal/audit"
)

func TestWriteJSON(t *testing.T) {
	cells := []Cell{
		{Probe: Probe{From: "a", To: "b", Proto: UDP}, Why: &audit.Record{Reason: "no-rule", Subject: "A", Object: "<B>"}, At: "gateway",
			Expected: &Expectation{Outcome: Passed}},
		{Probe: Probe{From: "b", To: "a", Proto: TCP}, Result: Result{Reached: true, Delivered: true}, Let: &audit.Record{Subject: "B", Object: "A", Rule: "f:1"}},
	}
	const want = `{"from":"a","to":"b","proto":"udp","outcome":"dropped","reason":"no-rule","subject":"A","object":"<B>","at":"gateway","expected":false}
{"from":"b","to":"a","proto":"tcp","outcome":"passed","subject":"B","object":"A","rule":"f:1"}
`
	var b strings.Builder
	if err := writeJSON(&b, cells); err != nil || b.String() != want {
		t.Errorf("%v\n%swant\n%s", err, b.String(), want)
	}
}
