package control

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/internal/policyfile"
)

func TestProblemsAndBack(t *testing.T) {
	want := policyfile.Problems{
		{File: "f", Line: 3, Column: 4, Source: "A B", Message: "m", Hint: "h", Code: "c"},
		{File: "g", Message: "n", Warning: true},
	}
	if diff := cmp.Diff(want, PolicyProblems(Problems(want))); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
	if Problems(nil) == nil {
		t.Error("no problems are null in JSON")
	}
}

func TestRefused(t *testing.T) {
	long := make(policyfile.Problems, 1000)
	for i := range long {
		long[i] = policyfile.Problem{File: "f", Line: i + 1, Column: 1, Source: strings.Repeat("x", i), Message: "m"}
	}
	for _, tt := range []struct {
		name     string
		err      error
		message  string
		problems int
	}{
		{name: "no problems", err: errors.New("gone"), message: "gone"},
		{name: "one", err: fmt.Errorf("load: %w", long[:1]), message: "f:1:1: m", problems: 1},
		{name: "many", err: long, message: "the files are at fault, see problems", problems: maxProblems},
		{name: "none at all", err: policyfile.Problems{}, message: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := Refused(tt.err)
			if e.Code != CodeRefused || e.Message != tt.message || len(e.Problems) != tt.problems {
				t.Errorf("%s %q with %d problems", e.Code, e.Message, len(e.Problems))
			}
		})
	}
	e := Refused(policyfile.Problems{{Source: strings.Repeat("x", maxSource+1)}, {Source: strings.Repeat("x", maxSource)}})
	if e.Problems[0].Source != "" || e.Problems[1].Source == "" {
		t.Error("a line that is too long is shown, or one that is not is not")
	}
}
