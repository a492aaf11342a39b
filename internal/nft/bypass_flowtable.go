package nft

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// flowtable is a flow table as the kernel tells of it.
type flowtable struct {
	family      nftables.TableFamily
	table, name string
	devices     []string // a star stands for all names that begin like it
	hardware    bool
}

// Attributes of linux/netfilter/nf_tables.h.
const (
	flowtableTable   = 1 // NFTA_FLOWTABLE_TABLE
	flowtableName    = 2
	flowtableHook    = 3
	flowtableFlags   = 7
	flowtableDevices = 3 // NFTA_FLOWTABLE_HOOK_DEVS

	flowtableOffload = 1 // NFT_FLOWTABLE_HW_OFFLOAD
)

// flowtables looks at all flow tables, our tables' too: we make none.
func (s *search) flowtables() error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: s.plan.NetNS})
	if err != nil {
		return err
	}
	defer conn.Close()
	replies, err := dump(conn, unix.NFT_MSG_GETFLOWTABLE, nftables.TableFamilyUnspecified)
	if missing(err) {
		return nil // a kernel from before Linux 4.16
	}
	if err != nil {
		return err
	}
	for _, m := range replies {
		var f flowtable
		if err := f.decode(m.Data); err != nil {
			return fmt.Errorf("flow table: %w", err)
		}
		s.flowtable(&f)
	}
	return nil
}

func (s *search) flowtable(f *flowtable) {
	in := ""
	if f.hardware {
		in = ", in hardware"
	}
	zoned := false
	for device, place := range s.places {
		if f.has(device) {
			zoned = true
			s.add(Flowtable, true, place.of, "flow table %s of table %s %s takes packets of %s past the rules%s",
				f.name, familyName(f.family), f.table, s.describe(device), in)
		}
	}
	if !zoned {
		s.add(Flowtable, false, "", "flow table %s of table %s %s may send to zones what was judged once", f.name, familyName(f.family), f.table)
	}
}

// has reports whether the flow table is at an interface.
func (f *flowtable) has(device string) bool {
	for _, d := range f.devices {
		if prefix, many := strings.CutSuffix(d, "*"); d == device || many && strings.HasPrefix(device, prefix) {
			return true
		}
	}
	return false
}

// decode reads a message whose header is complete.
func (f *flowtable) decode(b []byte) error {
	f.family = nftables.TableFamily(b[0])
	attrs, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return err
	}
	attrs.ByteOrder = binary.BigEndian
	for attrs.Next() {
		switch attrs.Type() {
		case flowtableTable:
			f.table = attrs.String()
		case flowtableName:
			f.name = attrs.String()
		case flowtableFlags:
			f.hardware = attrs.Uint32()&flowtableOffload != 0
		case flowtableHook:
			attrs.Nested(func(hook *netlink.AttributeDecoder) error {
				for hook.Next() {
					if hook.Type() == flowtableDevices {
						hook.Nested(func(devices *netlink.AttributeDecoder) error {
							f.devices = deviceNames(devices)
							return nil
						})
					}
				}
				return nil
			})
		}
	}
	return attrs.Err()
}

// deviceNames reads a list of names, of which some may stand for many.
func deviceNames(devices *netlink.AttributeDecoder) (names []string) {
	for devices.Next() {
		name := devices.String()
		if devices.Type() == devicePrefix {
			name += "*"
		}
		names = append(names, name)
	}
	return names
}
