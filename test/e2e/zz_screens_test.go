package e2e

import (
	"fmt"
	"testing"
)

func TestScreens(t *testing.T) {
	s := newShow(t, "strict")
	s.flowTable(t)
	s.fragmentTable(t)
	for _, v := range [][]string{{"show", "zones"}, {"show", "domains"}, {"show", "hosts"}, {"show", "labels"}, {"show", "rules"}, {"show", "flows"}, {"show", "fragments"}, {"show", "counters"}, {"status"}, {"health"}, {"reload"}, {"rotate"}, {"upgrade"}} {
		out, stderr, code := s.as(admin, v...)
		fmt.Printf("--- %v %d\n%s%s", v, code, out, stderr)
	}
	out, stderr, code := s.as(admin, "status")
	fmt.Printf("--- %d\n%s%s", code, out, stderr)
}
