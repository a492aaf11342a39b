package netlabel

import "labelgate/engine"

// Known is what is remembered about a packet from before it came: by the mark
// that it was given at an earlier hook, and by the tables of flows that stand
// beside Process. The zero value knows nothing. It can name a subject; it cannot
// make a rule allow what it denies.
type Known struct {
	// Subject is whose data the packet carries where that is settled, engine.Unknown
	// where it is not. A CIPSO option in the packet counts before it.
	Subject engine.Label
	From    LabelSource // says who settled it; valid with Subject

	// Held says that the packet was judged at an earlier hook and that NOPs stand
	// where its CIPSO option was.
	Held bool

	// Reported is the label of the datagram that an ICMP error reports,
	// engine.Unknown when it is not known to have passed here.
	Reported engine.Label
	// Grew is by how many bytes that datagram grew on its way through; negative
	// when it shrank.
	Grew int
	// Own says that this gateway wrote the ICMP error itself: it quotes what came,
	// not what left.
	Own bool
	// Bare says of such an error that the packet which it answers came without
	// options.
	Bare bool
}
