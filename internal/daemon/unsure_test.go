package daemon

import (
	"errors"
	"testing"

	"labelgate/internal/channel"
	"labelgate/internal/nft"
)

// late is a judge that does not answer in time when it is to put a policy in force.
type late struct{ bench }

func (late) Commit(uint32) error { return channel.ErrBroken }

// TestCommitUnsure: nobody knows what such a judge judges by, so it is over before the
// rules of the policy before are back.
func TestCommitUnsure(t *testing.T) {
	for _, change := range []struct{ name, old, new string }{
		{"policy only", "logging = 1", "logging = 3"},
		{"zones", `interfaces = ["gray0"]`, `interfaces = ["gray1"]`},
	} {
		t.Run(change.name, func(t *testing.T) {
			d, _, _, _ := newDaemon(t, write(t, settings, rules, hosts))
			child, laid := sleeper(t), 0
			install := d.install
			d.install = func(p nft.Plan) (nft.Report, error) {
				if laid++; laid == 2 && child.Alive() {
					t.Error("it judges while the rules before are laid again")
				}
				return install(p)
			}
			d.judges.child, d.bench = child, late{d.bench}
			replace(t, d.Config, change.old, change.new)
			if err := d.reload(); !errors.Is(err, channel.ErrBroken) {
				t.Fatal(err)
			}
			if child.Alive() {
				t.Error("it goes on")
			}
		})
	}
}
