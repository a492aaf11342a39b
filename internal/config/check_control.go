package config

import (
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func (c *checker) control(e *entry[rawControl]) Control {
	r := &e.value
	control := Control{Socket: DefaultSocket, Written: e.set, Group: c.group(r.group)}
	switch {
	case r.socket.value == noSocket:
		control.Socket = ""
	case r.socket.set:
		control.Socket = c.socketPath(r.socket, "socket", r.socket.value)
	}
	control.Readers, control.Admins = c.names(r.readers, "readers"), c.names(r.admins, "admins")
	for _, n := range control.Admins {
		if slices.ContainsFunc(control.Readers, func(m Name) bool { return m.Text == n.Text }) {
			for _, t := range r.readers.value {
				if t.value == n.Text {
					c.problem(t.at, "duplicate", "leave it out here: admins may do what readers may", "%q is one of the admins already", n.Text)
				}
			}
		}
	}
	return control
}

// socketPath returns the absolute path of a Unix socket.
func (c *checker) socketPath(t text, name, value string) string {
	if strings.HasPrefix(value, "@") {
		c.problem(t.at, "value", "write a path", "%s cannot be an abstract socket: it has no owner and no mode", name)
		return ""
	}
	t.value = value
	path := c.path(t, name, "")
	if path == "" {
		return ""
	}
	path = filepath.Clean(path)
	if len(path) > maxSocketPath {
		c.problem(t.at, "value", "", "%s: the path of a socket has at most %d bytes, this one has %d", name, maxSocketPath, len(path))
	}
	return path
}

func (c *checker) group(t text) Name {
	if !t.set {
		return Name{}
	}
	if strings.HasPrefix(t.value, "@") {
		c.problem(t.at, "value", "leave out the @", "group is a group and nothing else")
		return Name{}
	}
	return c.name(t, "group", t.value)
}

func (c *checker) names(list texts, key string) []Name {
	var names []Name
	for _, t := range list.value {
		if slices.ContainsFunc(names, func(n Name) bool { return n.Text == t.value }) {
			c.problem(t.at, "duplicate", "", "%q is named twice", t.value)
			continue
		}
		if n := c.name(t, key, strings.TrimPrefix(t.value, "@")); n.Text != "" {
			names = append(names, n)
		}
	}
	return names
}

// overflow is the number by which the kernel shows users and groups that it cannot
// express, such as those of another user namespace.
const overflow = 65534

// name checks one name, bare without its @, by the rules of useradd and of the
// directories that let names have dots and capitals.
func (c *checker) name(t text, key, bare string) Name {
	line, column, _ := c.doc.position(t.at)
	name := Name{Text: t.value, At: fmt.Sprintf("%s:%d:%d", c.doc.path, line, column)}
	if number, err := strconv.ParseUint(bare, 10, 64); err == nil {
		switch {
		case number >= math.MaxUint32: // the last one means "none" to the kernel
			c.problem(t.at, "range", "", "%s: %s is not the number of a user or group", key, bare)
		case number == overflow:
			c.problem(t.at, "value", "", "%s: %d is also what the kernel calls everybody of another user namespace", key, overflow)
		default:
			return name
		}
		return Name{}
	}
	ok := bare != "" && len(bare) <= 64 && bare[0] != '-'
	for _, b := range []byte(bare) {
		ok = ok && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("._-$", b) >= 0)
	}
	if !ok {
		c.problem(t.at, "value", `write a user as "alice" or "1000", a group as "@ops" or "@1000"`, "%s: %q is not a name", key, t.value)
		return Name{}
	}
	return name
}

// metrics checks where metrics are served: nowhere that another machine reaches.
func (c *checker) metrics(m *rawMetrics) Metrics {
	t := m.listen
	if !t.set {
		return Metrics{}
	}
	if path, ok := strings.CutPrefix(t.value, "unix:"); ok {
		return Metrics{Network: "unix", Address: c.socketPath(t, "listen", path)}
	}
	const hint = `write "unix:/run/labelgate/metrics", "127.0.0.1:9469" or "[::1]:9469"`
	at, err := netip.ParseAddrPort(t.value)
	switch {
	case err != nil:
		c.problem(t.at, "value", hint, "listen: %q is neither a socket nor an address with a port", t.value)
	case !at.Addr().Unmap().IsLoopback() || at.Addr().Zone() != "":
		c.problem(t.at, "value", hint+"; whoever collects metrics from elsewhere comes through a proxy of yours",
			"listen: %s can be reached from other machines, who are not to see what passes here", at.Addr())
	case at.Port() == 0:
		c.problem(t.at, "value", hint, "listen: port 0 is none")
	default:
		return Metrics{Network: "tcp", Address: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()}
	}
	return Metrics{}
}

// sockets checks that two services do not want one socket.
func (c *checker) sockets(m *rawMetrics, config *Config) {
	if config.Metrics.Network == "unix" && config.Metrics.Address != "" && config.Metrics.Address == config.Control.Socket {
		c.problem(m.listen.at, "duplicate", "", "listen is the control socket")
	}
}
