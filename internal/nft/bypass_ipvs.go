package nft

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
)

// virtualServers looks for services of IPVS. What comes for one is judged as for this
// machine, and goes on to a real server as if this machine had sent it: under the
// machine's own label, whoever sent it.
func (s *search) virtualServers() error {
	table, err := readInside(s.plan.NetNS, "/proc/thread-self/net/ip_vs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel without it
	}
	if err != nil {
		return err
	}
	for _, service := range services(string(table)) {
		s.add(VirtualServer, true, "", "IPVS sends what comes for %s on to other hosts as if this machine had sent it", service)
	}
	return nil
}

// services reads the kernel's list: a line for each service, and lines that begin with
// an arrow for its servers.
func services(table string) (services []string) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "TCP", "UDP", "SCTP":
			services = append(services, fields[0]+" "+service(fields[1]))
		case "FWM":
			services = append(services, "mark 0x"+strings.TrimLeft(fields[1], "0"))
		}
	}
	return services
}

// service rewrites an IPv4 address and port from the hexadecimal digits that the
// kernel shows; an IPv6 one is shown as people write it.
func service(s string) string {
	address, port, _ := strings.Cut(s, ":")
	a, err := hex.DecodeString(address)
	p, err2 := hex.DecodeString(port)
	if err != nil || err2 != nil || len(a) != 4 || len(p) != 2 {
		return s
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a)), binary.BigEndian.Uint16(p)).String()
}
