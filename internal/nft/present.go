package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const skipStats = 1 << 3

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
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
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
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	indexes := make(map[string]uint32, len(replies))
	for _, m := range replies {
		if len(m.Data) < unix.SizeofIfInfomsg {
			return nil, fmt.Errorf("list interfaces: message of %d bytes", len(m.Data))
		}
		attrs, err := netlink.NewAttributeDecoder(m.Data[unix.SizeofIfInfomsg:])
		if err != nil {
			return nil, fmt.Errorf("list interfaces: %w", err)
		}
		for attrs.Next() {
			if attrs.Type() == unix.IFLA_IFNAME {
				indexes[attrs.String()] = binary.NativeEndian.Uint32(m.Data[4:])
			}
		}
		if err := attrs.Err(); err != nil {
			return nil, fmt.Errorf("list interfaces: %w", err)
		}
	}
	return indexes, nil
}
