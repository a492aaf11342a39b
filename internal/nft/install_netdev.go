package nft

import (
	"fmt"
	"maps"

	"github.com/google/nftables"
)

// installNetdev installs the table of the netdev family. It reports false for what the
// kernel has not got: the others must not fail for that.
func installNetdev(p Plan) (ingress, egress bool, err error) {
	if p.NoIngress {
		return false, false, nil
	}
	install := func(p Plan) (bool, error) {
		return takeNetdev(func() (table, *DriftError, error) { return netdevDrift(p) }, func(t table, put putFunc) error {
			return inBatch(p.NetNS, func(c *nftables.Conn) error { return put(&t, c, p.Table) })
		})
	}
	if ingress, err = install(p); err == nil && !ingress && !p.NoEgress {
		p.NoEgress = true
		ingress, err = install(p)
	}
	if err != nil {
		return false, false, fmt.Errorf("nft: install table %s: %w%s", p.Table, err, advice(err))
	}
	return ingress, ingress && !p.NoEgress, nil
}

// putFunc is (*table).renew, (*table).replace or (*table).add.
type putFunc func(*table, *nftables.Conn, string) error

// takeNetdev brings the kernel to what look says it should hold.
//
// An interface that appeared is added without touching the others: taking a chain
// away drops what waits in every queue. All the rest is renewed, or replaced where
// that cannot be: first with chains for interfaces that do not exist, too, which newer
// kernels (6.18) take and put into force at the moment when the interface appears;
// then without. What the
// kernel does not know and an interface that went meanwhile are refused with the
// same error; the second shows in the next look.
func takeNetdev(look func() (table, *DriftError, error), put func(table, putFunc) error) (bool, error) {
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
		if drift.Appeared() != nil {
			err = put(want.only(drift.absent), (*table).add)
		} else {
			err = putWhole(want, put)
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

// putWhole puts all of the table, first in the way that costs nobody anything.
func putWhole(want table, put func(table, putFunc) error) (err error) {
	for _, way := range []putFunc{(*table).renew, (*table).replace} {
		if err = put(want, way); missing(err) {
			err = put(want.without(), way)
		}
		if err == nil {
			break
		}
	}
	return err
}
