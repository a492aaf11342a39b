package ipv4

// Repair is what RepairQuote did. The zero value is a refusal.
type Repair uint8

// What becomes of an ICMP error. All but QuoteUnchanged and QuoteRepaired are
// refusals: the message must not go on.
const (
	QuoteNotError    Repair = iota // not an ICMP error, or a damaged IP header or length around it
	QuoteUnchanged                 // nothing had to be changed
	QuoteRepaired                  // changed
	QuoteFragment                  // a fragment: its rest cannot be seen, its checksum not be set right
	QuoteBadChecksum               // the ICMP checksum was wrong already
	QuoteNotIPv4                   // what is quoted is no IPv4 header
	QuoteNested                    // what is quoted is an ICMP error, or may be the rest of one
	QuoteNoRoom                    // option and other options exceed 40 bytes, or buf is too short
	QuoteBadOption                 // option is not one well-formed CIPSO option

	repairs
)

var repairNames = [repairs]string{
	QuoteNotError:    "not-error",
	QuoteUnchanged:   "unchanged",
	QuoteRepaired:    "repaired",
	QuoteFragment:    "fragment",
	QuoteBadChecksum: "bad-checksum",
	QuoteNotIPv4:     "not-ipv4",
	QuoteNested:      "nested",
	QuoteNoRoom:      "no-room",
	QuoteBadOption:   "bad-option",
}

// String returns the constant name of r as records and metrics show it.
func (r Repair) String() string {
	if r < repairs {
		return repairNames[r]
	}
	return "unknown"
}
