package e2e

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labelgate/test/long"
)

// discover sends datagrams that must not be fragmented, as large as the sender's
// link allows and then as it is told.
func (r *mtuRun) discover(t *testing.T, row *mtuRow, f mtuFlow, n int, at complain) {
	s, err := r.talk(f.from, f.to, n, unix.IP_PMTUDISC_DO)
	if err != nil {
		at("%v", err)
		return
	}
	defer s.close()
	r.talkers = append(r.talkers, s)
	r.forget(t, f.from.name) // what TCP has learnt
	defer r.forget(t, f.from.name)
	size := r.w.link(f.from.name)
	refusals, last := r.w.refusals(f.from, f.to, n, size)
	if f.from.self && len(refusals) > 0 {
		refusals, last = refusals[:1], 0 // the rest is hostMode's
	}
	for i, want := range refusals {
		row.figures++
		number, e, err := s.try(size)
		switch {
		case err != nil:
			at("datagram of %d bytes: %v", size, err)
		case e == nil:
			at("datagram of %d bytes arrived, want an error that says %d", size, want.mtu)
		case e.mtu != want.mtu || e.by != want.by || e.kind != 3 || e.code != 4:
			at("error %d: %d/%d MTU %d by %v, want 3/4 MTU %d by %v", i, e.kind, e.code, e.mtu, e.by, want.mtu, want.by)
		case s.pathMTU() != want.mtu:
			at("was told an MTU of %d and takes %d for it", e.mtu, s.pathMTU())
		default:
			if complaint := r.quoteOf(s, number, size, e); complaint != "" {
				at("%s", complaint)
				break
			}
			if _, err := s.send(size); err != unix.EMSGSIZE {
				at("was told an MTU of %d and could send %d bytes: %v", e.mtu, size, err)
				break
			}
			s.hear()
			if want.by == routerOf(f.to) {
				s.elsewhere++
			}
			size = want.mtu
			continue
		}
		row.wrong++
		return
	}
	if last == 0 {
		return
	}
	for range long.Count(5, 50) {
		if _, err := s.send(last); err != nil {
			at("datagram of %d bytes: %v", last, err)
			return
		}
	}
}

// try sends a datagram, and waits until it arrives or an error comes back.
func (s *talker) try(size int) (number uint64, e *toldError, err error) {
	for range 3 {
		if number, err = s.send(size); err != nil {
			return number, nil, err
		}
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
			if s.m.sinks[s.to.name].times(number) > 0 {
				return number, nil, nil
			}
			if e, ok := s.hear(); ok {
				return number, &e, nil
			}
		}
	}
	return number, nil, fmt.Errorf("neither arrived nor was an error heard, three times")
}
