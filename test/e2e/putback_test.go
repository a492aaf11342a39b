package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"

	"labelgate/internal/nft"
	"labelgate/test/figures"
)

// TestPutBack: rules that somebody flushes are back before the next look at them would
// be due.
func TestPutBack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"labelgate.toml": closedConfig, "policy/netlabel.d/site": "10.5.1.2 Pop zone=left\n10.5.2.2 Snap zone=right\n", "policy/accesses.d/site": "Pop Snap w\n",
	})
	u := newUnwired(t, filepath.Join(dir, "labelgate.toml"))
	u.wire(t)
	end := u.start(t)
	c, err := nftables.New(nftables.WithNetNSFd(int(u.gateway)))
	must(t, err)
	guarded := func() bool {
		names, err := nft.Guarded("", int(u.gateway))
		return err == nil && len(names) == 2
	}
	const rounds = 10
	var longest, sum time.Duration
	for range rounds {
		for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
			c.DelTable(&nftables.Table{Family: family, Name: nft.DefaultTable})
		}
		must(t, c.Flush())
		began := time.Now()
		if !eventually(guarded) {
			t.Fatal("the rules are not put back")
		}
		took := time.Since(began)
		longest, sum = max(longest, took), sum+took
		time.Sleep(300 * time.Millisecond) // a burst of changes is looked at later
	}
	end(syscall.SIGTERM)
	report(t,
		figures.Figure{ID: "e2e/put-back/mean", Value: float64(sum.Microseconds()) / 1000 / rounds, Unit: "ms"},
		figures.Figure{ID: "e2e/put-back/longest", Value: float64(longest.Microseconds()) / 1000, Unit: "ms"},
	)
}
