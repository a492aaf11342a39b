package metrics

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"labelgate/internal/control"
)

// Listen makes the socket for Serve, here or in another process: a Unix socket at
// a path, which the group gid may reach, or a TCP socket at an address of this
// machine's loopback. Others are refused.
func Listen(network, address string, gid int) (*os.File, error) {
	if network == "unix" {
		return control.Listen(control.Place{Path: address, GID: gid, Make: true})
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("metrics: %q is no address of this machine's loopback", address)
	}
	// Without MPTCP, which is Go's default: Landlock's rules do not hold for it.
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	l, err := c.Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer l.Close() // the file has a descriptor of its own
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return f, nil
}
