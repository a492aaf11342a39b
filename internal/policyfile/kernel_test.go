package policyfile

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"labelgate/engine"
	"labelgate/hostmap"
)

// differences are the recorded writes that the kernel dialect does not treat as
// the kernel did, and why it does not.
func differences() map[string]string {
	const (
		stream    = "one rule is one line here; the kernel takes line ends for white space, and completes a line from the next"
		byFields  = "three fields set and four change, whichever file they are in"
		comment   = "who writes # alone wants a comment; the kernel stores a rule for a label #"
		truncated = "the kernel cuts a label at a character that cannot be in one"
		spaces    = "only spaces and tabs separate; other white space is an accident"
		empty     = "a file without lines, or with blank ones, says nothing; the kernel wants each write to say something"
		lines     = "each line is one mapping or entry; the kernel takes the first of a write and ignores the others"
		ignored   = "the kernel ignores what stands behind what it wants"
		misread   = "the kernel's reading of numbers stops early or runs on"
		modulo    = "the kernel looks neither at the size nor at the sign of an octet"
		octal     = "a leading zero means octal to other readers"
		dead      = "entries are not deleted but left out"
		mask      = "on a little-endian machine the kernel's mask of a part of a group is not that of a prefix"
		lineEnd   = "a line may have an end; the kernel wants the exact length"
		run       = "the kernel reads the digit behind 24 columns of label as part of the label, and as the level too"
	)
	return map[string]string{
		"load2/two_rules_one_line": stream, "load2/rule_split_over_lines": stream, "load2/six_fields": stream,
		"load2/four_fields": byFields, "change/three_fields": byFields, "change/second_line_bad": byFields, "change/empty_removed_field": byFields,
		"load2/comment":               comment,
		"load2/slash_label_truncated": truncated, "load2/slash_truncates_same": truncated, "cipso2/slash_label": truncated,
		"netlabel/slash_label": truncated, "revoke/slash": truncated,
		"load2/vt_sep": spaces, "load2/ff_sep": spaces, "load2/nbsp_sep": spaces,
		"load2/only_newline": empty, "load2/only_spaces": empty, "change/newline": empty, "cipso/empty": empty, "cipso2/empty": empty,
		"cipso2/nl": empty, "netlabel/empty": empty, "ipv6host/empty": empty,
		"cipso2/two_lines": lines, "netlabel/two_lines": lines, "ipv6host/two_lines": lines,
		"cipso2/count_too_small": ignored, "cipso2/count_0_with_cats": ignored, "netlabel/extra_field": ignored, "revoke/two": ignored,
		"cipso2/lvl_hex": misread, "cipso2/cat_5digits": misread, "netlabel/no_space": misread, "netlabel/mask_junk": misread, "ipv6host/nine_groups": misread,
		"netlabel/octet256": modulo, "netlabel/octet_neg": modulo, "netlabel/octet300": modulo,
		"netlabel/leading_zero": octal, "netlabel/mask_leading0": octal,
		"ipv6host/delete_absent": dead, "ipv6host/delete": dead, "ipv6host/delete_mask": dead,
		"ipv6host/mask20_not_multiple_of_16": mask, "ipv6host/mask36": mask,
		"cipso/trailing_nl": lineEnd, "cipso/label24": run,
	}
}

// recorded is one row of the recording.
type recorded struct {
	part, file, name, text, result string
	change                         []string
}

func (r *recorded) accepted() bool { return strings.HasPrefix(r.result, "OK:") }

// TestKernel writes to the kernel dialect what was written to a kernel, and
// compares what was accepted and what it came to mean.
func TestKernel(t *testing.T) {
	listed := differences()
	seen := make(map[string]bool)
	state := make(map[string]string)
	part, count := "", 0
	for _, r := range recording(t) {
		if r.part != part {
			part = r.part
			clear(state)
		}
		// Labels that load2 has imported are read back from cipso2 in that part.
		if parse := parsers()[r.file]; parse != nil && r.part+r.file != "cipso2load2" {
			count++
			key := r.part + "/" + r.name
			why := compare(&r, parse, state)
			switch _, ok := listed[key]; {
			case why != "" && !ok:
				t.Errorf("%s: %s\n  wrote %q: %s %q", key, why, r.text, r.result, r.change)
			case why == "" && ok:
				t.Errorf("%s is listed as a difference but is none", key)
			}
			seen[key] = true
		}
		settle(&r, state)
	}
	for key := range listed {
		if !seen[key] {
			t.Errorf("%s is listed as a difference but was not recorded", key)
		}
	}
	if count < 250 {
		t.Errorf("only %d rows compared", count)
	}
}

// parser reads text and returns what it sets, in the words of a listing: key to
// value. The state says what was there before.
type parser func(text string, state map[string]string) (map[string]string, Problems)

func parsers() map[string]parser {
	rules := func(text string, state map[string]string) (map[string]string, Problems) {
		b := engine.NewBuilder()
		file := b.File("state")
		for key, value := range state {
			if field := strings.Fields(key); field[0] == "load2" {
				s, _ := b.Intern(field[1])
				o, _ := b.Intern(field[2])
				b.Set(s, o, engine.ParseAccessKernel(value), file, 0)
			}
		}
		problems := Rules("write", []byte(text), Kernel, b)
		got := make(map[string]string)
		p := b.Build()
		for r := range p.Rules() {
			if r.Access != 0 {
				got["load2 "+p.Name(r.Subject)+" "+p.Name(r.Object)] = r.Access.String()
			}
		}
		return got, problems
	}
	table := func(file string, only family) parser {
		return func(text string, state map[string]string) (map[string]string, Problems) {
			got := maps.Clone(state)
			h := hosts{reporter: newReporter()}
			h.read("write", []byte(text), Kernel, only)
			for _, e := range h.list {
				label := e.Label
				if e.Kind == hostmap.CIPSO {
					label = "-CIPSO"
				}
				got[file+" "+e.Prefix.String()] = label
			}
			return got, h.problems
		}
	}
	mappings := func(text string, state map[string]string) (map[string]string, Problems) {
		got := maps.Clone(state)
		list, problems := Mappings("write", []byte(text), Kernel)
		for _, m := range list {
			got["cipso2 "+m.Label] = string(m.AppendText(nil))
		}
		return got, problems
	}
	return map[string]parser{
		"load2": rules, "change-rule": rules, "cipso": mappings, "cipso2": mappings,
		"netlabel": table("netlabel", ipv4Only), "ipv6host": table("ipv6host", ipv6Only),
		"revoke-subject": func(text string, state map[string]string) (map[string]string, Problems) {
			return rules("revoke-subject "+text, state)
		},
	}
}

// compare says how we differ from what was recorded, or "".
func compare(r *recorded, parse parser, state map[string]string) string {
	got, problems := parse(r.text, state)
	errors, _ := problems.Split()
	switch {
	case r.accepted() && len(errors) > 0:
		return "the kernel takes it, we do not: " + errors[0].Message
	case !r.accepted() && len(errors) == 0:
		return "the kernel refuses it, we do not"
	case !r.accepted():
		return ""
	}
	want := maps.Clone(state)
	settle(r, want)
	kind := strings.NewReplacer("change-rule", "load2", "revoke-subject", "load2", "cipso2", "cipso").Replace(r.file)
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if strings.HasPrefix(key, kind) && got[key] != want[key] {
			return fmt.Sprintf("%s is %q here, %q there", key, got[key], want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if strings.HasPrefix(key, kind) && got[key] != want[key] {
			return fmt.Sprintf("%s is %q here, %q there", key, got[key], want[key])
		}
	}
	return ""
}

// settle brings the state to what the kernel said afterwards.
func settle(r *recorded, state map[string]string) {
	for _, sign := range []string{"-", "+"} {
		for _, change := range r.change {
			file, line, ok := strings.Cut(change, ":"+sign)
			if !ok {
				continue
			}
			key, value := listing(file, line)
			if sign == "-" {
				delete(state, key)
			} else if key != "" {
				state[key] = value
			}
		}
	}
}

// listing splits a line of what the kernel lists into what it is about and what
// it says of that.
func listing(file, line string) (key, value string) {
	fields := strings.Fields(line)
	switch file {
	case "load2":
		return "load2 " + fields[0] + " " + fields[1], fields[2]
	case "cipso2":
		m, problems := Mappings("listing", []byte("# dialect: labelgate\n"+line), Labelgate)
		if len(m) != 1 || problems.Failed() {
			return "", ""
		}
		return "cipso2 " + m[0].Label, string(m[0].AppendText(nil))
	case "netlabel", "ipv6host":
		p, err := netip.ParsePrefix(fields[0])
		if err != nil {
			return "", ""
		}
		return file + " " + p.String(), fields[1]
	}
	return "", ""
}

// recording reads the recorded rows. Text that the recording shortened is left
// out, and so is what was not one write.
func recording(t *testing.T) []recorded {
	t.Helper()
	data, err := os.ReadFile("../../test/vectors/formats/load_format.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var rows []recorded
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		column := strings.Split(string(line), "\t")
		if i == 0 || strings.Contains(column[4], " bytes)") || strings.Contains(column[4], "second write") || strings.HasPrefix(column[2], "READBACK") {
			continue
		}
		length, err := strconv.Atoi(column[3])
		text := unescape(t, column[4])
		if err != nil || len(text) != length {
			t.Fatalf("row %d: %q has %d bytes, not %s", i+1, text, len(text), column[3])
		}
		r := recorded{part: column[0], file: column[1], name: column[2], text: text, result: column[5]}
		if len(column) > 6 && column[6] != "" {
			r.change = strings.Split(column[6], " ; ")
		}
		rows = append(rows, r)
	}
	return rows
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return text
}
