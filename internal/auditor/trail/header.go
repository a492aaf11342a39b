package trail

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"labelgate/internal/audit"
)

// Why a file was begun: the Reason of its first record.
const (
	FileCreated = "created" // there was none
	FileSize    = "size"
	FileAge     = "age"
	FileAsked   = "asked"
)

// FileRemoved is the Reason of an EventRotated that does not begin a file: Detail
// was removed, as the settings ask for.
const FileRemoved = "removed"

// parseHeader reads the first line of a file, which says where it belongs.
func parseHeader(line []byte) (audit.Record, error) {
	r, _, err := audit.Parse(line)
	switch {
	case err != nil:
		return r, err
	case r.Event != audit.EventRotated || r.File == 0:
		return r, errors.New("it does not begin a file")
	case len(r.Prev.Bytes()) != ChainLength:
		return r, fmt.Errorf("prev has %d bytes", len(r.Prev.Bytes()))
	}
	return r, nil
}

// FileName returns the name of a file of a trail once it is closed. While it is
// written it has the trail's own.
func FileName(trail string, number uint64) string {
	return fmt.Sprintf("%s.%0*d", trail, digits, number)
}

const digits = 6

// closedNumber returns the number in a name that FileName made, 0 for another.
func closedNumber(name string) uint64 {
	number := name[strings.LastIndexByte(name, '.')+1:]
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || len(number) < digits {
		return 0
	}
	return n
}
