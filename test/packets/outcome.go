package packets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Outcome is what must become of a packet.
//
//	drop REASON         recorded so, and nothing arrives
//	pass, add, strip, replace, blank
//	                    recorded so, and it arrives
//	local               recorded as a pass or a blank, and taken by the gateway itself
//	exempt              recorded as a pass, and goes no further than the gateway
//	counted COUNTER     seen by nobody but a counter: of netfilter (ethertype, ipv6), of the
//	                    kernel, by the name that nstat has for it, or of its interfaces
//	                    (rx_dropped)
//	answered            answered by the gateway's kernel; ARP
//	unjudged            arrives, and the gateway was not asked
//
// followed by words:
//
//	fault, byte         what the record says is wrong, and where in the header
//	subject             whose data it is, in the record
//	opt                 the options that arrive; bare for none, kept for those that were sent
//	nops                bytes of NOPs that arrive in place of the options
//	pieces              the packet arrives in so many fragments
//	quote               the options of the header that an arriving ICMP error quotes, bare for none
//	second              the second word of the ICMP message that arrives, in hexadecimal
//	mss                 the segment size that an arriving TCP SYN offers
//	gone                what was allowed goes no further than the gateway's kernel
//	then                and is dropped there for this reason, which another record tells
//	rises               a counter besides
//	hears               the ICMP message that its sender gets from the gateway: type, code and
//	                    a pointer or an MTU, as in 12/0:22
//	label               the options of that message; none without it
//	limit               of many such messages, so many a second and as many at once leave
type Outcome struct {
	Action string
	Reason string // of a drop, or the name of the counter

	Fault   string
	Byte    int
	Subject string
	Options []byte
	kept    bool
	Pieces  int
	quote   []byte // nil: there is none
	second  string
	mss     int
	gone    bool
	then    string
	rises   string

	Hears *Heard
}

// Heard is an ICMP message to the sender of a packet.
type Heard struct {
	Type, Code uint8
	Argument   int    // pointer or MTU
	Label      []byte // IP options
	Limit      int    // messages a second, and at once; 0 for all
}

// Actions of an Outcome.
const (
	drop     = "drop"
	pass     = "pass"
	add      = "add"
	strip    = "strip"
	replace  = "replace"
	blank    = "blank"
	local    = "local"
	exempt   = "exempt"
	counted  = "counted"
	answered = "answered"
	unjudged = "unjudged"
)

var actions = []string{drop, pass, add, strip, replace, blank, local, exempt, counted, answered, unjudged}

// Arrives reports whether the packet reaches its receiver.
func (o *Outcome) Arrives() bool {
	return slices.Contains([]string{pass, add, strip, replace, blank, unjudged}, o.Action) && !o.gone
}

// Recorded reports whether there is an audit record of the packet.
func (o *Outcome) Recorded() bool {
	return !slices.Contains([]string{counted, answered, unjudged}, o.Action)
}

func (t *Table) outcome(words []string) (o Outcome, err error) {
	if len(words) == 0 || !slices.Contains(actions, words[0]) {
		return o, fmt.Errorf("an outcome begins with one of %s", strings.Join(actions, ", "))
	}
	o = Outcome{Action: words[0], Pieces: 1}
	words = words[1:]
	if o.Action == drop || o.Action == counted {
		if len(words) == 0 {
			return o, fmt.Errorf("%s for which reason", o.Action)
		}
		o.Reason, words = words[0], words[1:]
	}
	o.kept = o.Action == pass || o.Action == unjudged
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		if err := o.set(t, name, value); err != nil {
			return o, fmt.Errorf("%s: %w", w, err)
		}
	}
	if (o.Action == add || o.Action == replace) && len(o.Options) == 0 {
		return o, fmt.Errorf("%s of what", o.Action)
	}
	return o, nil
}

func (o *Outcome) set(t *Table, name, value string) (err error) {
	switch name {
	case "fault":
		o.Fault = value
	case "byte":
		o.Byte, err = strconv.Atoi(value)
	case "subject":
		o.Subject = value
	case "opt":
		o.kept = value == "kept"
		if !o.kept {
			o.Options, err = t.bareOr(value)
		}
	case "nops":
		var n int
		n, err = strconv.Atoi(value)
		o.kept, o.Options = false, slices.Repeat([]byte{1}, n)
	case "pieces":
		o.Pieces, err = strconv.Atoi(value)
	case "quote":
		o.quote, err = t.bareOr(value)
	case "second":
		o.second = value
	case "mss":
		o.mss, err = strconv.Atoi(value)
	case "gone":
		o.gone = true
	case "then":
		o.then = value
	case "rises":
		o.rises = value
	case "hears":
		o.Hears, err = heard(value)
	case "label":
		if o.Hears == nil {
			return fmt.Errorf("nothing is heard")
		}
		o.Hears.Label, err = t.bareOr(value)
	case "limit":
		if o.Hears == nil {
			return fmt.Errorf("nothing is heard")
		}
		o.Hears.Limit, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("no such word")
	}
	return err
}

func (t *Table) bareOr(text string) ([]byte, error) {
	if text == "bare" {
		return []byte{}, nil
	}
	return t.option(text)
}

func heard(text string) (*Heard, error) {
	kind, argument, has := strings.Cut(text, ":")
	numbers, err := pair(kind)
	if err != nil {
		return nil, err
	}
	h := &Heard{Type: numbers[0], Code: numbers[1]}
	if has {
		h.Argument, err = strconv.Atoi(argument)
	}
	return h, err
}
