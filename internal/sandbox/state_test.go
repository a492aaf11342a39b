package sandbox

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `Name:	labelgated
Umask:	0077
State:	S (sleeping)
Uid:	0	998	0	998
Gid:	0	997	0	997
Groups:	 
CapInh:	0000000000001000
CapPrm:	0000000000001000
CapEff:	0000000000001000
CapBnd:	000001ffffffffff
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	3
Speculation_Store_Bypass:	vulnerable
`

func TestParseStatus(t *testing.T) {
	s, err := parseStatus([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := State{UID: 998, GID: 997, Capabilities: []string{"net_admin"}, Bounding: capabilities(1<<41 - 1).names(),
		Ambient: []string{}, NoNewPrivileges: true, Seccomp: true, Filters: 3, Missing: []string{}}
	if diff := cmp.Diff(want, s.state()); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct{ name, old, new string }{
		{"no line", "CapEff:	0000000000001000\n", ""},
		{"two", "CapEff:	0000000000001000\n", "CapEff:	1\nCapEff:	2\n"},
		{"no number", "Seccomp:	2", "Seccomp:	two"},
		{"no mask", "CapBnd:	000001ffffffffff", "CapBnd:	x"},
		{"one user", "Uid:	0	998	0	998", "Uid:	0"},
		{"empty", sample, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := parseStatus([]byte(strings.Replace(sample, tt.old, tt.new, 1))); err == nil {
				t.Errorf("no error, but %+v", s)
			}
		})
	}
	// Kernels before 5.9 do not count filters.
	old, err := parseStatus([]byte(strings.Replace(sample, "Seccomp_filters:	3\n", "", 1)))
	if err != nil || old.filters != 0 {
		t.Errorf("%+v, %v", old, err)
	}
}

// TestWeakest: one thread with more than the others is what counts.
func TestWeakest(t *testing.T) {
	strong := status{uid: 5, gid: 5, noNewPrivileges: true, seccomp: 2, filters: 2}
	for _, tt := range []struct {
		name   string
		change func(*status)
	}{
		{"uid", func(s *status) { s.uid = 0 }},
		{"gid", func(s *status) { s.gid = 0 }},
		{"permitted", func(s *status) { s.permitted = 1 }},
		{"effective", func(s *status) { s.effective = 1 }},
		{"inheritable", func(s *status) { s.inheritable = 1 }},
		{"bounding", func(s *status) { s.bounding = 1 }},
		{"ambient", func(s *status) { s.ambient = 1 }},
		{"privileges", func(s *status) { s.noNewPrivileges = false }},
		{"seccomp", func(s *status) { s.seccomp = 0 }},
		{"filters", func(s *status) { s.filters = 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			weak := strong
			tt.change(&weak)
			for _, all := range [][]status{{strong, weak, strong}, {weak, strong}} {
				if got := weakest(all); got != weak {
					t.Errorf("%+v, want %+v", got, weak)
				}
			}
		})
	}
}

func TestCapabilityNames(t *testing.T) {
	if got, want := capabilities(1<<0|1<<12|1<<40|1<<41).names(), []string{"chown", "net_admin", "checkpoint_restore", "41"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOf(t *testing.T) {
	if s, err := Of(os.Getpid()); err != nil || s.Role != 0 || s.UID != os.Geteuid() {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := Of(1 << 22); err == nil {
		t.Errorf("a process that is not there: %+v", s)
	}
	if s, err := Current(); err != nil || s.Role != 0 || s.Calls != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestWords: roles and violations cross channels as words.
func TestWords(t *testing.T) {
	type both struct {
		Role      Role
		Violation Violation
	}
	for r := Role(0); r <= Single; r++ {
		for v := Kill; v <= Report; v++ {
			b, err := json.Marshal(both{r, v})
			if err != nil {
				t.Fatal(err)
			}
			var back both
			if err := json.Unmarshal(b, &back); err != nil || back != (both{r, v}) {
				t.Errorf("%s: %+v, %v", b, back, err)
			}
		}
	}
	for _, text := range []string{`{"Role":"king"}`, `{"Violation":"pardon"}`, `{"Role":1}`} {
		var back both
		if err := json.Unmarshal([]byte(text), &back); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	if got := Role(9).String() + " " + Violation(9).String(); got != "none kill" {
		t.Error(got)
	}
}
