package nft

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"labelgate/internal/mark"
)

// Registers. The second follows the first at 16 bytes, the length of an
// interface's name, so that both together are a key.
const (
	register     = unix.NFT_REG_1
	nextRegister = unix.NFT_REG_2
)

// number is a value as registers hold it that come from the packet's metadata:
// in host byte order.
func number(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func ifname(name string) []byte { return append([]byte(name), make([]byte, 16-len(name))...) }

func from(set setID) []expr.Any { return ifaceIn(expr.MetaKeyIIFNAME, set) }

func notFrom(set setID) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: register}, notIn(set)}
}

func to(set setID) []expr.Any { return ifaceIn(expr.MetaKeyOIFNAME, set) }

func ifaceIn(key expr.MetaKey, set setID) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: register},
		in(set),
	}
}

// in matches packets whose value in the register is in the set.
func in(set setID) *expr.Lookup {
	return &expr.Lookup{SourceRegister: register, SetName: set.name(), SetID: uint32(set)}
}

func notIn(set setID) *expr.Lookup {
	lookup := in(set)
	lookup.Invert = true
	return lookup
}

// leaving matches a packet whose outgoing interface and mark, as far as it says
// that the packet may leave to that interface's zone, are in the set.
func leaving(set setID) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: register},
		&expr.Meta{Key: expr.MetaKeyMARK, Register: nextRegister},
		masked(nextRegister, number(uint32(mark.StateMask|mark.ZoneMask))),
		in(set),
	}
}

// markIs matches packets whose mark, under the mask, is m.
func markIs(mask, m mark.Mark) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register},
		masked(register, number(uint32(mask))),
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: number(uint32(m))},
	}
}

func setMark(m mark.Mark) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: register, Data: number(uint32(m))},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: register},
	}
}

// changeMark clears some bits of the mark and sets others; the rest stays.
func changeMark(clear, set mark.Mark) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 4,
			Mask: number(uint32(^(clear | set))), Xor: number(uint32(set)),
		},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: register},
	}
}

// fromSocket matches packets that a socket of this network namespace sent.
func fromSocket() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeySKUID, Register: register}}
}

// addressIsLocal matches packets to one of this machine's unicast addresses, as
// the routing tables see it now.
func addressIsLocal() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: register, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: number(unix.RTN_LOCAL)},
	}
}

// livesBehind matches packets whose source the routing tables would reach by one of
// these interfaces.
func livesBehind(set setID) []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: register, FlagSADDR: true, ResultOIFNAME: true},
		in(set),
	}
}

// sourceIsNot and destinationIsNot match packets with an address of another kind
// than these, numbers of linux/rtnetlink.h. The kernel tells its own addresses, those
// of 127/8 among them, from broadcast addresses, those of 0/8 among them, and from
// groups; all others are unicast.
func sourceIsNot(kinds ...uint32) []expr.Any {
	return kindIsNot(&expr.Fib{Register: register, FlagSADDR: true, ResultADDRTYPE: true}, kinds)
}

func destinationIsNot(kinds ...uint32) []expr.Any {
	return kindIsNot(&expr.Fib{Register: register, FlagDADDR: true, ResultADDRTYPE: true}, kinds)
}

func kindIsNot(address *expr.Fib, kinds []uint32) []expr.Any {
	parts := []expr.Any{address}
	for _, k := range kinds {
		parts = append(parts, &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: number(k)})
	}
	return parts
}

// toLoopback matches packets to 127/8, which the kernel takes for its own and then,
// since they came from outside, does not want.
func toLoopback() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{127}},
	}
}

// hasOptions matches packets whose IPv4 header is longer than 20 bytes.
func hasOptions() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 0, Len: 1},
		masked(register, []byte{0x0f}),
		&expr.Cmp{Op: expr.CmpOpGt, Register: register, Data: []byte{5}},
	}
}

// isFragment matches packets that are a part of a datagram: the flag for more
// fragments is set, or the offset is not zero (RFC 791 section 3.1).
func isFragment() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 6, Len: 2},
		masked(register, []byte{0x3f, 0xff}),
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{0, 0}},
	}
}

// mustNotBeCut matches packets that say so (RFC 791 section 3.1).
func mustNotBeCut() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 6, Len: 1},
		masked(register, []byte{0x40}),
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{0}},
	}
}

// longerThan matches packets of more than n bytes, as their header says.
func longerThan(n uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpGt, Register: register, Data: binary.BigEndian.AppendUint16(nil, n)},
	}
}

func notTCP() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{unix.IPPROTO_TCP}},
	}
}

func masked(reg uint32, mask []byte) *expr.Bitwise {
	return &expr.Bitwise{
		SourceRegister: reg, DestRegister: reg,
		Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask)),
	}
}

func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

// continueAt goes on in another chain and does not come back.
func continueAt(chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}}
}

// countDrop counts for as long as the table is there: see counters.
func countDrop(counter string) []expr.Any {
	return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCounter), Name: counter}, &expr.Verdict{Kind: expr.VerdictDrop}}
}

// nfqueueRevision is the target's only revision that separates the number of
// queues from the flags.
const nfqueueRevision = 3

// toQueue hands the packet to one queue. The flags are zero: bit 0 would let
// packets pass while nobody listens.
func toQueue(backend Backend, queue uint16) []expr.Any {
	if backend == Native {
		return []expr.Any{&expr.Queue{Num: queue, Total: 1}}
	}
	// struct xt_NFQ_info_v3: number, count and flags, padded to eight bytes.
	info := binary.NativeEndian.AppendUint16(nil, queue)
	info = binary.NativeEndian.AppendUint16(info, 1)
	info = binary.NativeEndian.AppendUint16(info, 0)
	unknown := xt.Unknown(append(info, 0, 0))
	return []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: nfqueueRevision, Info: &unknown}}
}
