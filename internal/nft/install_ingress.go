package nft

import (
	"fmt"
	"maps"

	"github.com/google/nftables"
)

// installIngress installs the table of the netdev family. It reports false when
// the kernel has no such tables: the others must not fail for that.
func installIngress(p Plan) (bool, error) {
	if p.NoIngress {
		return false, nil
	}
	filtered, err := takeIngress(func() (table, *DriftError, error) { return ingressDrift(p) }, func(t table, put putFunc) error {
		return inBatch(p.NetNS, func(c *nftables.Conn) error { return put(&t, c, p.Table) })
	})
	if err != nil {
		return false, fmt.Errorf("nft: install table %s: %w%s", p.Table, err, advice(err))
	}
	return filtered, nil
}

// putFunc is (*table).replace or (*table).add.
type putFunc func(*table, *nftables.Conn, string) error

// takeIngress brings the kernel to what look says it should hold.
//
// An interface that appeared is added without touching the others: taking a chain
// away drops what waits in every queue. All the rest is replaced: first with chains
// for interfaces that do not exist, too, which newer kernels (6.18) take and put
// into force at the moment when the interface appears; then without. What the
// kernel does not know and an interface that went meanwhile are refused with the
// same error; the second shows in the next look.
func takeIngress(look func() (table, *DriftError, error), put func(table, putFunc) error) (bool, error) {
	var before map[string]bool
	var err error
	for range installTries {
		want, drift, failed := look()
		if failed != nil {
			return false, failed
		}
		if len(drift.Found) == 0 {
			return true, nil
		}
		now := want.devices()
		if before != nil && maps.Equal(before, now) {
			return false, nil
		}
		before = now
		if fresh := drift.Appeared(); fresh != nil {
			err = put(want.only(fresh), (*table).add)
		} else if err = put(want, (*table).replace); missing(err) {
			err = put(want.without(), (*table).replace)
		}
		if !missing(err) {
			return err == nil, err
		}
	}
	return false, err
}

// devices returns the interfaces that a chain must be for.
func (t *table) devices() map[string]bool {
	m := make(map[string]bool)
	for _, c := range t.chains {
		if !c.optional {
			m[c.device] = true
		}
	}
	return m
}
