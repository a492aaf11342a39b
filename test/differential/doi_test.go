package differential

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The generic netlink family in which NetLabel takes definitions of domains of
// interpretation, version 3.
const (
	nlblFamily  = "NLBL_CIPSOv4"
	nlblVersion = 3
	nlblAdd     = 1
	nlblRemove  = 2

	nlblDOI  = 1 // u32
	nlblType = 2 // u32
	nlblTag  = 3 // u8
	nlblTags = 4 // nest

	nlblPass = 2 // levels and categories mean what they say
)

// netLabel is a connection to the kernel's table of definitions, which is the
// machine's and not a namespace's.
type netLabel struct {
	conn   *netlink.Conn
	family uint16
}

// openNetLabel skips where this kernel has none, or has none here.
func openNetLabel(t *testing.T) *netLabel {
	t.Helper()
	conn, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		t.Skipf("no generic netlink: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	k := &netLabel{conn: conn}
	const controlFamily, getFamily, attrID, attrName = 16, 3, 1, 2
	answers, err := k.execute(controlFamily, netlink.Request, getFamily, 1, func(e *netlink.AttributeEncoder) {
		e.String(attrName, nlblFamily)
	})
	if errors.Is(err, unix.ENOENT) {
		t.Skip("no NetLabel here: a kernel without it, or not the initial network namespace, the only one that defines domains")
	}
	if err != nil {
		t.Fatal("family: ", err)
	}
	for _, answer := range answers {
		if len(answer.Data) < 4 {
			continue
		}
		d, err := netlink.NewAttributeDecoder(answer.Data[4:])
		if err != nil {
			t.Fatal(err)
		}
		for d.Next() {
			if d.Type() == attrID {
				k.family = d.Uint16()
			}
		}
	}
	if k.family == 0 {
		t.Fatal("the family has no number")
	}
	return k
}

// execute sends one command. Those without an answer of their own need to be
// acknowledged; the others must not be, or the acknowledgement would be taken for
// the answer to the next.
func (k *netLabel) execute(family uint16, flags netlink.HeaderFlags, command, version byte, attributes func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	e := netlink.NewAttributeEncoder()
	attributes(e)
	b, err := e.Encode()
	if err != nil {
		return nil, err
	}
	return k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(family), Flags: flags},
		Data:   append([]byte{command, version, 0, 0}, b...),
	})
}

func (k *netLabel) add(doi uint32, tags []byte) error {
	_, err := k.execute(k.family, netlink.Request|netlink.Acknowledge, nlblAdd, nlblVersion, func(e *netlink.AttributeEncoder) {
		e.Uint32(nlblDOI, doi)
		e.Uint32(nlblType, nlblPass)
		e.Nested(nlblTags, func(list *netlink.AttributeEncoder) error {
			for _, tag := range tags {
				list.Uint8(nlblTag, tag)
			}
			return nil
		})
	})
	return err
}

func (k *netLabel) remove(doi uint32) error {
	_, err := k.execute(k.family, netlink.Request|netlink.Acknowledge, nlblRemove, nlblVersion, func(e *netlink.AttributeEncoder) { e.Uint32(nlblDOI, doi) })
	return err
}

// places is how many runs can have domains at a time.
const places = 20

// define gives the kernel domains of interpretation until the test ends. A run
// holds its numbers by a socket of that name. Definitions under numbers that
// nobody holds were left by a run that was killed, and go.
func (k *netLabel) define(t *testing.T, mine ...*domain) {
	t.Helper()
	place := -1
	for i := range places {
		lock, err := net.Listen("unix", fmt.Sprintf("@labelgate-differential-%d", i))
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range domains() {
			if number := d.first + uint32(i); k.remove(number) == nil {
				t.Logf("domain %d was left by a run that was killed", number)
			}
		}
		if place >= 0 {
			lock.Close()
			continue
		}
		place = i
		t.Cleanup(func() { lock.Close() })
	}
	if place < 0 {
		t.Fatalf("%d runs of this test at a time", places)
	}
	for _, d := range mine {
		d.doi = d.first + uint32(place)
		err := k.add(d.doi, d.tags)
		if errors.Is(err, unix.EPERM) {
			t.Skip("needs root: defines domains of interpretation in the kernel")
		}
		if err != nil {
			t.Fatalf("define domain %d: %v", d.doi, err)
		}
		t.Cleanup(func() {
			if err := k.remove(d.doi); err != nil {
				t.Errorf("domain %d stays defined in the kernel: %v", d.doi, err)
			}
		})
	}
}
