// Package queuetest makes small networks whose packets go through a kernel queue,
// for tests and benchmarks.
package queuetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/internal/queue"
)

// Net is a network namespace with nothing but a loopback device. UDP to Port on it is
// queued at PREROUTING before it is delivered.
type Net struct {
	ns     netns.NsHandle
	number uint16
}

// Port is where packets that are queued go.
const Port = 9000

// ErrUnavailable is matched when the machine cannot have such a network; a test may
// be skipped for it.
var ErrUnavailable = errors.New("needs root: makes a network namespace")

// New makes a namespace whose packets go to a queue.
func New(number uint16) (*Net, error) {
	if os.Geteuid() != 0 {
		return nil, ErrUnavailable
	}
	n := &Net{number: number}
	err := onThread(func() (err error) {
		n.ns, err = netns.New()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	err = n.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(lo); err != nil {
			return err
		}
		return n.queueAll()
	})
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Close gives the namespace up.
func (n *Net) Close() error { return n.ns.Close() }

// FD is a descriptor of the namespace, for queue.Config.NetNS.
func (n *Net) FD() int { return int(n.ns) }

// Number is the queue's.
func (n *Net) Number() uint16 { return n.number }

// Do calls f on a thread in the namespace, which ends with f.
func (n *Net) Do(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(n.ns); err != nil {
			return err
		}
		return f()
	})
}

func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// Stats is the kernel's account of the queue. It fails while nobody owns it.
func (n *Net) Stats() (k queue.KernelStats, err error) {
	err = n.Do(func() error {
		all, err := queue.ReadKernelStats()
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Number == n.number {
				k = one
				return nil
			}
		}
		return fmt.Errorf("queue %d: %w", n.number, os.ErrNotExist)
	})
	return k, err
}

// queueAll installs the rule, by nf_tables' own expression or, where the kernel is
// built without it, by the xtables target.
func (n *Net) queueAll() error {
	err := n.install(&expr.Queue{Num: n.number, Total: 1})
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	info := binary.NativeEndian.AppendUint16(nil, n.number)
	info = binary.NativeEndian.AppendUint16(info, 1)
	unknown := xt.Unknown(append(info, 0, 0, 0, 0))
	return n.install(&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &unknown})
}

func (n *Net) install(toQueue expr.Any) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "queuetest"})
	ch := c.AddChain(&nftables.Chain{
		Table: t, Name: "in", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRef(-450),
	})
	c.AddRule(&nftables.Rule{Table: t, Chain: ch, Exprs: []expr.Any{
		&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: 22, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: binary.BigEndian.AppendUint16(nil, Port)},
		toQueue,
	}})
	return c.Flush()
}
