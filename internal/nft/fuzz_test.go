package nft

import (
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Whatever a kernel of another time says, reading it ends.
func FuzzKernelMessages(f *testing.F) {
	seed := func(attrs ...netlink.Attribute) {
		b, err := netlink.MarshalAttributes(attrs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(make([]byte, headerLen), b...))
		f.Add(append(make([]byte, unix.SizeofIfInfomsg), b...))
		f.Add(b)
	}
	nested := func(kind uint16, attrs ...netlink.Attribute) netlink.Attribute {
		b, err := netlink.MarshalAttributes(attrs)
		if err != nil {
			f.Fatal(err)
		}
		return netlink.Attribute{Type: kind, Data: b}
	}
	part := func(name string, data ...netlink.Attribute) netlink.Attribute {
		return nested(unix.NFTA_LIST_ELEM, nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, name), nested(unix.NFTA_EXPR_DATA, data...)))
	}
	for _, p := range []netlink.Attribute{
		part("counter", netlink.Attribute{Type: unix.NFTA_COUNTER_PACKETS, Data: make([]byte, 8)}),
		part("immediate", nested(unix.NFTA_IMMEDIATE_DATA, nested(unix.NFTA_DATA_VERDICT,
			netlink.Attribute{Type: unix.NFTA_VERDICT_CODE, Data: []byte{0xff, 0xff, 0xff, 0xfc}}, text(unix.NFTA_VERDICT_CHAIN, "c")))),
		part("queue", netlink.Attribute{Type: queueNumber, Data: []byte{0, 7}}, netlink.Attribute{Type: queueTotal, Data: []byte{0, 2}}),
		part("target", text(unix.NFTA_TARGET_NAME, "NFQUEUE"), netlink.Attribute{Type: targetInfoA, Data: make([]byte, 8)}),
		part("payload", netlink.Attribute{Type: unix.NFTA_PAYLOAD_OFFSET, Data: []byte{0, 0, 0, 16}}),
		part("dup"),
	} {
		seed(text(unix.NFTA_RULE_TABLE, "t"), text(unix.NFTA_RULE_CHAIN, "c"), netlink.Attribute{Type: unix.NFTA_RULE_EXPRESSIONS, Data: p.Data})
	}
	seed(text(unix.NFTA_OBJ_TABLE, "t"), text(unix.NFTA_OBJ_NAME, "c"), netlink.Attribute{Type: unix.NFTA_OBJ_TYPE, Data: []byte{0, 0, 0, unix.NFT_OBJECT_COUNTER}},
		nested(unix.NFTA_OBJ_DATA, netlink.Attribute{Type: unix.NFTA_COUNTER_PACKETS, Data: make([]byte, 8)}))
	seed(text(flowtableTable, "t"), nested(flowtableHook, nested(flowtableDevices, text(1, "g0"), text(devicePrefix, "lan"))))
	seed(text(unix.IFLA_IFNAME, "g0"), nested(unix.IFLA_XDP, netlink.Attribute{Type: xdpAttached, Data: []byte{1}}), nested(unix.IFLA_LINKINFO, text(unix.IFLA_INFO_KIND, "vlan")))
	seed(text(trafficKind, "u32"), nested(trafficOptions, nested(7, nested(1, text(actionKind, "mirred"), nested(actionOptions, netlink.Attribute{Type: mirredParms, Data: make([]byte, 28)})))))
	f.Add([]byte("TCP  0A5B0101:0050 rr \n  -> 0A5B0202:0050      Masq    1      0          0\nFWM  00000007 rr \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerLen {
			_ = new(kernelChain).decode(b)
			_ = new(kernelRule).decode(b)
			_ = new(kernelCounter).decode(b)
			_, _, _ = ruleRewrites(b)
			_ = new(flowtable).decode(b)
			_ = new(foreignRule).decode(b)
		}
		if len(b) >= unix.SizeofIfInfomsg {
			_ = new(kernelLink).decode(b)
		}
		_ = new(filter).decode(b)
		for _, s := range services(string(b)) {
			if strings.ContainsAny(s, "\n") {
				t.Errorf("a service of two lines: %q", s)
			}
		}
	})
}
