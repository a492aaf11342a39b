package ipv4

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What a Smack kernel answered to crafted packets, see the README there.
const vectorFile = "../../test/vectors/receive/rx_vectors.tsv"

// TestKernelVectors holds Parse against the recorded answers. Where the kernel
// points into a CIPSO option that ends inside the header, the fault is not ours
// to find: there Parse must not object to anything before that option's end.
func TestKernelVectors(t *testing.T) {
	f, err := os.Open(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.ReuseRecord = '\t', true, true
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	for _, name := range []string{"group", "case", "ip_options_hex", "icmp_back", "note"} {
		if _, ok := column[name]; !ok {
			t.Fatalf("%s: no column %q", vectorFile, name)
		}
	}

	var compared, inCIPSO, sound int
	for line := 2; ; line++ {
		row, err := r.Read()
		if err != nil {
			break // checked by the count below
		}
		get := func(name string) string { return row[column[name]] }
		answer := get("icmp_back")
		pointer := -1
		if rest, ok := strings.CutPrefix(answer, "type12/code0/ptr"); ok {
			rest, _, _ = strings.Cut(rest, " ")
			if pointer, err = strconv.Atoi(rest); err != nil {
				t.Fatalf("line %d: %q", line, answer)
			}
		}
		// In rows about fragments: first+second.
		first, second, fragments := strings.Cut(get("ip_options_hex"), "+")
		for i, options := range []string{first, second} {
			if i == 1 && !fragments {
				break
			}
			var v View
			fault := v.Parse(makePacket(unhex(t, options), 17, counting(16)), Compat)
			switch {
			case fragments && pointer >= 0 && i == 1:
				// The answer is about the first.
			case strings.Contains(get("note"), "icmp-type12"):
				// TCP rows do not record where it points.
			case pointer < 0:
				sound++
				if fault.Code != NoFault {
					t.Errorf("line %d, %s: the kernel took %s, we find %v at %d", line, get("case"), options, fault.Code, fault.Pointer)
				}
			case v.CIPSO != 0 && v.CIPSO < pointer && pointer < v.CIPSO+v.CIPSOLen:
				inCIPSO++
				if fault.Code != NoFault && int(fault.Pointer) < v.CIPSO+v.CIPSOLen {
					t.Errorf("line %d, %s: %s: pointer %d, we find %v at %d", line, get("case"), options, pointer, fault.Code, fault.Pointer)
				}
			default:
				compared++
				if fault.Code == NoFault || int(fault.Pointer) != pointer {
					t.Errorf("line %d, %s: %s: pointer %d, we find %v at %d", line, get("case"), options, pointer, fault.Code, fault.Pointer)
				}
			}
		}
	}
	t.Logf("%d pointers compared, %d inside CIPSO, %d without objection", compared, inCIPSO, sound)
	if compared < 80 || inCIPSO < 500 || sound < 1000 {
		t.Errorf("only %d, %d and %d: the file is not read as it should be", compared, inCIPSO, sound)
	}
}
