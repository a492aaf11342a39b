package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/hostmap"
	"labelgate/netlabel"
)

// gateway is a snapshot with a rule set and a host table of some size. Its zones
// are red and green, which label in DOI 3, blue in DOI 16, and gray, which knows
// no labels and whose networks have one each.
type gateway struct {
	snapshot *netlabel.Snapshot
	set      *set
	hosts    int
	zones    map[string]netlabel.Zone
	subjects map[uint32][]uint32 // by object: who may write to it
	rules    map[pair]bool       // pairs that may write
	random   *rand.Rand
}

func newGateway(s *set, hosts int) (*gateway, error) {
	b, err := s.builder()
	if err != nil {
		return nil, err
	}
	network := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	spec := netlabel.Spec{
		Rules: b,
		DOIs: []netlabel.DOISpec{
			{Number: 3, Tags: []cipso.TagType{cipso.TagRestricted}},
			{Number: 16, Tags: []cipso.TagType{cipso.TagEnumerated, cipso.TagRestricted}},
		},
		Zones: []netlabel.ZoneSpec{
			{Name: "red", Networks: network("10.1.0.0/16"), Trust: netlabel.Require, DOI: 3},
			{Name: "green", Networks: network("10.3.0.0/16"), Trust: netlabel.Require, DOI: 3},
			{Name: "blue", Networks: network("10.2.0.0/16"), Trust: netlabel.Require, DOI: 16},
			{Name: "gray", Networks: network("10.128.0.0/9"), Trust: netlabel.Refuse},
		},
	}
	for i := range hosts {
		spec.Hosts = append(spec.Hosts, hostmap.Entry{
			Prefix: netip.PrefixFrom(grayNetwork(i, 0), 24),
			Label:  labelName(uint32(i % s.labels)),
			File:   "netlabel", Line: i + 1,
		})
	}
	snapshot, err := netlabel.Compile(spec)
	if err != nil {
		return nil, err
	}
	g := &gateway{
		snapshot: snapshot, set: s, hosts: hosts,
		zones: map[string]netlabel.Zone{}, subjects: map[uint32][]uint32{}, rules: map[pair]bool{},
		random: rand.New(rand.NewPCG(4, uint64(hosts))),
	}
	for _, z := range spec.Zones {
		g.zones[z.Name], _ = snapshot.ZoneNamed(z.Name)
	}
	for i, p := range s.pairs {
		if writes(i) {
			g.subjects[p.object] = append(g.subjects[p.object], p.subject)
			g.rules[p] = true
		}
	}
	return g, nil
}

// grayNetwork returns an address in the i-th network that has a label.
func grayNetwork(i int, host byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(128 + i>>8), byte(i), host})
}

// single picks a network at random and returns an address in it and its label.
func (g *gateway) single() (netip.Addr, uint32) {
	i := g.random.IntN(g.hosts)
	return grayNetwork(i, byte(1+g.random.IntN(254))), uint32(i % g.set.labels)
}

// in returns an address in one of the labeled zones.
func (g *gateway) in(second byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, second, byte(g.random.IntN(256)), byte(1 + g.random.IntN(254))})
}

// option returns a label's option in a domain of interpretation.
func (g *gateway) option(number cipso.DOI, label uint32) []byte {
	l, ok := g.snapshot.Policy().Lookup(labelName(label))
	if !ok || l == engine.Unknown {
		return nil
	}
	return g.snapshot.Encoding(number, l)
}

// traffic is one kind of packet: where it comes from and what becomes of it.
type traffic struct {
	name   string
	id     string
	from   string // zone
	action netlabel.Action
	make   func(g *gateway) []byte
}

func kinds() []traffic {
	return []traffic{
		{"labeled to single label: option off", "strip", "red", netlabel.Strip, func(g *gateway) []byte {
			for {
				to, object := g.single()
				if from := g.subjects[object]; len(from) > 0 {
					return datagram(g.in(1), to, g.option(3, from[g.random.IntN(len(from))]))
				}
			}
		}},
		{"single label to labeled: option on", "add", "gray", netlabel.Add, func(g *gateway) []byte {
			from, _ := g.single()
			return datagram(from, g.in(1), nil)
		}},
		{"labeled to labeled: unchanged", "pass-labeled", "red", netlabel.Pass, func(g *gateway) []byte {
			return datagram(g.in(1), g.in(3), g.option(3, uint32(g.random.IntN(g.set.labels))))
		}},
		{"single label to single label: unchanged", "pass-unlabeled", "gray", netlabel.Pass, func(g *gateway) []byte {
			for {
				from, subject := g.single()
				to, object := g.single()
				if subject == object || g.rules[pair{subject, object}] {
					return datagram(from, to, nil)
				}
			}
		}},
		{"labeled to labeled: other domain", "translate", "red", netlabel.Replace, func(g *gateway) []byte {
			return datagram(g.in(1), g.in(2), g.option(3, uint32(g.random.IntN(g.set.labels))))
		}},
		{"labeled to single label: denied", "deny", "red", netlabel.Drop, func(g *gateway) []byte {
			for {
				to, object := g.single()
				subject := uint32(g.random.IntN(g.set.labels))
				if subject != object && !g.rules[pair{subject, object}] {
					return datagram(g.in(1), to, g.option(3, subject))
				}
			}
		}},
	}
}

// datagram builds a UDP packet with 64 bytes of data.
func datagram(src, dst netip.Addr, option []byte) []byte {
	const udp, data = 8, 64
	header := 20 + (len(option)+3)/4*4
	p := make([]byte, header+udp+data)
	p[0] = 0x40 | byte(header/4)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	p[8], p[9] = 64, 17
	s, d := src.As4(), dst.As4()
	copy(p[12:], s[:])
	copy(p[16:], d[:])
	copy(p[20:], option)
	var sum uint32
	for i := 0; i < header; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	binary.BigEndian.PutUint16(p[header:], 4000)
	binary.BigEndian.PutUint16(p[header+2:], 9999)
	binary.BigEndian.PutUint16(p[header+4:], udp+data)
	return p
}

// check runs each packet through Process once: what is to be timed must be what
// its name says.
func (g *gateway) check(k traffic, packets [][]byte, out []byte) error {
	for _, p := range packets {
		v := g.snapshot.Process(netlabel.Forward, g.zones[k.from], p, out)
		if v.Action != k.action || v.Action == netlabel.Drop && v.Reason != netlabel.ReasonNoRule && v.Reason != netlabel.ReasonRuleLacks {
			return fmt.Errorf("%s, %s networks, %s: %s %s", g.set.name, thousands(g.hosts), k.name, v.Action, v.Reason)
		}
	}
	return nil
}
