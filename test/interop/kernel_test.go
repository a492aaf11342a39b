//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// judgement is an audit record in which a guest's kernel judges a packet.
type judgement struct {
	fn, action, subject, object string
	saddr, daddr                netip.Addr
	src, dest                   uint16 // 0 for protocols without
}

// parseJudgement reads a record of the kernel.
func parseJudgement(line string) (j judgement, err error) {
	for field := range strings.FieldsSeq(line) {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "fn":
			j.fn = value
		case "action":
			j.action = value
		case "subject":
			j.subject = strings.Trim(value, `"`)
		case "object":
			j.object = strings.Trim(value, `"`)
		case "saddr":
			j.saddr, err = netip.ParseAddr(value)
		case "daddr":
			j.daddr, err = netip.ParseAddr(value)
		case "src":
			j.src, err = port(value)
		case "dest":
			j.dest, err = port(value)
		}
		if err != nil {
			return j, fmt.Errorf("%q: %w", line, err)
		}
	}
	return j, nil
}

func port(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}
