// Package orders holds what a test and a Smack guest say to each other: JSON
// objects, one a line, over a console of the guest.
package orders

import (
	"net/netip"

	"labelgate/test/interop/talk"
)

// What a guest can be told.
const (
	Setup    = "setup"    // become a host on the network, with a policy
	Start    = "start"    // start a process with a label
	Talk     = "talk"     // have a process send something
	Quiet    = "quiet"    // no longer record what is allowed
	PowerOff = "poweroff" // end
)

// Order tells a guest to do something.
type Order struct {
	ID    int        `json:"id"` // comes back in the answer; not 0
	Do    string     `json:"do"`
	Host  *Host      `json:"host,omitempty"`  // of Setup
	Label string     `json:"label,omitempty"` // of the process; Start and Talk
	Port  uint16     `json:"port,omitempty"`  // on which it listens; of Start
	Send  *talk.Send `json:"send,omitempty"`  // of Talk
}

// Host is what a guest is to become.
type Host struct {
	Address  netip.Prefix `json:"address"`
	Gateway  netip.Addr   `json:"gateway"`
	DOI      uint32       `json:"doi"`
	Ambient  string       `json:"ambient"`
	Rules    []string     `json:"rules"`    // subject, object and access, as load2 takes them
	Mappings []Mapping    `json:"mappings"` // for cipso2
	Hosts    []string     `json:"hosts"`    // as netlabel takes them
}

// Mapping gives a label its numbers on the wire.
type Mapping struct {
	Label      string `json:"label"`
	Level      int    `json:"level"`
	Categories []int  `json:"categories"`
}

// Event is what a guest says: the answer to an order, or with ID 0 something
// that nobody asked for. Of the pointers at most one is set.
type Event struct {
	ID     int          `json:"id,omitempty"`
	Err    string       `json:"err,omitempty"`
	Ready  string       `json:"ready,omitempty"` // the kernel's version, said once after boot
	Answer *talk.Answer `json:"answer,omitempty"`
	Heard  *talk.Heard  `json:"heard,omitempty"`
	Kernel string       `json:"kernel,omitempty"` // an audit record of the guest's own kernel
}
