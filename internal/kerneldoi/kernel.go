package kerneldoi

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"labelgate/cipso"
)

const (
	protocolVersion = 3 // of all families of NetLabel
	sysctls         = "/proc/sys/net"
)

// dialer opens a generic netlink socket in the calling thread's network namespace.
type dialer func() (*genetlink.Conn, error)

// patience bounds the wait for an answer, which is there when the request was sent.
const patience = 5 * time.Second

func dial() (*genetlink.Conn, error) {
	conn, err := genetlink.Dial(nil)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// kernel is a connection for the time of one call.
type kernel struct {
	conn  *genetlink.Conn
	cipso genetlink.Family
}

func open(d dialer) (*kernel, error) {
	conn, err := d()
	if errors.Is(err, syscall.EPROTONOSUPPORT) {
		return nil, ErrNoNetLabel // not even generic netlink
	}
	if err != nil {
		return nil, fmt.Errorf("generic netlink: %w", err)
	}
	k := &kernel{conn: conn}
	if k.cipso, err = k.family(cipsoFamily); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

func (k *kernel) close() { k.conn.Close() }

func (k *kernel) family(name string) (genetlink.Family, error) {
	f, err := k.conn.GetFamily(name)
	if errors.Is(err, os.ErrNotExist) {
		return f, absent(here(sysctls))
	}
	if err != nil {
		return f, fmt.Errorf("generic netlink family %s: %w", name, err)
	}
	return f, nil
}

// numbers lists the domains that are defined.
func (k *kernel) numbers() ([]cipso.DOI, error) {
	replies, err := k.conn.Execute(message(cipsoListAll, nil), k.cipso.ID, netlink.Request|netlink.Dump)
	if err != nil {
		return nil, fmt.Errorf("list of domains: %w", explain(err))
	}
	var all []cipso.DOI
	for _, m := range replies {
		d, err := decode(m.Data)
		if err != nil {
			return nil, fmt.Errorf("list of domains: %w", err)
		}
		all = append(all, d.Number)
	}
	return all, nil
}

// look reads one definition.
func (k *kernel) look(number cipso.DOI) (d Definition, found bool, err error) {
	replies, err := k.conn.Execute(message(cipsoList, named(number)), k.cipso.ID, netlink.Request)
	switch {
	case errors.Is(err, syscall.EINVAL), errors.Is(err, os.ErrNotExist):
		// The kernel says EINVAL of a domain that it does not know.
		return Definition{}, false, nil
	case err != nil:
		return Definition{}, false, fmt.Errorf("DOI %d: %w", number, explain(err))
	case len(replies) != 1:
		return Definition{}, false, fmt.Errorf("DOI %d: the kernel gave %d answers", number, len(replies))
	}
	if d, err = decode(replies[0].Data); err != nil {
		return Definition{}, false, fmt.Errorf("DOI %d: %w", number, err)
	}
	d.Number = number // which the answer does not repeat
	return d, true, nil
}

// add defines a domain. The error is os.ErrExist when it is defined already.
func (k *kernel) add(d Definition) error {
	return k.change(cipsoAdd, "define", d.Number, encode(d))
}

// remove removes whatever is defined by this number.
func (k *kernel) remove(number cipso.DOI) error {
	err := k.change(cipsoRemove, "remove", number, named(number))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (k *kernel) change(command uint8, what string, number cipso.DOI, data []byte) error {
	if _, err := k.conn.Execute(message(command, data), k.cipso.ID, netlink.Request|netlink.Acknowledge); err != nil {
		return fmt.Errorf("%s DOI %d: %w", what, number, explain(err))
	}
	return nil
}

func message(command uint8, data []byte) genetlink.Message {
	return genetlink.Message{Header: genetlink.Header{Command: command, Version: protocolVersion}, Data: data}
}
