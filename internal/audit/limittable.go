package audit

import "hash/maphash"

// find returns the bucket of a key, a new one where there is none: the shared one
// when all others are taken by keys that are still in use.
func (l *Limiter) find(k LimitKey, mono uint64) int16 {
	key := networkKey{reason: k.Reason, zone: k.Zone}
	if a := k.Source.Unmap(); a.Is4() {
		b := a.As4()
		key.network, key.valid = uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8, true
	}
	at := l.slot(&key)
	for ; l.table[at] != 0; at = next(at) {
		if i := l.table[at] - 1; l.buckets[i].key == key {
			l.recent.remove(l.buckets, i, recentLinks)
			l.recent.push(l.buckets, i, recentLinks)
			return i
		}
	}
	i := l.take(mono)
	if i == shared {
		return i
	}
	// take may have moved keys in the table.
	for at = l.slot(&key); l.table[at] != 0; at = next(at) {
	}
	l.table[at] = i + 1
	l.buckets[i] = bucket{key: key, tokens: l.full, at: mono}
	l.recent.push(l.buckets, i, recentLinks)
	return i
}

// take returns a bucket that nobody uses. One that has filled up again and owes
// no record is as good as new.
func (l *Limiter) take(mono uint64) int16 {
	if l.used < MaxLimitKeys {
		l.used++
		return l.used - 1
	}
	const tries = 8
	for i, n := l.recent.last, 0; i != none && n < tries; i, n = l.buckets[i].recent.before, n+1 {
		b := &l.buckets[i]
		l.refill(b, mono)
		if b.count == 0 && b.tokens == l.full {
			l.recent.remove(l.buckets, i, recentLinks)
			l.forget(i)
			return i
		}
	}
	return shared
}

// forget takes a bucket out of the table and closes the gap.
func (l *Limiter) forget(i int16) {
	at := l.slot(&l.buckets[i].key)
	for l.table[at] != i+1 {
		at = next(at)
	}
	gap := at
	for at = next(at); l.table[at] != 0; at = next(at) {
		home := l.slot(&l.buckets[l.table[at]-1].key)
		if (at-home)&(slots-1) >= (at-gap)&(slots-1) {
			l.table[gap] = l.table[at]
			gap = at
		}
	}
	l.table[gap] = 0
}

const slots = 2 * MaxLimitKeys

func next(at uint32) uint32 { return (at + 1) & (slots - 1) }

// slot is where a key is looked for first. The seed is secret: whoever chooses
// the sources of packets cannot choose them to meet in one slot.
func (l *Limiter) slot(k *networkKey) uint32 {
	text := maphash.String(l.seed, k.reason) ^ 3*maphash.String(l.seed, k.zone)
	h := text ^ uint64(k.network)
	if k.valid {
		h ^= 1
	}
	h = (h ^ h>>32) * (text | 1)
	return uint32(h>>40) & (slots - 1)
}
