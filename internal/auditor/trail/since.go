package trail

import "labelgate/internal/audit"

// skip returns the parts from the last seal on. What is before is believed.
func (v *verifier) skip(parts []part) ([]part, error) {
	for i := len(parts) - 1; i >= 0; i-- {
		found, err := v.lastSeal(&parts[i])
		if err != nil {
			return nil, err
		}
		if found {
			return parts[i:], nil
		}
	}
	v.note("there is no seal; everything is checked")
	return parts, nil
}

// lastSeal moves the beginning of a part to its last seal.
func (v *verifier) lastSeal(p *part) (found bool, err error) {
	lines, err := openLines(p.path, 0)
	if err != nil {
		return false, err
	}
	defer lines.close()
	var at int64
	var before Value
	for n := 1; ; n++ {
		line, err := lines.next()
		if err != nil || line == nil {
			return found, err
		}
		_, value, ok := cutLine(line)
		if ok && maybe(line, audit.EventSealed) {
			if r, _, err := audit.Parse(line); err == nil && r.Event == audit.EventSealed {
				found = true
				p.offset, p.line = at, n-1
				v.started, v.value, v.number = true, before, p.header.File
				v.next, v.report.First = r.Seq, r.Seq
				v.key, v.seal, v.sealKnow = r.Key, r.Seal, true
			}
		}
		at += int64(len(line))
		before = value
	}
}
