package trail

import (
	"labelgate/internal/audit"
)

// sealed checks a seal, whose line has the bytes head in front of its chain field
// and follows one with value before.
func (v *verifier) sealed(r *audit.Record, before Value, head []byte, f audit.Format) error {
	v.closed = r.Reason == SealRotated
	delete(v.copies, r.Chain)
	c := v.checkers[r.Key]
	known := c != nil
	switch {
	case len(r.Key.Bytes()) == 0 && len(r.MAC.Bytes()) > 0, len(r.Key.Bytes()) > 0 && len(r.MAC.Bytes()) != keyLength:
		return v.problem(BadSeal, "seal %d is half of one", r.Seal)
	case v.sealKnow && r.Key == v.key && r.Seal != v.seal:
		return v.problem(BadSeal, "seal %d follows seal %d: others are missing, or were made twice", r.Seal, v.seal-1)
	case len(v.checkers) > 0 && !known && v.keyed:
		return v.problem(BadSeal, "it is made with another key, or with none, though those before it had one")
	case len(v.checkers) > 0 && !known && len(r.Key.Bytes()) > 0:
		return v.problem(BadSeal, "it is made with key %s, and no such key was given", r.Key)
	}
	if known {
		if r.Key != v.key && r.Seal != 0 && v.sealKnow {
			return v.problem(BadSeal, "the first seal of key %s here has number %d: others are missing", r.Key, r.Seal)
		}
		k, err := c.key(r.Seal)
		if err != nil {
			return v.problem(BadSeal, "%v", err)
		}
		body, ok := cutMAC(head, f)
		if !ok || k.seal(before, body) != r.MAC {
			return v.problem(BadSeal, "seal %d does not fit: something between it and the seal before, record %d, was written anew", r.Seal, v.report.Sealed)
		}
		v.keyed = true
		v.report.Seals++
	}
	v.key, v.seal, v.sealKnow = r.Key, r.Seal+1, true
	v.report.Sealed, v.report.SealedAt, v.report.Unsealed = r.Seq, r.Time, 0
	return nil
}

// finish checks what only the end can show.
func (v *verifier) finish() error {
	if n := v.first.header.File; n > 1 {
		if v.removed < n-1 {
			v.where = Problem{File: v.first.path, Line: 1}
			return v.problem(Missing, "this is file %d of the trail, and no record says that the files before it were removed; give them too, or check from the last seal on", n)
		}
		v.note("files 1 to %d were removed by labelgated, say its records", n-1)
	}
	if err := v.copied(); err != nil {
		return err
	}
	if len(v.checkers) == 0 {
		v.note("no key was given: who may write the files could have made the chain anew, or cut off its end")
	} else if !v.keyed {
		return v.problem(BadSeal, "no seal was made with the key that was given")
	}
	if v.options.State != nil {
		return v.state(&v.options.State.key)
	}
	if !v.closed && v.options.Seals == nil {
		v.note("whether records are missing behind the end is known only with the key file of the gateway, or copies of its seals")
	}
	return nil
}

// state holds the end against the number of seals that the key file says.
func (v *verifier) state(k *key) error {
	id := audit.MakeDigest(k.id[:])
	if c := v.checkers[id]; c != nil {
		genuine, err := c.key(k.number)
		if err != nil || *genuine != *k {
			return v.problem(BadSeal, "the key file is none that this key can have become")
		}
	} else if len(v.checkers) > 0 {
		return v.problem(BadSeal, "the key file is of key %s, which was not given", id)
	}
	made := uint64(0)
	if v.key == id {
		made = v.seal
	}
	// The auditor may have been ended between making a seal and noting that.
	if made != k.number && made != k.number+1 {
		return v.problem(Truncated, "%d seals were made, and the files end with %d: what came behind is gone", k.number, made)
	}
	return nil
}

// copied checks that no seal is missing of which there is a copy.
func (v *verifier) copied() error {
	for _, r := range v.copies {
		switch {
		case r.Seq > v.report.Last:
			return v.problem(Truncated, "there is a copy of a seal over %d records, and the files end with record %d", r.Seq, v.report.Last)
		case r.Seq >= v.report.First:
			return v.problem(BadSeal, "seal %d, record %d, is not as its copy: everything before it may have been written anew", r.Seal, r.Seq)
		}
	}
	return nil
}
