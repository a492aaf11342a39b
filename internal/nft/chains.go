package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernelChain is a chain as the kernel tells of it, with what the library leaves
// out.
type kernelChain struct {
	family      nftables.TableFamily
	table, name string
	kind        nftables.ChainType // valid iff base
	base        bool               // it is attached to a hook
	hook        nftables.ChainHook // valid iff base
	priority    nftables.ChainPriority
	policy      nftables.ChainPolicy // valid iff base
	devices     []string             // of the netdev family
	use         uint32               // rules in it, and jumps to it
}

// listChains returns the chains of a family, of all of them for
// nftables.TableFamilyUnspecified.
func listChains(netns int, family nftables.TableFamily) ([]kernelChain, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	replies, err := dump(conn, unix.NFT_MSG_GETCHAIN, family)
	if err != nil {
		return nil, err
	}
	chains := make([]kernelChain, len(replies))
	for i, m := range replies {
		if err := chains[i].decode(m.Data); err != nil {
			return nil, fmt.Errorf("chain: %w", err)
		}
	}
	return chains, nil
}

// headerLen is the length of struct nfgenmsg.
const headerLen = 4

// dump asks for all there is of a kind in a family that has these attributes.
func dump(conn *netlink.Conn, kind netlink.HeaderType, family nftables.TableFamily, filter ...netlink.Attribute) ([]netlink.Message, error) {
	attrs, err := netlink.MarshalAttributes(filter)
	if err != nil {
		return nil, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | kind, Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{byte(family), unix.NFNETLINK_V0, 0, 0}, attrs...),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range replies {
		if len(m.Data) < headerLen {
			return nil, fmt.Errorf("message of %d bytes", len(m.Data))
		}
	}
	return replies, nil
}

// Attributes of linux/netfilter/nf_tables.h.
const (
	hookDevices  = 4 // NFTA_HOOK_DEVS
	devicePrefix = 2 // NFTA_DEVICE_PREFIX
)

// text is an attribute that holds a string.
func text(kind uint16, s string) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: append([]byte(s), 0)}
}

// decode reads a message whose header is complete.
func (c *kernelChain) decode(b []byte) error {
	c.family = nftables.TableFamily(b[0])
	attrs, err := netlink.NewAttributeDecoder(b[headerLen:])
	if err != nil {
		return err
	}
	attrs.ByteOrder = binary.BigEndian
	for attrs.Next() {
		switch attrs.Type() {
		case unix.NFTA_CHAIN_TABLE:
			c.table = attrs.String()
		case unix.NFTA_CHAIN_NAME:
			c.name = attrs.String()
		case unix.NFTA_CHAIN_TYPE:
			c.kind = nftables.ChainType(attrs.String())
		case unix.NFTA_CHAIN_POLICY:
			c.policy = nftables.ChainPolicy(attrs.Uint32())
		case unix.NFTA_CHAIN_USE:
			c.use = attrs.Uint32()
		case unix.NFTA_CHAIN_HOOK:
			c.base = true
			attrs.Nested(c.decodeHook)
		}
	}
	return attrs.Err()
}

func (c *kernelChain) decodeHook(hook *netlink.AttributeDecoder) error {
	for hook.Next() {
		switch hook.Type() {
		case unix.NFTA_HOOK_HOOKNUM:
			c.hook = nftables.ChainHook(hook.Uint32())
		case unix.NFTA_HOOK_PRIORITY:
			c.priority = nftables.ChainPriority(hook.Uint32())
		case unix.NFTA_HOOK_DEV: // older kernels tell of one so
			if len(c.devices) == 0 {
				c.devices = []string{hook.String()}
			}
		case hookDevices:
			hook.Nested(func(devices *netlink.AttributeDecoder) error {
				c.devices = deviceNames(devices)
				return nil
			})
		}
	}
	return nil
}
