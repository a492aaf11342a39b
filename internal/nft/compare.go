package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// queueBypass is the flag of xt_NFQUEUE; NFT_QUEUE_FLAG_BYPASS is the same bit.
const queueBypass = 1

// bypasses reports whether a rule hands packets to a queue that lets them pass
// when nobody listens.
func bypasses(exprs []expr.Any) bool {
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Queue:
			if e.Flag&expr.QueueFlagBypass != 0 {
				return true
			}
		case *expr.Target:
			info, ok := e.Info.(*xt.Unknown)
			if e.Name != "NFQUEUE" || !ok {
				continue
			}
			// Revision 2 has the same place for a number that is not zero
			// exactly when this flag is set; older ones have none.
			if e.Rev >= 2 && len(*info) >= 6 && binary.NativeEndian.Uint16((*info)[4:])&queueBypass != 0 {
				return true
			}
		}
	}
	return false
}

// differ says in what two lists of expressions differ, or "" if they do the same.
func differ(family byte, want, got []expr.Any) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("it ends before %s", name(want[i]))
		case i >= len(want):
			return fmt.Sprintf("%s follows", name(got[i]))
		}
		if !equal(family, want[i], got[i]) {
			return fmt.Sprintf("its part %d is %s, want %s", i+1, describe(got[i]), describe(want[i]))
		}
	}
	return ""
}

// equal compares two expressions by the bytes they are sent as, leaving out the
// number a set has only within a batch.
func equal(family byte, a, b expr.Any) bool {
	switch a := a.(type) {
	case *expr.Lookup:
		l, ok := b.(*expr.Lookup)
		return ok && a.SetName == l.SetName && a.SourceRegister == l.SourceRegister && a.Invert == l.Invert && a.IsDestRegSet == l.IsDestRegSet
	case *expr.Target:
		t, ok := b.(*expr.Target)
		return ok && a.Name == t.Name && a.Rev == t.Rev && bytes.Equal(targetInfo(a), targetInfo(t))
	}
	x, err := expr.Marshal(family, a)
	if err != nil {
		return false
	}
	y, err := expr.Marshal(family, b)
	return err == nil && bytes.Equal(x, y)
}

// targetInfo is what an NFQUEUE target was told, without padding.
func targetInfo(t *expr.Target) []byte {
	u, ok := t.Info.(*xt.Unknown)
	if !ok || len(*u) < 6 {
		return nil
	}
	return (*u)[:6]
}

func name(e expr.Any) string {
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", e), "*expr."))
}

// describe shows an expression's fields.
func describe(e expr.Any) string {
	if t, ok := e.(*expr.Target); ok {
		return fmt.Sprintf("target %s revision %d %x", t.Name, t.Rev, targetInfo(t))
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%+v", e), "&")) + " (" + name(e) + ")"
}
