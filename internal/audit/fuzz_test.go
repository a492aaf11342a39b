package audit

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRecord holds that nothing in a record can forge another field or line, in
// either form, and that nothing of it is lost.
func FuzzRecord(f *testing.F) {
	f.Add("Pop", "Snap", "Pop", "no-rule", "accesses.d/site:12", []byte{0x86, 6, 0, 0, 0, 3})
	f.Add("a b", "\n", "\"", "AB", "x=y \x1b[m", []byte{})
	f.Fuzz(func(t *testing.T, subject, object, direct, reason, rule string, option []byte) {
		want := Record{Event: EventDecision, Subject: subject, Object: object, Direct: direct, Reason: reason, Rule: rule, OptionIn: MakeOption(option)}
		text := want.AppendText(nil)
		for _, c := range text {
			if c < ' ' || c > '~' {
				t.Fatalf("byte %#x in %q", c, text)
			}
		}
		got, err := ParseText(string(text))
		if diff := cmp.Diff(want, got, compare); err != nil || diff != "" {
			t.Fatalf("%s\nread back: %v (-want +got):\n%s", text, err, diff)
		}
		object2 := want.AppendJSON(nil)
		for _, c := range object2 {
			if c < ' ' || c > '~' {
				t.Fatalf("byte %#x in %q", c, object2)
			}
		}
		if !json.Valid(object2) {
			t.Fatalf("not JSON: %s", object2)
		}
		got, err = ParseJSON(object2)
		// Names come back whole; words lose what is not UTF-8.
		if err != nil || got.Subject != subject || got.Object != object || got.Direct != direct || got.OptionIn != want.OptionIn {
			t.Fatalf("%s\nread back: %v %+v", object2, err, got)
		}
	})
}

// FuzzParse holds that what was read is written in one way only.
func FuzzParse(f *testing.F) {
	r := full()
	f.Add(r.AppendText(nil))
	f.Add(r.AppendJSON(nil))
	f.Fuzz(func(t *testing.T, line []byte) {
		if r, err := ParseText(string(line)); err == nil {
			again(t, r)
		}
		r, err := ParseJSON(line)
		if err == nil {
			again(t, r)
		}
		slow, err2 := parseJSON(line)
		if diff := cmp.Diff(slow, r, compare); (err == nil) != (err2 == nil) || diff != "" {
			t.Errorf("%q: %v, slowly %v (-slow +quick):\n%s", line, err, err2, diff)
		}
	})
}

func again(t *testing.T, r Record) {
	object := r.AppendJSON(nil)
	back, err := ParseJSON(object)
	if err != nil || string(back.AppendJSON(nil)) != string(object) {
		t.Errorf("%s\nread back: %v %s", object, err, back.AppendJSON(nil))
	}
	text := r.AppendText(nil)
	back, err = ParseText(string(text))
	if err != nil || string(back.AppendText(nil)) != string(text) {
		t.Errorf("%s\nread back: %v %s", text, err, back.AppendText(nil))
	}
}
