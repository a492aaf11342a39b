package nft_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// leads says what a test expects of Bypasses: kind, interface and whether it is
// grave.
func leads(b nft.Bypass) string { return fmt.Sprintf("%v %q %v", b.Kind, b.Interface, b.Grave) }

func TestBypasses(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, l *lab, h *netlink.Handle)
		want []string
		says string // what the first says
	}{
		{"nothing", func(*testing.T, *lab, *netlink.Handle) {}, nil, ""},
		{"filter that redirects", func(t *testing.T, _ *lab, h *netlink.Handle) {
			mirred(t, h, "g0", "g1", netlink.HANDLE_MIN_INGRESS, netlink.TCA_EGRESS_REDIR)
		}, []string{`tc "g0" true`}, "a filter (u32) at ingress of interface g0 of zone src hands packets to interface g1"},
		{"filter that copies", func(t *testing.T, _ *lab, h *netlink.Handle) {
			mirred(t, h, "g1", "other", netlink.HANDLE_MIN_EGRESS, netlink.TCA_EGRESS_MIRROR)
		}, []string{`tc "g1" true`}, "a filter (u32) at egress of interface g1 of zone dst hands copies of packets to interface other"},
		{"filter that sends into a zone", func(t *testing.T, _ *lab, h *netlink.Handle) {
			mirred(t, h, "other", "g1", netlink.HANDLE_MIN_INGRESS, netlink.TCA_EGRESS_REDIR)
		}, []string{`tc "g1" true`}, "at ingress of interface other hands packets to interface g1 of zone dst"},
		{"filter elsewhere", func(t *testing.T, _ *lab, h *netlink.Handle) {
			mirred(t, h, "other", "otherp", netlink.HANDLE_MIN_INGRESS, netlink.TCA_EGRESS_REDIR)
		}, nil, ""},
		{"filter of an outgoing queue", func(t *testing.T, _ *lab, h *netlink.Handle) {
			tbf := netlink.NewHtb(netlink.QdiscAttrs{LinkIndex: linkIndex(t, h, "g0"), Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT})
			must(t, h.QdiscAdd(tbf))
			redirecting(t, h, "g0", "g1", netlink.MakeHandle(1, 0), netlink.TCA_EGRESS_REDIR)
		}, []string{`tc "g0" true`}, "at egress of interface g0"},
		{"program as a filter", func(t *testing.T, _ *lab, h *netlink.Handle) {
			clsact(t, h, "g0")
			must(t, h.FilterAdd(&netlink.BpfFilter{
				FilterAttrs: netlink.FilterAttrs{LinkIndex: linkIndex(t, h, "g0"), Parent: netlink.HANDLE_MIN_INGRESS, Priority: 1, Protocol: unix.ETH_P_ALL},
				Fd:          program(t, unix.BPF_PROG_TYPE_SCHED_CLS), Name: "p", DirectAction: true,
			}))
		}, []string{`tc "g0" false`}, "may hand its packets on"},
		{"program at ingress", func(t *testing.T, l *lab, h *netlink.Handle) {
			attach(t, l, program(t, unix.BPF_PROG_TYPE_SCHED_CLS), linkIndex(t, h, "g1"), 46)
		}, []string{`tc "g1" false`}, "1 programs at ingress of interface g1 of zone dst"},
		{"XDP program", func(t *testing.T, l *lab, h *netlink.Handle) {
			expressPath(t, l, h, "g0")
		}, []string{`xdp "g0" false`}, "XDP program "},
		{"XDP program elsewhere", func(t *testing.T, l *lab, h *netlink.Handle) {
			expressPath(t, l, h, "other")
		}, nil, ""},
		{"upper interface", func(t *testing.T, _ *lab, h *netlink.Handle) {
			must(t, h.LinkAdd(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "upper", ParentIndex: linkIndex(t, h, "g0")}, Mode: netlink.MACVLAN_MODE_BRIDGE}))
		}, []string{`upper-interface "g0" true`}, "interface upper (macvlan) is in no zone and takes frames from the cable of interface g0 of zone src"},
		{"upper interface elsewhere", func(t *testing.T, _ *lab, h *netlink.Handle) {
			must(t, h.LinkAdd(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "upper", ParentIndex: linkIndex(t, h, "other")}, Mode: netlink.MACVLAN_MODE_BRIDGE}))
		}, nil, ""},
		{"rule that hands frames on", func(t *testing.T, l *lab, h *netlink.Handle) {
			frameRule(t, l, "g0", linkIndex(t, h, "g1"))
		}, []string{`frame-rule "g0" true`}, "a rule (dup) in chain c of table netdev foreign hands frames of interface g0 of zone src to another"},
		{"rule that hands frames on elsewhere", func(t *testing.T, l *lab, h *netlink.Handle) {
			frameRule(t, l, "other", linkIndex(t, h, "g1"))
		}, []string{`frame-rule "" false`}, "hands frames to another interface"},
		{"rule of another queue", func(t *testing.T, l *lab, _ *netlink.Handle) { queueRule(t, l, testQueue+1, 1) }, nil, ""},
		{"rule of our queue", func(t *testing.T, l *lab, _ *netlink.Handle) { queueRule(t, l, testQueue, 1) }, []string{`queue-rule "" false`}, "a rule in chain c of table inet foreign"},
		{"rule of many queues", func(t *testing.T, l *lab, _ *netlink.Handle) { queueRule(t, l, testQueue-5, 6) }, []string{`queue-rule "" false`}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.t = t
			l.install()
			h, err := netlink.NewHandleAt(l.gw)
			must(t, err)
			defer h.Close()
			must(t, h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "other"}, PeerName: "otherp"}))
			var w nft.BypassWatch
			if found, err := w.Bypasses(l.plan); len(found) != 0 || err != nil {
				t.Fatalf("before: %v, %v", found, err)
			}
			tt.make(t, l, h)
			for name, look := range map[string]func(nft.Plan) ([]nft.Bypass, error){"Bypasses": nft.Bypasses, "a watch": w.Bypasses} {
				found, err := look(l.plan)
				must(t, err)
				var got []string
				for _, b := range found {
					got = append(got, leads(b))
				}
				if !slices.Equal(got, tt.want) || tt.says != "" && !strings.Contains(found[0].What, tt.says) {
					t.Errorf("%s: %v, want %q, %q", name, found, tt.want, tt.says)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func linkIndex(t *testing.T, h *netlink.Handle, name string) int {
	t.Helper()
	link, err := h.LinkByName(name)
	must(t, err)
	return link.Attrs().Index
}

func clsact(t *testing.T, h *netlink.Handle, device string) {
	t.Helper()
	must(t, h.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: linkIndex(t, h, device), Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}))
}

func mirred(t *testing.T, h *netlink.Handle, from, to string, parent uint32, action netlink.MirredAct) {
	t.Helper()
	clsact(t, h, from)
	redirecting(t, h, from, to, parent, action)
}

func redirecting(t *testing.T, h *netlink.Handle, from, to string, parent uint32, action netlink.MirredAct) {
	t.Helper()
	a := netlink.NewMirredAction(linkIndex(t, h, to))
	a.MirredAction = action
	must(t, h.FilterAdd(&netlink.U32{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: linkIndex(t, h, from), Parent: parent, Priority: 1, Protocol: unix.ETH_P_IP},
		Actions:     []netlink.Action{a},
	}))
}

// program loads one that lets everything pass.
func program(t *testing.T, kind uint32) (fd int) {
	t.Helper()
	verdict := int32(-1) // TCX_NEXT
	if kind == unix.BPF_PROG_TYPE_XDP {
		verdict = 2 // XDP_PASS
	}
	code := binary.NativeEndian.AppendUint32([]byte{0xb7, 0, 0, 0}, uint32(verdict)) // r0 = verdict
	code = append(code, 0x95, 0, 0, 0, 0, 0, 0, 0)                                   // exit
	license := []byte("GPL\x00")
	attr := struct {
		kind, count           uint32
		code, license         uint64
		level, size           uint32
		log                   uint64
		version, flags        uint32
		name                  [16]byte
		device, attachType, _ uint32
	}{kind: kind, count: 2, code: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0])))}
	const load = 5 // BPF_PROG_LOAD
	r, _, errno := unix.Syscall(unix.SYS_BPF, load, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		t.Skipf("needs BPF programs: %v", errno)
	}
	t.Cleanup(func() { unix.Close(int(r)) })
	return int(r)
}

// expressPath puts a program in front of an interface.
func expressPath(t *testing.T, l *lab, h *netlink.Handle, device string) {
	t.Helper()
	link, err := h.LinkByName(device)
	must(t, err)
	fd := program(t, unix.BPF_PROG_TYPE_XDP)
	const anyDriver = 1 << 1 // XDP_FLAGS_SKB_MODE
	l.inside(l.gw, func() { err = netlink.LinkSetXdpFdWithFlags(link, fd, anyDriver) })
	must(t, err)
}

// attach links a program to an interface without a qdisc.
func attach(t *testing.T, l *lab, fd, link int, attachType uint32) {
	t.Helper()
	attr := struct {
		program, link, attachType, flags uint32
		relative, _                      uint32
		revision                         uint64
	}{program: uint32(fd), link: uint32(link), attachType: attachType}
	const create = 28 // BPF_LINK_CREATE
	var r uintptr
	var errno unix.Errno
	l.inside(l.gw, func() {
		r, _, errno = unix.Syscall(unix.SYS_BPF, create, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	})
	if errno != 0 {
		t.Skipf("needs programs without a qdisc (Linux 6.6): %v", errno)
	}
	t.Cleanup(func() { unix.Close(int(r)) })
}

// frameRule is somebody else's rule that sends frames on.
func frameRule(t *testing.T, l *lab, device string, to int) {
	t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	must(t, err)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "foreign"})
	chain := c.AddChain(&nftables.Chain{
		Table: table, Name: "c", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityRef(0), Device: device,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Immediate{Register: 1, Data: binary.NativeEndian.AppendUint32(nil, uint32(to))},
		&expr.Dup{RegDev: 1, IsRegDevSet: true},
	}})
	if err := c.Flush(); err != nil {
		t.Skipf("needs rules that hand frames on: %v", err)
	}
}

// queueRule is somebody else's rule that queues.
func queueRule(t *testing.T, l *lab, first, total uint16) {
	t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(int(l.gw)))
	must(t, err)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "foreign"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "c"})
	info := binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, first), total)
	unknown := xt.Unknown(append(info, 0, 0, 0, 0))
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &unknown}}})
	if c.Flush() == nil {
		return
	}
	c.AddTable(table)
	c.AddChain(chain)
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Queue{Num: first, Total: total}}})
	must(t, c.Flush())
}
