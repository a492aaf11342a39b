package nft

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Programs that are attached without a qdisc (Linux 6.6) are in no list of filters;
// bpf(2) tells of them.

// programQuery is what BPF_PROG_QUERY takes and gives, linux/bpf.h.
type programQuery struct {
	link, attachType, queryFlags, attachFlags uint32
	programs                                  uint64
	count, _                                  uint32
	_                                         [4]uint64 // flags, links, their flags, revision
}

const (
	queryPrograms = 16 // BPF_PROG_QUERY

	ingressPrograms = 46 // BPF_TCX_INGRESS
	egressPrograms  = 47
)

// programs asks for each interface of a zone.
func (s *search) programs() error {
	return inside(s.plan.NetNS, func() error {
		for device, place := range s.places {
			link := s.byName[device].index
			if link == 0 {
				continue
			}
			for attachType, where := range map[uint32]string{ingressPrograms: "ingress", egressPrograms: "egress"} {
				n, err := attached(link, attachType)
				if err != nil {
					return err
				}
				if n > 0 {
					s.add(TrafficControl, false, place.of, "%d programs at %s of %s may hand its packets on", n, where, s.describe(device))
				}
			}
		}
		return nil
	})
}

// attached returns how many programs there are. A kernel without them has none.
func attached(link, attachType uint32) (uint32, error) {
	q := programQuery{link: link, attachType: attachType}
	_, _, errno := unix.Syscall(unix.SYS_BPF, queryPrograms, uintptr(unsafe.Pointer(&q)), unsafe.Sizeof(q))
	switch {
	case errno == 0:
		return q.count, nil
	// ENODEV: the interface went meanwhile.
	case errors.Is(errno, unix.EINVAL), errors.Is(errno, unix.ENOSYS), errors.Is(errno, unix.ENOENT), errors.Is(errno, unix.ENODEV), errors.Is(errno, unix.E2BIG):
		return 0, nil
	}
	return 0, errno
}
