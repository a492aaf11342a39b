package nft

import (
	"fmt"
	"strings"

	"labelgate/internal/mark"
)

// DefaultTable is the name of the tables where a plan names none.
const DefaultTable = "labelgate"

// Backend is the way a rule hands packets to the queue.
type Backend uint8

const (
	// Auto is Native where the kernel has it, else Compat. When checking, it
	// stands for either.
	Auto Backend = iota
	// Native is nf_tables' own queue expression.
	Native
	// Compat is the xtables target NFQUEUE through nft_compat, for kernels
	// built without CONFIG_NFT_QUEUE.
	Compat
)

// String returns the backend's name in the settings file.
func (b Backend) String() string {
	switch b {
	case Auto:
		return "auto"
	case Native:
		return "native"
	case Compat:
		return "compat"
	}
	return fmt.Sprintf("Backend(%d)", uint8(b))
}

// Zone is a zone as netfilter sees it.
type Zone struct {
	// Index is the number that marks carry, 1 to mark.MaxZone.
	Index uint8
	// Name is for messages.
	Name string
	// Interfaces are the zone's interfaces by name. They need not exist yet.
	Interfaces []string
	// Ethertypes are admitted from the zone's links beside IPv4, ARP and IPv6
	// (which is dropped where IP is), in host byte order, 0x0600 and more: less
	// is a length (IEEE 802.3). A frame with a VLAN tag counts as its outermost
	// tag, 0x8100 or 0x88a8; what it encloses is then the VLAN device's affair.
	Ethertypes []uint16
}

// Plan says what rules there shall be.
type Plan struct {
	// Table is the name of the tables, DefaultTable if empty.
	Table string
	// Zones are the labeled zones; at least one has an interface.
	Zones []Zone
	// Queue is the number of the queue.
	Queue uint16
	// Backend is how packets are queued.
	Backend Backend
	// Narrowest is the smallest MTU of the zones' ways out in bytes. What comes from
	// a zone, is longer and must not be fragmented is queued before the kernel looks
	// whether it fits its way out; 0 leaves that to the kernel.
	Narrowest uint16
	// NoIngress leaves out the table of the netdev family, for kernels that were
	// found not to have it: see Report.Ethertypes.
	NoIngress bool
	// NoEgress leaves out of that table what looks at packets once more as they leave,
	// for kernels that were found not to be able to: see Report.Egress.
	NoEgress bool
	// NetNS is a descriptor of the network namespace, 0 for the calling
	// thread's.
	NetNS int

	shut []string // interfaces in no zone from and to which nothing passes: see Close
}

// maxInterfaces keeps a set's elements within one netlink attribute, and those that
// are shut besides.
const maxInterfaces = 1000

// minEthertype is the smallest number that is an ethertype and not the length of
// an IEEE 802.3 frame.
const minEthertype = 0x0600

// maxNameLen is IFNAMSIZ without the terminating zero.
const maxNameLen = 15

// complete returns the plan with its defaults filled in, or says what is wrong.
func (p Plan) complete() (Plan, error) {
	if p.Table == "" {
		p.Table = DefaultTable
	}
	if p.Backend > Compat {
		return p, fmt.Errorf("nft: unknown backend %d", p.Backend)
	}
	index := make(map[uint8]string)
	owner := make(map[string]string)
	for _, z := range p.Zones {
		if z.Index < 1 || z.Index > mark.MaxZone {
			return p, fmt.Errorf("nft: zone %q has index %d, want 1 to %d", z.Name, z.Index, mark.MaxZone)
		}
		if other, taken := index[z.Index]; taken {
			return p, fmt.Errorf("nft: zones %q and %q have the same index %d", other, z.Name, z.Index)
		}
		index[z.Index] = z.Name
		for _, e := range z.Ethertypes {
			if e < minEthertype {
				return p, fmt.Errorf("nft: zone %q: %#04x is a length, not an ethertype", z.Name, e)
			}
		}
		for _, name := range z.Interfaces {
			if err := checkInterfaceName(name); err != nil {
				return p, fmt.Errorf("nft: zone %q: %w", z.Name, err)
			}
			if other, taken := owner[name]; taken {
				return p, fmt.Errorf("nft: interface %q is in zone %q and in zone %q", name, other, z.Name)
			}
			owner[name] = z.Name
		}
	}
	switch n := len(owner); {
	case n == 0:
		return p, fmt.Errorf("nft: no zone has an interface, so there is nothing to guard")
	case n > maxInterfaces:
		return p, fmt.Errorf("nft: %d interfaces, at most %d are possible", n, maxInterfaces)
	}
	return p, nil
}

// checkInterfaceName holds a name to the kernel's rules. A star or the like is
// refused as well: nft would take it for a pattern, this package would not.
func checkInterfaceName(name string) error {
	if name == "" || len(name) > maxNameLen || name == "." || name == ".." {
		return fmt.Errorf("%q cannot be the name of an interface", name)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/:*"\`, r) }); i >= 0 {
		return fmt.Errorf("interface name %q: character %q is not allowed", name, name[i])
	}
	return nil
}
