package corpus

// mutate changes n things at random places of the area.
func (a *Areas) mutate(n int) {
	for range n {
		if a.n == 0 {
			return
		}
		at := a.r.IntN(a.n)
		switch a.r.IntN(10) {
		case 0, 1:
			a.b[at] ^= 1 << a.r.IntN(8)
		case 2:
			a.b[at]++
		case 3:
			a.b[at]--
		case 4:
			a.b[at] = a.interesting()
		case 5: // take a byte out
			copy(a.b[at:a.n], a.b[at+1:a.n])
			a.n--
		case 6: // put a byte in
			a.n = min(a.n+1, maxArea)
			copy(a.b[at+1:a.n], a.b[at:a.n-1])
			a.b[at] = a.interesting()
		case 7: // say a part again
			length := 1 + a.r.IntN(min(a.n-at, 12))
			var part [12]byte
			copy(part[:length], a.b[at:])
			a.put(part[:length]...)
		case 8: // go on as another area does
			other := a.seeds[a.r.IntN(len(a.seeds))]
			a.n = at
			a.put(other[min(at, len(other)):]...)
		case 9:
			a.n -= a.r.IntN(min(a.n, 4))
		}
	}
}

func (a *Areas) interesting() byte {
	all := [...]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 39, 40, 41, 127, 128, 134, 250, 251, 255, byte(a.n), byte(a.n - 1), byte(a.r.Uint32())}
	return all[a.r.IntN(len(all))]
}
