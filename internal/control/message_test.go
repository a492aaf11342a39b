package control

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       request
		err        string // "" for none
	}{
		{name: "verb", text: `{"verb":"status"}`, want: request{Verb: "status"}},
		{name: "arguments", text: `{"verb":"rules","args":{"cursor":"7.2","limit":5}}`, want: request{Verb: "rules", Args: Args{Cursor: "7.2", Limit: 5}}},
		{name: "space around", text: " {\n\"verb\" : \"x\" }\t", want: request{Verb: "x"}},
		{name: "nothing asked", text: `{}`},
		{name: "empty", text: ``, err: "too early"},
		{name: "cut off", text: `{"verb":"sta`, err: "too early"},
		{name: "two", text: `{"verb":"status"}{"verb":"reload"}`, err: "nothing behind"},
		{name: "rubbish behind", text: `{"verb":"status"}x`, err: "nothing behind"},
		{name: "unknown key", text: `{"verb":"status","uid":0}`, err: `unknown field "uid"`},
		{name: "unknown argument", text: `{"verb":"rules","args":{"uid":0}}`, err: `unknown field "uid"`},
		{name: "verb is a number", text: `{"verb":1}`, err: "cannot unmarshal"},
		{name: "list", text: `["status"]`, err: "cannot unmarshal"},
		{name: "limit is a fraction", text: `{"verb":"rules","args":{"limit":1.5}}`, err: "cannot unmarshal"},
		{name: "limit is huge", text: `{"verb":"rules","args":{"limit":99999999999999999999}}`, err: "cannot unmarshal"},
		{name: "not UTF-8", text: "{\"verb\":\"\xff\"}", err: "UTF-8"},
		{name: "half of a pair", text: `{"verb":"\ud800"}`, want: request{Verb: "\uFFFD"}},
		{name: "deep", text: strings.Repeat("[", 60000), err: "exceeded max depth"},
		{name: "deep and closed", text: `{"args":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, err: "exceeded max depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseRequest([]byte(tt.text))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got != tt.want {
				t.Errorf("request %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestCheckArguments(t *testing.T) {
	paged, plain := Verb{Name: "rules", Paged: true}, Verb{Name: "status"}
	for _, tt := range []struct {
		name string
		verb Verb
		args Args
		ok   bool
	}{
		{name: "none", verb: plain, ok: true},
		{name: "none for a page", verb: paged, ok: true},
		{name: "most", verb: paged, args: Args{Limit: MaxRows, Cursor: strings.Repeat("x", MaxCursor)}, ok: true},
		{name: "limit where there are no pages", verb: plain, args: Args{Limit: 1}},
		{name: "cursor where there are no pages", verb: plain, args: Args{Cursor: "1.1"}},
		{name: "negative limit", verb: paged, args: Args{Limit: -1}},
		{name: "limit too high", verb: paged, args: Args{Limit: MaxRows + 1}},
		{name: "long cursor", verb: paged, args: Args{Cursor: strings.Repeat("x", MaxCursor+1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := (&request{Args: tt.args}).check(tt.verb)
			if (e == nil) != tt.ok || e != nil && e.Code != CodeBadRequest {
				t.Errorf("error %v", e)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{name: "plain", text: "status", want: "status"},
		{name: "escape", text: "\x1b[31mred\n", want: "?[31mred?"},
		{name: "not ASCII", text: "ü", want: "??"},
		{name: "long", text: "0123456789abc", want: "0123456789"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.text, 10); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzRequest: what is taken means the same when it is written anew, and asks for
// nothing that the table of verbs does not know.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{`{"verb":"status"}`, `{"verb":"rules","args":{"cursor":"7.2","limit":5}}`, `{"Verb":"x","verb":"y"}`, `null`, `[]`, `{"verb":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			if r != (request{}) {
				t.Fatalf("a refused request is %+v", r)
			}
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := parseRequest(again); err != nil || s != r {
			t.Fatalf("%+v is written as %s and read as %+v (%v)", r, again, s, err)
		}
		if v, ok := Lookup(r.Verb); ok {
			r.check(v)
		}
		for _, c := range []byte(printable(r.Verb, 32)) {
			if c < 0x20 || c > 0x7e {
				t.Fatalf("printable %q", r.Verb)
			}
		}
	})
}
