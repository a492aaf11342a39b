package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labelgate/internal/nft"
)

const closeSettings = `
policy = "policy"

[[zone]]
name       = "in"
interfaces = ["e0", "e1"]
networks   = ["10.0.0.0/8"]
labels     = "refuse"

[[zone]]
name       = "out"
interfaces = ["e2"]
labels     = "refuse"
`

func TestCloseGateway(t *testing.T) {
	refused := errors.New("refused by the kernel")
	tests := []struct {
		name     string
		settings string // no file if empty
		alone    error
		guarded  []string
		failing  []error // of reading what is guarded, of closing, of closing all

		closed, all bool
		code        int
		says        []string // on stdout if the code is 0, else on stderr
	}{
		{
			name: "settings", settings: closeSettings, closed: true,
			says: []string{"closed until labelgated runs: in (e0 e1), out (e2)"},
		},
		{name: "no settings", all: true, code: 1, says: []string{"no such file", "THE ZONES ARE NOT KNOWN"}},
		{
			name: "settings that are wrong", settings: closeSettings + "zune = 1\n", all: true, code: 1,
			says: []string{"labelgate.toml:14:1: ", "THE ZONES ARE NOT KNOWN"},
		},
		{
			name: "the kernel refuses", settings: closeSettings, failing: []error{nil, refused, nil}, closed: true, all: true, code: 1,
			says: []string{refused.Error(), "THE ZONES ARE NOT KNOWN"},
		},
		{
			name: "the kernel refuses everything", settings: closeSettings, failing: []error{nil, refused, refused}, closed: true, all: true, code: 1,
			says: []string{"NOTHING COULD BE CLOSED"},
		},
		{
			name: "nobody knows whether another runs", settings: closeSettings, alone: refused, closed: true,
			says: []string{"closed until labelgated runs"},
		},
		{
			name: "another runs", settings: closeSettings, alone: errAnother, guarded: []string{"e0", "e1", "e2", "e3"},
			says: []string{"a labelgated runs and guards e0 e1 e2 e3"},
		},
		{
			name: "another runs with other settings", settings: closeSettings, alone: errAnother, guarded: []string{"e0", "e2"}, code: 1,
			says: []string{"does not guard e1 of zone in"},
		},
		{
			name: "another runs, wrong settings", settings: "zune = 1\n", alone: errAnother, guarded: []string{"e0"}, code: 1,
			says: []string{"labelgate.toml:1:1: ", "has other settings"},
		},
		{name: "another runs, without rules", settings: closeSettings, alone: errAnother, code: 1, says: []string{"nothing is closed: there are no rules"}},
		{
			name: "not permitted", settings: closeSettings, alone: errAnother, failing: []error{os.ErrPermission, nil, nil}, code: 1,
			says: []string{"nothing is closed: permission denied"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "labelgate.toml")
			if tt.settings != "" {
				if err := os.WriteFile(path, []byte(tt.settings), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tt.failing == nil {
				tt.failing = make([]error, 3)
			}
			released, closed, all := false, false, false
			c := closer{
				alone: func() (func(), error) {
					if tt.alone != nil {
						return nil, tt.alone
					}
					return func() { released = true }, nil
				},
				guarded: func() ([]string, error) { return tt.guarded, tt.failing[0] },
				close: func(p nft.Plan) (nft.Report, error) {
					closed = true
					if len(p.Zones) != 2 || len(p.Zones[0].Interfaces) != 2 || p.Zones[1].Index != 2 {
						t.Errorf("closed by %+v", p)
					}
					return nft.Report{Ethertypes: true}, tt.failing[1]
				},
				closeForwarding: func() error { all = true; return tt.failing[2] },
			}
			var stdout, stderr bytes.Buffer
			if code := c.run(path, &stdout, &stderr); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, stderr.String())
			}
			if closed != tt.closed || all != tt.all || released != (tt.alone == nil) {
				t.Errorf("closed: %v, everything closed: %v, lock released: %v", closed, all, released)
			}
			said := stdout.String()
			if tt.code != 0 {
				said = stderr.String()
			}
			for _, want := range tt.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in:\n%s", want, said)
				}
			}
		})
	}
}
