package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernelLink is an interface as the kernel tells of it.
type kernelLink struct {
	index      uint32
	name       string
	kind       string // of device, "" for hardware
	lower      uint32 // the interface whose frames it takes, 0 if there is none in this namespace
	master     uint32 // the interface that it is a part of, 0 if there is none
	program    uint32 // number of an XDP program, valid iff xdp
	xdp        bool
	switchPort bool // of hardware that may forward by itself
}

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const skipStats = 1 << 3

// listLinks returns the interfaces of a namespace.
func listLinks(netns int) ([]kernelLink, error) {
	links, err := dumpLinks(netns)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	return links, nil
}

func dumpLinks(netns int) ([]kernelLink, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Their counters are most of what the kernel would tell.
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.IFLA_EXT_MASK, Data: binary.NativeEndian.AppendUint32(nil, skipStats)},
	})
	if err != nil {
		return nil, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request | netlink.Dump},
		Data:   append(make([]byte, unix.SizeofIfInfomsg), attrs...),
	})
	if err != nil {
		return nil, err
	}
	links := make([]kernelLink, len(replies))
	for i, m := range replies {
		if len(m.Data) < unix.SizeofIfInfomsg {
			return nil, fmt.Errorf("message of %d bytes", len(m.Data))
		}
		if err := links[i].decode(m.Data); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// Attributes of linux/if_link.h.
const (
	xdpAttached = 2 // IFLA_XDP_ATTACHED
	xdpProgram  = 4 // IFLA_XDP_PROG_ID
)

// decode reads a message whose header is complete.
func (l *kernelLink) decode(b []byte) error {
	l.index = binary.NativeEndian.Uint32(b[4:])
	attrs, err := netlink.NewAttributeDecoder(b[unix.SizeofIfInfomsg:])
	if err != nil {
		return err
	}
	elsewhere := false
	for attrs.Next() {
		switch attrs.Type() {
		case unix.IFLA_IFNAME:
			l.name = attrs.String()
		case unix.IFLA_LINK:
			l.lower = attrs.Uint32()
		case unix.IFLA_MASTER:
			l.master = attrs.Uint32()
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_PHYS_SWITCH_ID:
			l.switchPort = true
		case unix.IFLA_LINKINFO:
			attrs.Nested(func(info *netlink.AttributeDecoder) error {
				for info.Next() {
					if info.Type() == unix.IFLA_INFO_KIND {
						l.kind = info.String()
					}
				}
				return nil
			})
		case unix.IFLA_XDP:
			attrs.Nested(func(xdp *netlink.AttributeDecoder) error {
				for xdp.Next() {
					switch xdp.Type() {
					case xdpAttached:
						l.xdp = xdp.Uint8() != 0
					case xdpProgram:
						l.program = xdp.Uint32()
					}
				}
				return nil
			})
		}
	}
	if elsewhere {
		l.lower = 0
	}
	return attrs.Err()
}

// interfacesPresent returns the names of the interfaces that exist in a namespace.
func interfacesPresent(netns int) (map[string]bool, error) {
	indexes, err := interfaceIndexes(netns)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(indexes))
	for name := range indexes {
		names[name] = true
	}
	return names, nil
}

// interfaceIndexes returns the numbers of the interfaces that exist in a namespace.
func interfaceIndexes(netns int) (map[string]uint32, error) {
	links, err := listLinks(netns)
	if err != nil {
		return nil, err
	}
	indexes := make(map[string]uint32, len(links))
	for i := range links {
		indexes[links[i].name] = links[i].index
	}
	return indexes, nil
}
