package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bulkPort is where hosts take bulk data and send it back.
const bulkPort = 7778

// server answers connections with what they sent.
type server struct {
	listener *net.TCPListener
	done     sync.WaitGroup
}

func (m *mtuBench) serve(t *testing.T, p party) {
	t.Helper()
	s := &server{}
	must(t, m.Do(p.name, func() (err error) {
		s.listener, err = net.ListenTCP("tcp4", &net.TCPAddr{Port: bulkPort})
		return err
	}))
	s.done.Go(s.run)
	m.servers[p.name] = s
	t.Cleanup(func() {
		s.listener.Close()
		s.done.Wait()
	})
}

func (s *server) run() {
	for {
		c, err := s.listener.AcceptTCP()
		if err != nil {
			return
		}
		s.done.Go(func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(bulkPatience))
			var size [8]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			data := make([]byte, binary.BigEndian.Uint64(size[:]))
			if _, err := io.ReadFull(c, data); err == nil {
				c.Write(data)
				c.Read(size[:]) // until the other side is through with it
			}
		})
	}
}

// bulkPatience is what a transfer may take on a machine under load.
const bulkPatience = 20 * time.Second

// bulk sends so many bytes and takes them back. It returns the connection's own
// half as the sniffers name it.
func (m *mtuBench) bulk(from, to party, n, size int, patience time.Duration) (c conversation, err error) {
	local := netip.AddrPortFrom(from.address(n), uint16(m.port.Add(1)))
	c = conversation{local, netip.AddrPortFrom(to.address(n), bulkPort)}
	var conn net.Conn
	err = m.Do(from.name, func() (err error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local), Timeout: patience, Control: func(_, _ string, raw syscall.RawConn) (err error) {
			option := optionOf(from.doi, n)
			if from.self || len(option) == 0 {
				return nil
			}
			controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptString(int(fd), unix.SOL_IP, unix.IP_OPTIONS, string(option)) })
			return errors.Join(err, controlErr)
		}}
		conn, err = d.Dial("tcp4", c.dst.String())
		return err
	})
	if err != nil {
		return c, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	data := numbered(m.ids.Add(1), size)
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(append(binary.BigEndian.AppendUint64(nil, uint64(size)), data...))
		written <- err
	}()
	back := make([]byte, size)
	got, err := io.ReadFull(conn, back)
	if err := errors.Join(err, <-written); err != nil {
		return c, fmt.Errorf("%d of %d bytes came back: %w", got, size, err)
	}
	if !bytes.Equal(back, data) {
		return c, errors.New("other bytes came back")
	}
	// Nothing of it is to be on its way when a host gets another label.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return c, err
	}
	if n, err := conn.Read(back); err != io.EOF {
		return c, fmt.Errorf("%d bytes too many came back: %w", n, err)
	}
	return c, nil
}
