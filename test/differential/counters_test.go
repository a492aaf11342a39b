package differential

import (
	"slices"
	"strconv"
	"strings"
)

// Linux has no answer to some options that it takes, and to some that it refuses:
// the answer would have to go back a source route that leads nowhere, or to note
// an address where there is no room for another. What became of such a packet is
// in the counters of its namespace.

// settle sends a probe that had no answer once more, alone, and reads what became
// of it.
func (k *kernel) settle(p *probe) {
	k.t.Helper()
	again := k.numbered(slices.Clone(p.packet))
	echoes, faults := k.counters()
	k.ask([]*probe{again})
	echoesAfter, faultsAfter := k.counters()
	const end = 1 // the echo that marks the end of a window
	delivered, wrong := echoesAfter-echoes-end, faultsAfter-faults
	switch {
	case again.answer != silent || delivered+wrong > 1:
		k.t.Errorf("options %x: no answer, then another one: %d delivered, %d wrong, answer %d", p.area(), delivered, wrong, again.answer)
		k.unexplained++
	case delivered == 1:
		p.answer = takenUnanswered
	case wrong == 1:
		p.answer = refusedUnanswered
	default:
		p.answer = notRouted
	}
}

// counters returns how many echo requests were delivered and how many headers
// were wrong.
func (k *kernel) counters() (echoes, faults int) {
	k.t.Helper()
	n, err := k.snmp.ReadAt(k.buf, 0)
	if n == 0 {
		k.t.Fatal("counters: ", err)
	}
	lines := strings.Split(string(k.buf[:n]), "\n")
	value := func(group, name string) int {
		for i := 0; i+1 < len(lines); i += 2 {
			names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
			at := slices.Index(names, name)
			if at < 0 || at >= len(values) || names[0] != group {
				continue
			}
			n, err := strconv.Atoi(values[at])
			if err != nil {
				k.t.Fatal("counters: ", err)
			}
			return n
		}
		k.t.Fatalf("no counter %s %s", group, name)
		return 0
	}
	return value("Icmp:", "InEchos"), value("Ip:", "InHdrErrors")
}
