package daemon

import (
	"labelgate/internal/queue"
	"labelgate/internal/split"
)

// selfTests are packets that no policy lets through: a judge that does is not one.
// They come in by no interface.
var selfTests = made([]selfTest{
	{"an empty packet", queue.Prerouting, nil},
	{"half a header", queue.Forward, []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17}},
	{"a header that is longer than its packet", queue.Prerouting, []byte{0x4f, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}},
	{"an option that never ends", queue.Prerouting, []byte{
		0x48, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0x6c, 0xc6, 192, 0, 2, 1, 192, 0, 2, 2, 134, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0,
	}},
	{"a packet from nowhere", queue.Forward, []byte{
		0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0xf6, 0xd5, 192, 0, 2, 1, 192, 0, 2, 2,
	}},
})

type selfTest struct {
	name   string
	hook   queue.Hook
	packet []byte
}

func made(tests []selfTest) []split.Test {
	all := make([]split.Test, len(tests))
	for i, t := range tests {
		all[i] = split.Test{Name: t.name, Packet: queue.Packet{Hook: t.hook, Protocol: 0x0800, Payload: t.packet}, MustDrop: true}
	}
	return all
}
