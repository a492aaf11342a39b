package packets

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Step is one packet and what must become of it, written as
//
//	FROM > TO WORD... => OUTCOME WORD...
//
// FROM and TO are hosts of the table; "gateway" as TO is its address on FROM's
// cable. A packet is a sound UDP datagram unless words say otherwise. Those with a
// value are written WORD=VALUE:
//
//	src, dst            another address than the hosts'
//	opt                 IP options: names of the table and hexadecimal digits, with + between
//	ttl, tos, id        fields of the header
//	df, mf, evil        its flags, the reserved one among them
//	at                  the fragment's offset in bytes; its data follows without a layer-4 header
//	proto               another protocol, with nothing known behind the header
//	port, sport         of UDP or TCP
//	tcp                 with its flags, as in tcp=syn
//	mss                 offered in a TCP SYN
//	icmp                a message, as in icmp=8/0
//	word                the second word of an ICMP message: pointer, MTU and the like, in hexadecimal
//	quote               what an ICMP error quotes: sent or arrived (the row's last packet), stranger, error
//	keep                of that, so many bytes
//	size                bytes behind the layer-4 header
//	total-size          of the whole packet
//	l4                  bytes of the layer-4 part that are there
//	body                the layer-4 part, in hexadecimal
//	icmpsum             bad: the checksum of the ICMP message
//	version, ihl, total lies of the header; total may be relative, as in +4
//	sum                 bad: its checksum
//	pad                 what the link puts behind the packet, in hexadecimal
//	cut                 bytes of the packet that are there
//	tag                 a VLAN tag in front, as in tag=8100:0005; may be repeated
//	ether               the frame's ethertype in hexadecimal
//	head                what stands between the frame's header and the packet, in hexadecimal
//	frame               in hexadecimal, instead of a packet
//	arp                 instead of a packet, asks for the address
//	times               it is sent so often
type Step struct {
	From, To string
	Packet   Packet
	Outcome  Outcome
}

// Packet describes what is sent. Its fields are the words of a Step.
type Packet struct {
	src, dst netip.Addr

	options         []byte
	ttl, tos        uint8
	id              int // -1: the row's
	df, mf, evil    bool
	at              int
	proto           int
	sport, dport    int // -1: the row's
	tcp             string
	mss             int
	icmp            []uint8 // type and code
	word            []byte
	quote           string
	keep            int // -1: all of it
	size, whole, l4 int // -1: as it comes
	body            []byte
	badICMP         bool
	version, ihl    int // -1: the truth
	total           string
	badSum          bool
	pad             []byte
	cut             int // -1: nothing
	tags            []byte
	ether           int
	head, frame     []byte
	arp             netip.Addr
	times           int
}

func newPacket() Packet {
	return Packet{
		ttl: 64, id: -1, proto: protoUDP, sport: -1, dport: inbox, keep: -1, size: 32, whole: -1, l4: -1,
		version: -1, ihl: -1, cut: -1, ether: etherIPv4, times: 1,
	}
}

// inbox is the port that packets go to.
const inbox = 7777

func (t *Table) step(text string) (s Step, err error) {
	sent, outcome, ok := strings.Cut(text, "=>")
	words := strings.Fields(sent)
	if !ok || len(words) < 3 || words[1] != ">" {
		return s, fmt.Errorf("a step is FROM > TO WORD... => OUTCOME")
	}
	s = Step{From: words[0], To: words[2], Packet: newPacket()}
	for _, h := range []string{s.From, s.To} {
		if _, ok := t.hosts[h]; !ok && (h != gateway || h == s.From) {
			return s, fmt.Errorf("there is no host %q", h)
		}
	}
	for _, w := range words[3:] {
		name, value, has := strings.Cut(w, "=")
		if err := s.Packet.set(t, name, value, has); err != nil {
			return s, fmt.Errorf("%s: %w", w, err)
		}
	}
	s.Outcome, err = t.outcome(strings.Fields(outcome))
	return s, err
}

// gateway stands for the gateway itself as a receiver.
const gateway = "gateway"

// set takes one word.
func (p *Packet) set(t *Table, name, value string, has bool) (err error) {
	if has == (name == "df" || name == "mf" || name == "evil") {
		return fmt.Errorf("a value where none belongs, or none")
	}
	number := func(to *int, limit int) error {
		n, err := strconv.ParseUint(value, 10, 32)
		if err == nil && int(n) > limit {
			err = fmt.Errorf("at most %d", limit)
		}
		*to = int(n)
		return err
	}
	octet := func(to *uint8) error {
		n, err := strconv.ParseUint(value, 10, 8)
		*to = uint8(n)
		return err
	}
	digits := func(to *[]byte) error {
		b, err := hex.DecodeString(value)
		*to = b
		return err
	}
	switch name {
	case "src":
		p.src, err = netip.ParseAddr(value)
	case "dst":
		p.dst, err = netip.ParseAddr(value)
	case "opt":
		p.options, err = t.option(value)
	case "ttl":
		err = octet(&p.ttl)
	case "tos":
		err = octet(&p.tos)
	case "id":
		err = number(&p.id, 65535)
	case "df":
		p.df = true
	case "mf":
		p.mf = true
	case "evil":
		p.evil = true
	case "at":
		if err = number(&p.at, 65528); err == nil && p.at%8 != 0 {
			err = fmt.Errorf("not a multiple of 8")
		}
	case "proto":
		err = number(&p.proto, 255)
	case "port":
		err = number(&p.dport, 65535)
	case "sport":
		err = number(&p.sport, 65535)
	case "tcp":
		p.proto, p.tcp = protoTCP, value
	case "mss":
		err = number(&p.mss, 65535)
	case "icmp":
		p.proto = protoICMP
		p.icmp, err = pair(value)
	case "word":
		if err = digits(&p.word); err == nil && len(p.word) != 4 {
			err = fmt.Errorf("a word has four bytes")
		}
	case "quote":
		p.quote = value
		if value != quoteSent && value != quoteArrived && value != quoteStranger && value != quoteError {
			err = fmt.Errorf("nobody knows what that is")
		}
	case "keep":
		err = number(&p.keep, 65535)
	case "size":
		err = number(&p.size, 65535)
	case "total-size":
		err = number(&p.whole, 65535)
	case "l4":
		err = number(&p.l4, 65535)
	case "body":
		err = digits(&p.body)
	case "icmpsum":
		p.badICMP = value == "bad"
	case "version":
		err = number(&p.version, 15)
	case "ihl":
		err = number(&p.ihl, 15)
	case "total":
		p.total = value
		_, err = strconv.ParseInt(value, 10, 32)
	case "sum":
		p.badSum = value == "bad"
	case "pad":
		err = digits(&p.pad)
	case "cut":
		err = number(&p.cut, 65535)
	case "tag":
		var tag []byte
		tag, err = hex.DecodeString(strings.Replace(value, ":", "", 1))
		if err == nil && len(tag) != 4 {
			err = fmt.Errorf("a tag is TPID:TCI")
		}
		p.tags = append(p.tags, tag...)
	case "ether":
		var e uint64
		e, err = strconv.ParseUint(value, 16, 16)
		p.ether = int(e)
	case "head":
		err = digits(&p.head)
	case "frame":
		err = digits(&p.frame)
	case "times":
		err = number(&p.times, 1000)
	case "arp":
		p.arp, err = netip.ParseAddr(value)
	default:
		return fmt.Errorf("no such word")
	}
	return err
}

// pair reads two numbers with a slash between them.
func pair(text string) ([]uint8, error) {
	a, b, _ := strings.Cut(text, "/")
	first, err1 := strconv.ParseUint(a, 10, 8)
	second, err2 := strconv.ParseUint(b, 10, 8)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("not TYPE/CODE")
	}
	return []uint8{uint8(first), uint8(second)}, nil
}
