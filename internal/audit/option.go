package audit

// MaxOption is the number of option bytes that an IPv4 header can carry (RFC 791).
const MaxOption = 40

// Option is a copy of option bytes. Its zero value holds none.
type Option struct {
	bytes [MaxOption]byte
	n     uint8
}

// MakeOption copies b. What is longer than an option can be is cut.
func MakeOption(b []byte) Option {
	var o Option
	o.n = uint8(copy(o.bytes[:], b))
	return o
}

// Bytes returns the option's bytes; they are o's own.
func (o *Option) Bytes() []byte { return o.bytes[:o.n] }
