package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// status is the part of /proc/PID/status that is about privileges.
type status struct {
	uid, gid             int
	permitted, effective capabilities
	inheritable          capabilities
	bounding, ambient    capabilities
	noNewPrivileges      bool
	seccomp              int
	filters              int
}

// weakest returns what can be said of all of them.
func weakest(all []status) status {
	w := all[0]
	for _, s := range all[1:] {
		w.permitted |= s.permitted
		w.effective |= s.effective
		w.inheritable |= s.inheritable
		w.bounding |= s.bounding
		w.ambient |= s.ambient
		w.noNewPrivileges = w.noNewPrivileges && s.noNewPrivileges
		w.seccomp = min(w.seccomp, s.seccomp)
		w.filters = min(w.filters, s.filters)
		w.uid, w.gid = min(w.uid, s.uid), min(w.gid, s.gid)
	}
	return w
}

func (s status) state() State {
	return State{
		UID: s.uid, GID: s.gid,
		Capabilities:    s.permitted.names(),
		Bounding:        s.bounding.names(),
		Ambient:         s.ambient.names(),
		NoNewPrivileges: s.noNewPrivileges,
		Seccomp:         s.seccomp == unix.SECCOMP_MODE_FILTER,
		Filters:         s.filters,
		Missing:         []string{},
	}
}

func parseStatus(text []byte) (status, error) {
	var s status
	found := 0
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		key, value, _ := strings.Cut(in.Text(), ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		var err error
		number := func(to *int, i int) {
			if i >= len(fields) {
				err = io.ErrUnexpectedEOF
				return
			}
			*to, err = strconv.Atoi(fields[i])
		}
		mask := func(to *capabilities) {
			var n uint64
			n, err = strconv.ParseUint(fields[0], 16, 64)
			*to = capabilities(n)
		}
		found++
		switch key {
		case "Uid":
			number(&s.uid, 1)
		case "Gid":
			number(&s.gid, 1)
		case "CapInh":
			mask(&s.inheritable)
		case "CapPrm":
			mask(&s.permitted)
		case "CapEff":
			mask(&s.effective)
		case "CapBnd":
			mask(&s.bounding)
		case "CapAmb":
			mask(&s.ambient)
		case "NoNewPrivs":
			s.noNewPrivileges = fields[0] == "1"
		case "Seccomp":
			number(&s.seccomp, 0)
		case "Seccomp_filters": // kernels since 5.9
			found--
			number(&s.filters, 0)
		default:
			found--
		}
		if err != nil {
			return s, fmt.Errorf("status: %s: %w", key, err)
		}
	}
	if found != 9 {
		return s, fmt.Errorf("status: %d of 9 lines about privileges", found)
	}
	return s, nil
}
