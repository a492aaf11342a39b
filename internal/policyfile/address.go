package policyfile

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// prefix reads an address with or without a prefix length. Linux reads octets
// without a look at their size, and some C functions take a leading zero for
// octal: both are refused.
func (f *reader) prefix(at field) (netip.Prefix, *fault) {
	text := string(at.of(f.text))
	address, length, slash := strings.Cut(text, "/")
	var a netip.Addr
	var x *fault
	if strings.Contains(address, ":") {
		a, x = f.ipv6(at, address)
	} else {
		a, x = ipv4(at, address)
	}
	if x != nil {
		return netip.Prefix{}, x
	}
	bits := a.BitLen()
	if slash {
		n, ok := digits([]byte(length), bits)
		start := at.start + len(address) + 1
		if !ok || len(length) > 1 && length[0] == '0' {
			hint := ""
			if length != "" && digit(length[0]) && !digit(length[len(length)-1]) {
				hint = "white space belongs between the prefix and the label"
			}
			return netip.Prefix{}, faulty(start, "prefix-length", hint, "%s is not a prefix length: it is a number of 0 to %d", quote(length), bits)
		}
		bits = n
	}
	return netip.PrefixFrom(a, bits), nil
}

func ipv4(at field, text string) (netip.Addr, *fault) {
	const want = "write it as in 192.0.2.0/24"
	var octets [4]byte
	n, start := 0, at.start
	for part := range strings.SplitSeq(text, ".") {
		v, ok := digits([]byte(part), 255)
		value, number := digits([]byte(part), 1<<30)
		switch {
		case n == len(octets):
			return netip.Addr{}, faulty(start, "address", want, "the address has more than four parts")
		case number && !ok:
			return netip.Addr{}, faulty(start, "address", "Linux would take it for "+strconv.Itoa(value%256)+" without a word", "%s is more than the 255 that a part of an address can be", part)
		case !ok && n == 0:
			return netip.Addr{}, faulty(start, "address", want, "%s is not an address", quote(text))
		case !ok:
			hint := ""
			if n == 3 && part != "" && digit(part[0]) {
				hint = "white space belongs between the address and the label"
			}
			return netip.Addr{}, faulty(start, "address", hint, "%s is not a part of an address: it is a number of 0 to 255", quote(part))
		case len(part) > 1 && part[0] == '0':
			return netip.Addr{}, faulty(start, "address", "Linux takes it for decimal, others for octal: leave the zero out", "a part of the address begins with a zero")
		}
		octets[n] = byte(v)
		n, start = n+1, start+len(part)+1
	}
	if n < len(octets) {
		return netip.Addr{}, faulty(at.start+len(text), "address", want, "the address has %d parts of four", n)
	}
	return netip.AddrFrom4(octets), nil
}

func (f *reader) ipv6(at field, text string) (netip.Addr, *fault) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return a, faulty(at.start, "address", "write it as in 2001:db8::/32", "%s is not an IPv6 address", quote(text))
	case a.Zone() != "":
		return a, faulty(at.start+strings.IndexByte(text, '%'), "address", "bind the entry to a zone instead", "an interface does not belong in an address")
	case a.Is4In6():
		return a, faulty(at.start, "address", "write "+a.Unmap().String(), "this is an IPv4 address in IPv6 notation")
	case f.dialect != Labelgate && (strings.Contains(text, "::") || strings.Count(text, ":") != 7):
		full := a.As16()
		return a, faulty(at.start, "address", "write "+groups(full), "the %s dialect wants all eight groups of an IPv6 address", f.dialect)
	}
	return a, nil
}

// groups is an IPv6 address in the only form that Linux reads.
func groups(a [16]byte) string {
	var b bytes.Buffer
	for i := 0; i < len(a); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strconv.FormatUint(uint64(a[i])<<8|uint64(a[i+1]), 16))
	}
	return b.String()
}
