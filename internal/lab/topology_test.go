package lab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/internal/lab"
	"labelgate/internal/policyfile"
)

const (
	head = "name = 'x'\n[gateway]\nconfig = 'g.toml'\n"
	one  = "[[host]]\nname = 'a'\ninterface = 'ga'\naddress = '192.0.2.2/28'\ngateway = '192.0.2.1'\n"
	two  = one + "[[host]]\nname = 'b'\ninterface = 'gb'\naddress = '192.0.2.18/28'\ngateway = '192.0.2.17'\n"
)

func TestParse(t *testing.T) {
	got, err := lab.Parse("/etc/lab.toml", []byte(head+one+"mtu = 1400\nlabel = 'Secret'\ndoi = 4294967295\npolicy = 'p'\n"+
		strings.Replace(two, one, "", 1)+"[[expect]]\nfrom = ['a', 'b']\nto = ['b']\nproto = ['udp', 'icmp']\nresult = 'one-way'\nreason = 'no-rule'\n"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, h := range got.Hosts {
		lines = append(lines, fmt.Sprintln(h.Name, h.Interface, h.Address, h.Gateway, h.Label, h.DOI, h.Policy, h.MTU, h.Labeled()))
	}
	for _, e := range got.Expect {
		lines = append(lines, fmt.Sprintln(e.From, e.To, e.Proto, e.Outcome, e.Reason, e.Line))
	}
	want := []string{
		"a ga 192.0.2.2/28 192.0.2.1 Secret 4294967295 /etc/p 1400 true",
		"b gb 192.0.2.18/28 192.0.2.17  0  0 false",
		"a b udp one-way no-rule 18", "a b icmp one-way no-rule 18",
	}
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\n")
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if got.Config != "/etc/g.toml" || got.Name != "x" || got.Path != "/etc/lab.toml" {
		t.Errorf("%+v", got)
	}
}

func TestParseProblems(t *testing.T) {
	// want holds the beginning of "line:column: message (hint)" for each problem.
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"1:1: the lab has no name", "1:1: the gateway has no config", "1:1: there is no host"}},
		{"syntax", "name = \n", []string{"1:8: "}},
		{"type", "name = 3\n", []string{"1:8: "}},
		{"unknown key", head + one + "adress = 'x'\n", []string{`9:1: unknown key "adress" (did you mean "address"?)`}},
		{"unknown table", head + one + "[hosts]\nx = 1\n", []string{`9:2: unknown key "hosts" (did you mean "host"?)`}},
		{"below the wrong header", "[gateway]\nconfig = 'g'\nexpect = []\n", []string{`3:1: unknown key "expect" (expect belongs at the top of the file`}},
		{"names", "name = 'A b'\n" + head[len("name = 'x'\n"):] + strings.Replace(one, "'a'", "'gateway'", 1), []string{`1:8: "A b": a name is`, `5:8: "gateway" is the node between`}},
		{"interface", head + strings.Replace(one, "'ga'", "'sixteen-letters-'", 1), []string{`6:13: "sixteen-letters-" cannot be`}},
		{"address", head + strings.Replace(one, "192.0.2.2/28", "192.0.2.2", 1), []string{`7:11: "192.0.2.2" is not an address with a prefix length`, "7:11: this [[host]] has no address"}},
		{"IPv6", head + strings.Replace(one, "192.0.2.2/28", "2001:db8::2/64", 1), []string{"7:11: 2001:db8::2/64 is not IPv4"}},
		{"too small a subnet", head + strings.Replace(one, "/28", "/31", 1), []string{"7:11: 192.0.2.2/31 has no room"}},
		{"broadcast", head + strings.Replace(one, "192.0.2.2/28", "192.0.2.15/28", 1), []string{"7:11: 192.0.2.15/28 is the subnet itself or its broadcast"}},
		{"gateway elsewhere", head + strings.Replace(one, "192.0.2.1'", "192.0.2.17'", 1), []string{"8:11: 192.0.2.17 is not an address of a machine in 192.0.2.0/28"}},
		{"gateway is the host", head + strings.Replace(one, "192.0.2.1'", "192.0.2.2'", 1), []string{"8:11: 192.0.2.2 is the host itself"}},
		{"label without doi", head + one + "label = 'x'\n", []string{"9:9: a labeled host needs a doi"}},
		{"doi without label", head + one + "doi = 3\npolicy = 'p'\n", []string{"9:7: a host without a label speaks no DOI"}},
		{"policy without label", head + one + "policy = 'p'\n", []string{"9:10: a host without a label has no policy"}},
		{"doi too large", head + one + "label = 'x'\ndoi = 4294967296\n", []string{"9:9: a labeled host needs", "10:7: doi must be 1..4294967295"}},
		{"label", head + one + "label = '-x'\ndoi = 3\n", []string{`9:9: "-x" cannot be the label of a host`}},
		{"mtu", head + one + "mtu = 67\n", []string{"9:7: mtu must be 68..65535"}},
		{"twice", head + one + one, []string{`10:8: there are two hosts named "a"`, "11:13: ga is the cable of a", "12:11: 192.0.2.0/28 overlaps the subnet of a"}},
		{"expect", head + two + "[[expect]]\nfrom = ['a']\nto = ['z']\nproto = ['sctp']\nresult = 'lost'\n", []string{`16:7: there is no host named "z"`, `17:10: "sctp" is no protocol`, `18:10: result cannot be "lost" (known: passed`}},
		{"expect nothing", head + two + "[[expect]]\nresult = 'passed'\nreason = 'x'\n", []string{"14:3: an [[expect]] needs from and to", "16:10: what passes has no reason"}},
		{"expect twice", head + two + "[[expect]]\nfrom=['a']\nto=['b']\nresult='passed'\n[[expect]]\nfrom=['a']\nto=['b']\nproto=['tcp']\nresult='dropped'\n", []string{"18:3: tcp from a to b is expected twice, first in line 14"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := lab.Parse("lab.toml", []byte(tt.text))
			var problems policyfile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v", err)
			}
			var got []string
			for i, p := range problems {
				s := fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
				if p.Hint != "" {
					s += " (" + p.Hint + ")"
				}
				if i < len(tt.want) && strings.HasPrefix(s, tt.want[i]) {
					s = tt.want[i]
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What people get to see, with lines and carets.
func TestProblemsGolden(t *testing.T) {
	path := filepath.Join("testdata", "wrong.toml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lab.Parse("wrong.toml", data)
	golden(t, filepath.Join("testdata", "wrong.golden"), err.Error()+"\n")
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update rewrites it):\n%s", path, diff)
	}
}

func TestRead(t *testing.T) {
	if _, err := lab.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("directory: %v", err)
	}
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Read(big); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("big: %v", err)
	}
	example, err := lab.Read("../../examples/lab/lab.toml")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(example.Hosts); n != 7 || len(example.Expect) != n*(n-1)*3 {
		t.Errorf("example: %d hosts, %d expectations: not one for every probe", n, len(example.Expect))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + two + "[[expect]]\nfrom=['a']\nto=['b']\nresult='passed'\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		topology, err := lab.Parse("f.toml", data)
		var problems policyfile.Problems
		switch {
		case err == nil:
			if err := topology.Check(); err != nil {
				t.Errorf("parsed, but %v", err)
			}
		case !errors.As(err, &problems):
			t.Errorf("%T %v", err, err)
		default:
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}
