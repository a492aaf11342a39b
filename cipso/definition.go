package cipso

import "slices"

// Definition says how one DOI is spoken. It is read only; any number of
// goroutines may share it.
type Definition struct {
	DOI  DOI       // never 0
	Tags []TagType // in order of preference; types other than 1, 2 and 5 have no effect

	// AcceptNonCanonical makes a strict Decoder take what says the same label
	// in other bytes than Encode would: a bitmap that ends in zero bytes, a
	// last range that spells out its low end of 0, ranges that touch. The
	// first includes the optimized form of tag type 1, ten bytes of bitmap,
	// which the CIPSO draft wants every receiver to take (section 3.4.5) and
	// Linux can be told to send (net.ipv4.cipso_rbm_optfmt). Each further way
	// of writing one label is room for a covert channel, so such a packet
	// should leave re-encoded.
	AcceptNonCanonical bool
}

// Encode writes the canonical option for the label with the first tag type of
// the definition that can carry it, and returns its length without padding and
// that type. The rest of dst is zeroed, so that dst[:(n+3)&^3] is the option
// padded for a header. n is 0 if no configured tag type can carry the label;
// then all of dst is zero. It does not allocate.
func (d *Definition) Encode(dst *[MaxOptionLen]byte, l *Label) (n int, tag TagType) {
	*dst = [MaxOptionLen]byte{}
	for _, tag := range d.Tags {
		if n := put(dst, d.DOI, tag, l); n != 0 {
			return n, tag
		}
	}
	return 0, 0
}

func (d *Definition) allows(t TagType) bool { return slices.Contains(d.Tags, t) }
