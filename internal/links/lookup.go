package links

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// question is what a way is asked for.
type question struct {
	in       uint32 // the interface that the packet came in by, 0 for the machine's own
	src, dst [4]byte
}

// way is how the kernel sends a packet.
type way struct {
	out      uint32
	mtu      int  // the route's own, 0 if it has none
	locked   bool // the route's MTU may not be changed by what is learnt
	gateway  netip.Addr
	headroom int // what the route adds to the packet
}

// lookupTime is the most that a packet may have to wait for the kernel's answer.
// It is there at once as long as the kernel is well.
const lookupTime = 50 * time.Millisecond

var (
	errStays    = errors.New("the packet does not leave")
	errHeadroom = errors.New("what the route adds to the packet is not known")
	errNoRoute  = errors.New("no route in the kernel's answer")
)

// lookup asks how a packet is sent. Without a source it is one of the machine's
// own whose address is not settled.
func (r *rtnetlink) lookup(q question, source bool) (way, error) {
	found, err := r.ask(q, source, 0)
	if err != nil {
		return way{}, err
	}
	if q.in != 0 && found.kind != unix.RTN_UNICAST {
		return way{}, errStays
	}
	y := way{out: found.out, mtu: int(found.mtu), locked: found.locked, gateway: found.gateway}
	ok := false
	if y.headroom, ok = found.headroom(); !ok {
		return way{}, errHeadroom
	}
	// The answer has what was learnt about the path in place of the route's own
	// MTU. A router must not go by it: anybody can send the messages it is learnt
	// from. It does when it was told to, and when what was learnt is so small that
	// the kernel locked it.
	if q.in != 0 && found.expires && found.mtu != 0 && !found.locked && !r.learns() {
		whole, err := r.ask(q, source, unix.RTM_F_FIB_MATCH)
		if err != nil {
			return way{}, err
		}
		y.mtu, y.locked = int(whole.mtu), whole.locked
	}
	return y, nil
}

// ask makes one lookup. The answer is valid until the next.
func (r *rtnetlink) ask(q question, source bool, flags uint32) (found route, err error) {
	body := [unix.SizeofRtMsg]byte{0: unix.AF_INET, 1: 32}
	if source {
		body[2] = 32
	}
	binary.NativeEndian.PutUint32(body[8:], flags)
	m := newRequest(unix.RTM_GETROUTE, 0, r.lookups.next(), body[:]...).with(unix.RTA_DST, q.dst)
	if source {
		m = m.with(unix.RTA_SRC, q.src)
	}
	if q.in != 0 {
		var index [4]byte
		binary.NativeEndian.PutUint32(index[:], q.in)
		m = m.with(unix.RTA_IIF, index)
	}
	answered := false
	err = r.lookups.ask(m, time.Now().Add(lookupTime), func(h header, body []byte) {
		if h.kind == unix.RTM_NEWROUTE {
			found, answered = parseRoute(body)
		}
	})
	if err == nil && !answered {
		err = errNoRoute
	}
	return found, err
}

// openSetting opens net.ipv4.ip_forward_use_pmtu, nil if it cannot be read. The
// file stays with the namespace in which it was opened.
func (r *rtnetlink) openSetting() {
	_ = within(r.ns, func() (err error) {
		r.usePMTU, err = os.Open("/proc/sys/net/ipv4/ip_forward_use_pmtu")
		return err
	})
}

// learns reports whether the kernel forwards by what was learnt about paths. It
// does not unless it was told to.
func (r *rtnetlink) learns() bool {
	var b [1]byte
	if r.usePMTU == nil {
		return false
	}
	n, _ := r.usePMTU.ReadAt(b[:], 0)
	return n == 1 && b[0] != '0'
}
