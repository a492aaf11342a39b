package fragment

// minShare is the least number of datagrams that a zone can always have.
const minShare = 16

// shares counts the datagrams of each zone. Half of the table is divided among
// the zones, and what a zone's part has left is kept for it; the rest goes to
// whoever comes first.
//
// So a zone that has fewer datagrams in the table than its share finds room for
// another, whatever the other zones send; and one that has its share or more finds
// room as long as that leaves each of the others the rest of theirs.
type shares struct {
	share   int // of each zone
	zones   int // zones above have no share
	free    int // datagrams for which there is room
	claimed int // of these, what the zones' shares have left; never more than free
	held    [256]int
}

func newShares(datagrams, zones int) shares {
	zones = min(max(zones, 0), 255)
	sharing := zones + 1 // this machine is one
	s := shares{zones: zones, share: max(datagrams/2/sharing, minShare)}
	s.claimed = sharing * s.share
	s.free = max(datagrams, s.claimed)
	return s
}

// of returns the share of a zone.
func (s *shares) of(zone uint8) int {
	if int(zone) > s.zones {
		return 0
	}
	return s.share
}

// room reports whether a zone may have another datagram.
func (s *shares) room(zone uint8) bool {
	return s.held[zone] < s.of(zone) || s.free > s.claimed
}

// take counts one more datagram of a zone that has room.
func (s *shares) take(zone uint8) {
	if s.held[zone] < s.of(zone) {
		s.claimed--
	}
	s.held[zone]++
	s.free--
}

// give counts one less.
func (s *shares) give(zone uint8) {
	s.held[zone]--
	if s.held[zone] < s.of(zone) {
		s.claimed++
	}
	s.free++
}
