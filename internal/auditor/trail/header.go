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

// fileNumber returns the number in the name of a file that was closed, 0 when it
// has none.
func fileNumber(name string) uint64 {
	n, err := strconv.ParseUint(name[strings.LastIndexByte(name, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
