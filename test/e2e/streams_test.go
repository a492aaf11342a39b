package e2e

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"labelgate/internal/audit"
	"labelgate/internal/lab"
)

// connections: what needs an answer gets one exactly when both ways are open.
func (p *perimeter) connections(t *testing.T) {
	tests := []struct {
		name     string
		from, to string
		proto    lab.Proto
		size     int
		want     lab.Outcome
	}{
		{"labeled and single label", "alice", "pop", lab.TCP, 64 << 10, lab.Passed},
		{"single label and labeled", "pop", "alice", lab.TCP, 64 << 10, lab.Passed},
		{"two domains", "alice", "carol", lab.TCP, 64 << 10, lab.Passed},
		{"@ and single label", "web", "pop", lab.TCP, 64 << 10, lab.Passed},
		{"ambient and ambient", "none", "other", lab.TCP, 64 << 10, lab.Passed},
		{"no rule back", "sec", "alice", lab.TCP, 0, lab.OneWay},
		{"no rule there", "alice", "sec", lab.TCP, 0, lab.Dropped},
		{"no rule there, echo", "alice", "sec", lab.ICMP, 0, lab.Dropped},
		{"labeled and single label, echo", "alice", "pop", lab.ICMP, 0, lab.Passed},
		{"single label and labeled, echo", "pop", "alice", lab.ICMP, 1000, lab.Passed},
		{"two domains, echo", "carol", "alice", lab.ICMP, 0, lab.Passed},
		{"labeled and @, echo", "alice", "web", lab.ICMP, 0, lab.OneWay}, // @ does not come in
		{"fragments to a single label", "alice", "pop", lab.UDP, 4000, lab.Passed},
		{"fragments to a labeled host", "pop", "alice", lab.UDP, 4000, lab.Passed},
		{"fragments into the other domain", "alice", "carol", lab.UDP, 4000, lab.Passed},
		{"fragments, no rule", "bob", "pop", lab.UDP, 4000, lab.Dropped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			probe := lab.Probe{From: tt.from, To: tt.to, Proto: tt.proto, Size: tt.size, Timeout: 3 * time.Second}
			if tt.want != lab.Passed {
				probe.Timeout = 300 * time.Millisecond
			}
			r, err := p.Probe(t.Context(), probe)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome() != tt.want {
				t.Errorf("%v, want %v: %+v", r.Outcome(), tt.want, r)
			}
		})
	}
}

// silentGateway: a gateway without a label of its own neither hears nor speaks.
func (p *perimeter) silentGateway(t *testing.T) {
	for _, proto := range lab.Protos() {
		for _, peer := range []string{"alice", "pop", "gnone"} {
			for _, way := range [][2]string{{peer, lab.GatewayName}, {lab.GatewayName, peer}} {
				t.Run(proto.String()+" "+way[0]+" to "+way[1], func(t *testing.T) {
					t.Parallel()
					r, err := p.Probe(t.Context(), lab.Probe{From: way[0], To: way[1], Proto: proto, Timeout: 200 * time.Millisecond})
					if err != nil {
						t.Fatal(err)
					}
					if r.Outcome() != lab.Dropped {
						t.Errorf("%v: %+v", r.Outcome(), r)
					}
				})
			}
		}
	}
	// Its kernel answers what it may: a packet whose time has run out before it
	// was judged, and one for which there is no way. Neither answer leaves.
	for _, r := range []row{
		{name: "time exceeded, unlabeled", from: "none", to: "pop", ttl: 1},
		{name: "unreachable", from: "none", to: "pop", dst: "10.4.200.1"},
	} {
		t.Run(r.name, func(t *testing.T) {
			port := p.nextPort()
			r.action = "drop"
			p.sent[port] = &r
			p.send(t, &r, port, []byte("no answer"))
			time.Sleep(20 * time.Millisecond)
			gateway := p.address(t, lab.GatewayName, r.from)
			for _, c := range p.cables[r.from].Packets() {
				if ip := c.IPv4(); !c.Outgoing && headerLen(ip) > 0 && netip.AddrFrom4([4]byte(ip[12:16])) == gateway {
					t.Errorf("the gateway said % x", ip)
				}
			}
		})
	}
}

// labeledHost: a machine in host mode is held to the same rules by itself.
func (p *perimeter) labeledHost(t *testing.T) {
	t.Run("its own traffic leaves labeled", func(t *testing.T) {
		n := 0
		for _, c := range p.cables["alice"].Packets() {
			ip := c.IPv4()
			if !c.Outgoing || headerLen(ip) == 0 {
				continue
			}
			n++
			want := append(unhex(t, foo3), 0, 0)
			if h := headerLen(ip); ip[9] == protoICMP && ip[h] == 3 {
				want = optionArea(ip[h+8:]) // it reports a packet, and has that one's label
			}
			if got := optionArea(ip); string(got) != string(want) {
				t.Errorf("options % x, want % x, of % x", got, want, ip)
			}
		}
		if n < 50 {
			t.Errorf("only %d packets were seen", n)
		}
	})
	t.Run("what it refuses does not reach its stack", func(t *testing.T) {
		port := p.nextPort()
		before := len(p.records(t, "alice", 0))
		// Past the gateway: put on the cable right in front of it.
		packet := header{src: p.address(t, "pop", "alice"), dst: p.address(t, "alice", "pop"), proto: protoUDP, options: unhex(t, stranger3), body: udp(port, inboxPort, []byte("x"))}
		if err := p.SendRaw(lab.GatewayName, packet.bytes()); err != nil {
			t.Fatal(err)
		}
		r := p.record(t, "alice", before, ofPort(port))
		if r == nil || r.Reason != "unknown-label" {
			t.Errorf("record %+v", r)
		}
		if _, n := p.boxes["alice"].heard(port); n > 0 {
			t.Error("heard")
		}
	})
	for _, group := range []string{"224.0.0.251", "239.1.2.3", "255.255.255.255", "10.1.0.15"} {
		t.Run("nothing leaves to "+group, func(t *testing.T) {
			port := p.nextPort()
			before := len(p.records(t, "alice", 0))
			if err := p.sendGroup("alice", port, netip.MustParseAddr(group)); err != nil {
				t.Fatal(err)
			}
			r := p.record(t, "alice", before, ofPort(port))
			if r == nil || r.Action != audit.Denied || r.Reason != "group-destination" {
				t.Errorf("record %+v", r)
			}
			if sent := datagrams(p.cables["alice"], "", true, port); len(sent) > 0 {
				t.Errorf("left: % x", sent)
			}
		})
	}
}

// sendGroup sends a datagram to many.
func (p *perimeter) sendGroup(node string, port uint16, group netip.Addr) error {
	return p.Do(node, func() error {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1); err != nil {
			return err
		}
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(port)}); err != nil {
			return err
		}
		err = syscall.Sendto(fd, []byte("to all of you"), 0, &syscall.SockaddrInet4{Port: inboxPort, Addr: group.As4()})
		if err == syscall.EPERM { // the kernel says so when its own filter drops
			err = nil
		}
		return err
	})
}

// noZone: what is between interfaces of no zone is not the gateway's business,
// what would come into a zone is.
func (p *perimeter) noZone(t *testing.T) {
	t.Run("between machines of no zone", func(t *testing.T) {
		before := len(p.records(t, lab.GatewayName, 0))
		for _, proto := range lab.Protos() {
			r, err := p.Probe(t.Context(), lab.Probe{From: "out", To: "beyond", Proto: proto, Timeout: 2 * time.Second})
			if err != nil || r.Outcome() != lab.Passed {
				t.Errorf("%v: %+v, %v", proto, r, err)
			}
		}
		for _, r := range p.records(t, lab.GatewayName, before) {
			if r.Netif == "" && r.OutNetif == "" {
				t.Errorf("the gateway judged %+v", r)
			}
		}
	})
	t.Run("gateway and a machine of no zone", func(t *testing.T) {
		r, err := p.Probe(t.Context(), lab.Probe{From: "out", To: lab.GatewayName, Proto: lab.ICMP, Timeout: 2 * time.Second})
		if err != nil || r.Outcome() != lab.Passed {
			t.Errorf("%+v, %v", r, err)
		}
	})
	p.table(t, []row{
		{name: "into a zone", from: "out", to: "pop", raw: true, action: "drop", reason: "no-zone"},
		{name: "into a zone that accepts", from: "out", to: "gnone", raw: true, action: "drop", reason: "no-zone"},
		{name: "into a zone with a source of its own", from: "out", to: "pop", raw: true, src: "10.4.0.18", action: "drop", reason: "no-zone"},
		{name: "out of a zone", from: "pop", to: "out", action: "drop", reason: "no-destination-zone", subject: ""},
		{name: "out of a zone, labeled", from: "alice", to: "out", action: "drop", reason: "no-destination-zone", subject: ""},
	})
}
