package control

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseCursor(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Cursor
		code       Code
	}{
		{name: "beginning", text: "", want: Cursor{7, 0}},
		{name: "somewhere", text: "7.1000", want: Cursor{7, 1000}},
		{name: "far", text: "7.18446744073709551615", want: Cursor{7, 1<<64 - 1}},
		{name: "of another generation", text: "6.1000", code: CodeStale},
		{name: "too far", text: "7.18446744073709551616", code: CodeBadRequest},
		{name: "no position", text: "7", code: CodeBadRequest},
		{name: "empty position", text: "7.", code: CodeBadRequest},
		{name: "negative", text: "7.-1", code: CodeBadRequest},
		{name: "words", text: "a.b", code: CodeBadRequest},
		{name: "large generation", text: "4294967296.1", code: CodeBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCursor(tt.text, 7)
			var e *Error
			if tt.code != "" {
				if !errors.As(err, &e) || e.Code != tt.code {
					t.Errorf("error %v, want one of code %s", err, tt.code)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("cursor %v (%v), want %v", got, err, tt.want)
			}
			if tt.text != "" && got.String() != tt.text {
				t.Errorf("written as %q", got.String())
			}
		})
	}
}

// A table comes back whole, in order and in answers that fit, whatever the rows
// are.
func TestPages(t *testing.T) {
	var table []Rule
	for i := range 5000 {
		table = append(table, Rule{Subject: strings.Repeat("s", i%255+1), Object: strings.Repeat("<", i%256), Access: "w", At: "f"})
	}
	for _, limit := range []int{0, 1, 7, MaxRows, MaxRows + 1} {
		got, pages := []Rule{}, 0
		for next := 0; next < len(table); pages++ {
			p := Page{Limit: limit}
			for next < len(table) {
				ok, err := p.Add(&table[next])
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				next++
			}
			r := p.Response("x")
			f, err := frame(answer{Result: r.Result, Next: r.Next}, MaxAnswer)
			if err != nil {
				t.Fatalf("limit %d, page %d: %v", limit, pages, err)
			}
			var a struct{ Result []Rule }
			if err := json.Unmarshal(f[headerLen:], &a); err != nil {
				t.Fatal(err)
			}
			if len(a.Result) != p.Len() || p.Len() == 0 {
				t.Fatalf("limit %d: %d rows of %d", limit, len(a.Result), p.Len())
			}
			got = append(got, a.Result...)
			if limit > 0 && limit < 100 && len(got) > 100 {
				break
			}
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], table[i]) {
				t.Fatalf("limit %d: row %d is %+v", limit, i, got[i])
			}
		}
	}
}

func TestPageEdges(t *testing.T) {
	empty, err := json.Marshal((&Page{}).Response("").Result)
	if err != nil || string(empty) != "[]" {
		t.Errorf("no rows are %s (%v)", empty, err)
	}
	if ok, err := (&Page{}).Add(strings.Repeat("x", pageBytes)); ok || err == nil {
		t.Error("a row larger than any page was taken, or would be asked for for ever")
	}
	p := Page{}
	p.Add("x")
	if ok, err := p.Add(strings.Repeat("x", pageBytes-4)); ok || err != nil {
		t.Errorf("a row for the next page: %v (%v)", ok, err)
	}
}
