package cipso

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Cases in which the kernel found fault with the contents of another option:
// what is wrong with those is not for this package to say.
var faultsInOtherOptions = []string{"rr_bad_ptr_after"}

var (
	parameterProblem = regexp.MustCompile(`type12/code0/ptr(\d+)`)
	noteLabel        = regexp.MustCompile(`^level (\d+) cats (\[.*\])$`)
	hostDOI          = regexp.MustCompile(`^doi=(\d+) `)
)

// A Smack kernel answered an option with an ICMP parameter problem exactly
// when a compat decoder finds fault with it, and pointed at the same byte.
func TestKernelReceive(t *testing.T) {
	rows, faulty, labels, spelt := 0, 0, 0, 0
	other := make(map[string]bool)
	for _, r := range table(t, "receive/rx_vectors.tsv") {
		switch {
		case !slices.Contains([]string{"bad", "valid", "sizes", "doi"}, r["group"]):
			continue
		case r["proto"] != "udp" && r["proto"] != "forward":
			t.Fatalf("%v", r)
		}
		rows++
		where := r["group"] + "/" + r["case"] + "/" + r["proto"] + "/" + r["receiver"]
		area := r.options(t)
		doi := DOI(3)
		if m := hostDOI.FindStringSubmatch(r["case"]); m != nil {
			n, err := strconv.ParseUint(m[1], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			doi = DOI(n)
		}
		want := 0
		if m := parameterProblem.FindStringSubmatch(r["icmp_back"]); m != nil {
			want, _ = strconv.Atoi(m[1])
		}
		d := smackHost(doi)
		var o Option
		got, elsewhere := walk(&d, area, want, &o)
		if elsewhere {
			other[r["case"]] = true
			continue
		}
		if got != want {
			t.Errorf("%s: %x: pointer %d, the kernel has %d (0: none)", where, area, got, want)
		}
		if want != 0 {
			faulty++
			continue
		}
		// What the kernel recognized, the decoder read alike.
		if m := noteLabel.FindStringSubmatch(r["note"]); m != nil {
			var list []uint16
			if err := json.Unmarshal([]byte(m[2]), &list); err != nil {
				t.Fatal(err)
			}
			var label Label
			level, _ := strconv.Atoi(m[1])
			label.Level = uint8(level)
			for _, c := range list {
				label.Categories.Add(c, c)
			}
			if o.Label != label {
				t.Errorf("%s: %s, want %s", where, labelText(&o.Label), labelText(&label))
			}
			labels++
		}
		if name, ok := strings.CutPrefix(r["case"], "direct_"); ok {
			if text, ok := DirectText(&o.Label.Categories, nil); !ok || string(text) != name || o.Label.Level != DirectLevel {
				t.Errorf("%s: spells %q", where, text)
			}
		}
		if seen := r["label_seen"]; r["proto"] == "udp" && o.Label.Level == DirectLevel && seen != "" && seen != "@" && seen != "_" {
			if text, ok := DirectText(&o.Label.Categories, nil); !ok || string(text) != seen {
				t.Errorf("%s: spells %q, the receiver saw %q", where, text, seen)
			}
			spelt++
		}
	}
	for _, name := range faultsInOtherOptions {
		if !other[name] {
			t.Errorf("%s: its fault is not in another option", name)
		}
		delete(other, name)
	}
	if len(other) > 0 {
		t.Errorf("faults in other options: %v", other)
	}
	if rows < 1000 || faulty < 500 || labels < 30 || spelt < 50 {
		t.Errorf("only %d rows, %d faulty, %d labels, %d spelt", rows, faulty, labels, spelt)
	}
	t.Logf("%d rows: %d faulty, %d with a known mapping, %d with a known label", rows, faulty, labels, spelt)
}

// walk is the least that finds option 134: the kernel's loop over the options
// without what it checks inside of the others. It returns the ICMP pointer of
// the first fault, 0 if there is none, or true if the kernel's pointer lies
// inside of another option that comes first.
func walk(d *Decoder, area []byte, kernel int, o *Option) (pointer int, elsewhere bool) {
	const header = 20
	found := false
	for at := 0; at < len(area); {
		switch area[at] {
		case 0:
			return 0, false
		case 1:
			at++
			continue
		case OptionType:
			// A length that leads out of the header is found before the second
			// option is.
			if at+1 >= len(area) || area[at+1] < 2 || at+int(area[at+1]) > len(area) {
				_, f := d.Decode(area[at:], new(Option))
				return f.Pointer(header + at), false
			}
			if found {
				return Fault{Code: FaultSecondOption}.Pointer(header + at), false
			}
			found = true
			if _, f := d.Decode(area[at:], o); f.Code != NoFault {
				return f.Pointer(header + at), false
			}
		default:
			if at+1 >= len(area) || area[at+1] < 2 || at+int(area[at+1]) > len(area) {
				return header + at, false
			}
			if kernel >= header+at && kernel < header+at+int(area[at+1]) {
				return 0, true
			}
		}
		at += int(area[at+1])
	}
	return 0, false
}
