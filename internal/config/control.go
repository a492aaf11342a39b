package config

// Control says who may talk to the running gateway, and where.
type Control struct {
	Socket  string // absolute path, or "" for none
	Written bool   // the settings have a [control]; without, a socket that cannot be made is no fault
	Group   Name   // who may reach the socket at all; its Text is "" for the gateway's own group
	Readers []Name // may look; each once
	Admins  []Name // may change; root and the gateway's own user always may
}

// Name is a user ("alice", "1000") or a group ("@ops", "@1000"), not looked up:
// another machine may check the settings.
type Name struct {
	Text string
	At   string // file:line:column
}

// Metrics says where metrics can be read.
type Metrics struct {
	Network string // "unix", "tcp", or "" for nowhere
	Address string // absolute path, or address and port on this machine's loopback
}

// DefaultSocket is where the control socket is when the settings have no socket.
const DefaultSocket = "/run/labelgate/control"

// noSocket is written for no control socket.
const noSocket = "none"

// maxSocketPath is how long the path of a Unix socket may be, in bytes (unix(7)).
const maxSocketPath = 107
