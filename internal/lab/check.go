package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// maxName is the number of bytes of a lab's or node's name.
const maxName = 32

// report takes one thing that is wrong with the value at a path of the file.
type report func(path, hint, format string, args ...any)

// Check says what is wrong with a topology that was not read from a file.
func (t *Topology) Check() error {
	var wrong []error
	t.check(func(path, hint, format string, args ...any) {
		err := fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
		if hint != "" {
			err = fmt.Errorf("%w (%s)", err, hint)
		}
		wrong = append(wrong, err)
	})
	return errors.Join(wrong...)
}

func (t *Topology) check(wrong report) {
	checkName(wrong, "name", t.Name, "the lab")
	if t.Config == "" {
		wrong("gateway.config", `write [gateway] and config = "labelgate.toml"`, "the gateway has no config")
	}
	if len(t.Hosts) == 0 {
		wrong("host", "write a [[host]]", "there is no host")
	}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		at := func(key string) string { return fmt.Sprintf("host[%d].%s", i, key) }
		checkName(wrong, at("name"), h.Name, "this [[host]]")
		if h.Name == GatewayName {
			wrong(at("name"), "", "%q is the node between the hosts", h.Name)
		}
		h.checkInterface(wrong, at)
		h.checkAddress(wrong, at)
		h.checkLabel(wrong, at)
		for j := range t.Hosts[:i] {
			h.checkAgainst(wrong, at, &t.Hosts[j])
		}
	}
	t.checkExpect(wrong)
}

func checkName(wrong report, path, name, what string) {
	switch {
	case name == "":
		wrong(path, "", "%s has no name", what)
	case len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || name[0] == '-':
		wrong(path, "", "%q: a name is 1..%d of a-z, 0-9 and -, and does not begin with -", name, maxName)
	}
}

func (h *Host) checkInterface(wrong report, at func(string) string) {
	switch {
	case h.Interface == "":
		wrong(at("interface"), "it is the name of the gateway's end of its cable, as the gateway's zones name it", "this [[host]] has no interface")
	case len(h.Interface) > 15 || strings.ContainsAny(h.Interface, "/: \t\n\"\\") || h.Interface == "." || h.Interface == ".." || h.Interface == "lo":
		wrong(at("interface"), "", "%q cannot be the name of a network interface", h.Interface)
	}
	// 68 is the least that IPv4 works with (RFC 791), 65535 the most.
	if h.MTU != 0 && (h.MTU < 68 || h.MTU > 65535) {
		wrong(at("mtu"), "", "mtu must be 68..65535, this is %d", h.MTU)
	}
}

func (h *Host) checkAddress(wrong report, at func(string) string) {
	if !h.Address.IsValid() {
		wrong(at("address"), "write it with its prefix, as in 192.0.2.2/28", "this [[host]] has no address")
		return
	}
	if !h.Address.Addr().Is4() {
		wrong(at("address"), "", "%s is not IPv4, the only protocol that a gateway can label", h.Address)
		return
	}
	if h.Address.Bits() > 30 {
		wrong(at("address"), "take a prefix of 30 or less", "%s has no room for the gateway", h.Address)
		return
	}
	if !usable(h.Address, h.Address.Addr()) {
		wrong(at("address"), "", "%s is the subnet itself or its broadcast address", h.Address)
	}
	switch {
	case !h.Gateway.IsValid():
		wrong(at("gateway"), "", "this [[host]] has no gateway address")
	case !h.Address.Contains(h.Gateway) || !usable(h.Address, h.Gateway):
		wrong(at("gateway"), "", "%s is not an address of a machine in %s", h.Gateway, h.Address.Masked())
	case h.Gateway == h.Address.Addr():
		wrong(at("gateway"), "", "%s is the host itself", h.Gateway)
	}
}

// usable reports whether an address of a subnet can be a machine's.
func usable(subnet netip.Prefix, a netip.Addr) bool {
	first := subnet.Masked().Addr()
	return a != first && subnet.Contains(a.Next())
}

func (h *Host) checkLabel(wrong report, at func(string) string) {
	switch {
	case h.Label == "" && h.DOI != 0:
		wrong(at("doi"), "give the host a label, or leave out doi", "a host without a label speaks no DOI")
	case h.Label == "" && h.Policy != "":
		wrong(at("policy"), "give the host a label, or leave out policy", "a host without a label has no policy")
	case h.Label != "" && h.DOI == 0:
		wrong(at("label"), "add doi = 3, or another that the gateway knows", "a labeled host needs a doi")
	}
	if strings.ContainsAny(h.Label, "/\"\\' \t\n") || strings.HasPrefix(h.Label, "-") || h.Label == "@" || h.Label == "*" || h.Label == "?" {
		wrong(at("label"), "", "%q cannot be the label of a host", h.Label)
	}
}

func (h *Host) checkAgainst(wrong report, at func(string) string, other *Host) {
	if h.Name != "" && h.Name == other.Name {
		wrong(at("name"), "", "there are two hosts named %q", h.Name)
	}
	if h.Interface != "" && h.Interface == other.Interface {
		wrong(at("interface"), "", "%s is the cable of %s", h.Interface, other.Name)
	}
	if h.Address.IsValid() && other.Address.IsValid() && h.Address.Masked().Overlaps(other.Address.Masked()) {
		wrong(at("address"), "give every host a subnet of its own", "%s overlaps the subnet of %s, %s", h.Address.Masked(), other.Name, other.Address.Masked())
	}
}
